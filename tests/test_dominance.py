"""What leaves is held by what stays: measured on pictures."""

import io
import os
import tempfile

import numpy as np
import pandas as pd
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFilter, ImageOps

from imgdup_nb import choose_keepers, scan_images
from imgdup_nb.review.dominance import compare_holdings
from imgdup_nb.review.holdings import measure


def one_group(images):
    return pd.DataFrame({"group": 1, "image": images.image})


def picture(seed=0, size=(320, 240)):
    """Return a picture with large shapes and fine grain, as photographs have."""
    noise = np.random.default_rng(seed).normal(size=(size[1], size[0], 3))
    layers = [
        np.asarray(
            Image.fromarray(np.uint8(128 + 40 * noise.clip(-3, 3))).filter(
                ImageFilter.GaussianBlur(r)
            ),
            float,
        )
        for r in (0, 2, 12)
    ]
    strengths = (0.3, 2, 12)
    total = sum(s * (layer - layer.mean()) for s, layer in zip(strengths, layers, strict=True))
    return Image.fromarray(np.uint8((128 + total).clip(0, 255)))


def plan_for(folder, **pictures):
    for name, image in pictures.items():
        image.save(folder / f"{name}.png")
    for name in pictures:
        os.utime(folder / f"{name}.png", (1, 1))
    images = scan_images(folder)
    return choose_keepers(one_group(images), images).set_index("image")


def test_an_enlarged_copy_is_flagged_and_does_not_replace_the_picture_it_was_made_from(tmp_path):
    original = picture()
    plan = plan_for(
        tmp_path, original=original, larger=original.resize((640, 480), Image.Resampling.BICUBIC)
    )
    assert "enlarged?" in plan.flag["larger.png"]
    assert list(plan.action) == ["keep", "keep"]
    assert plan.index[0] == "original.png"


def test_a_picture_with_true_detail_replaces_its_small_copy_without_a_flag(tmp_path):
    original = picture()
    plan = plan_for(
        tmp_path, original=original, small=original.resize((160, 120), Image.Resampling.LANCZOS)
    )
    assert plan.action.to_dict() == {"original.png": "keep", "small.png": "remove"}
    assert set(plan.flag) == {""}


def test_a_larger_crop_is_flagged_and_the_whole_picture_stays_too(tmp_path):
    whole = picture(1)
    crop = whole.crop((40, 30, 300, 225)).resize((800, 600), Image.Resampling.LANCZOS)
    plan = plan_for(tmp_path, whole=whole, crop=crop)
    assert "cropped?" in plan.flag["crop.png"]
    assert list(plan.action) == ["keep", "keep"]
    assert plan.index[0] == "whole.png"


def test_a_smaller_crop_is_flagged_and_stays(tmp_path):
    whole = picture(2)
    plan = plan_for(tmp_path, whole=whole, crop=whole.crop((40, 30, 300, 225)))
    assert plan.flag["crop.png"] == "a part of whole.png (cropped)"
    assert plan.action["crop.png"] == "keep"
    assert plan.loses["crop.png"] == "its crop"


def test_a_mirrored_copy_is_flagged(tmp_path):
    original = picture(3)
    plan = plan_for(
        tmp_path, original=original, mirrored=ImageOps.mirror(original).resize((310, 232))
    )
    assert plan.flag["mirrored.png"] == "mirrored against original.png"


def test_a_grey_copy_is_no_keeper_while_there_is_one_in_colour(tmp_path):
    colour = Image.merge(
        "RGB", [picture(7).getchannel(0), *(picture(8).getchannel(k) for k in (1, 2))]
    )
    plan = plan_for(tmp_path, colour=colour.resize((300, 225)), grey=ImageOps.grayscale(colour))
    assert plan.flag["grey.png"] == "without the colours of colour.png"
    assert list(plan.action) == ["keep", "keep"]
    assert plan.index[0] == "colour.png"


def test_a_picture_that_is_mirrored_against_most_of_its_group_is_no_keeper(tmp_path):
    original = picture(4)
    odd = ImageOps.mirror(original)
    plan = plan_for(
        tmp_path, odd=odd, one=original.resize((316, 237)), two=original.resize((312, 234))
    )
    assert plan.index[0] == "one.png"
    assert plan.action.to_dict() == {"one.png": "keep", "odd.png": "keep", "two.png": "remove"}


def test_a_rule_of_ones_own_function_is_obeyed_and_its_choice_flagged(tmp_path):
    original = picture(5)
    original.save(tmp_path / "original.png")
    original.resize((640, 480), Image.Resampling.BICUBIC).save(tmp_path / "larger.png")
    images = scan_images(tmp_path)
    plan = choose_keepers(
        one_group(images), images, rule=lambda rows: rows.image[rows.pixels.idxmax()]
    )
    assert plan.image[0] == "larger.png"
    assert "enlarged?" in plan.flag[0]
    assert list(plan.action) == ["keep", "keep"]


def test_a_picture_that_vanished_since_the_scan_is_flagged_not_fatal(tmp_path):
    picture(6).save(tmp_path / "a.png")
    picture(6).resize((300, 225)).save(tmp_path / "b.png")
    images = scan_images(tmp_path)
    from imgdup_nb.engine.sketches import sketches

    sketches.forget()
    (tmp_path / "a.png").unlink()
    plan = choose_keepers(one_group(images), images).set_index("image")
    assert "cannot be compared" in plan.flag["a.png"]
    assert list(plan.action) == ["keep", "keep"]


CHANGES = {
    "same": lambda picture: picture,
    "grey": ImageOps.grayscale,
    "small": lambda picture: picture.resize((160, 120)),
    "large": lambda picture: picture.resize((480, 360)),
    "crop": lambda picture: picture.crop((40, 30, 300, 225)),
    "mirrored": ImageOps.mirror,
    "few colours": lambda picture: picture.quantize(32),
    "brighter": lambda picture: picture.point(lambda value: min(255, int(value * 1.3))),
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(2)),
}
FILES = [(".png", {}), (".jpg", {"quality": 92}), (".jpg", {"quality": 40}), (".tif", {})]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(CHANGES)), st.sampled_from(FILES), st.integers(0, 2)),
        min_size=2,
        max_size=5,
    )
)
def test_whatever_the_group_what_leaves_is_held_by_the_keeper_that_is_named(made):
    with tempfile.TemporaryDirectory() as folder:
        for number, (change, (suffix, options), age) in enumerate(made):
            path = f"{folder}/{number}{suffix}"
            changed = CHANGES[change](picture(9))
            if suffix == ".jpg":
                changed = changed.convert("L" if changed.mode == "L" else "RGB")
            changed.save(path, **options)
            os.utime(path, (1e9 + 1e6 * age, 1e9 + 1e6 * age))
        images = scan_images(folder)
        plan = choose_keepers(one_group(images), images)
        rows = {row["image"]: row for row in plan.to_dict("records")}
        assert sorted(rows) == sorted(images.image)
        for row in plan[plan.action == "remove"].to_dict("records"):
            keeper = rows[row["keeper"]]
            assert keeper["action"] == "keep"
            assert compare_holdings(measure(row), measure(keeper)).lacks == {}
        assert not plan[plan.action == "keep"].sha256.duplicated().any()


def with_exif(**entries):
    exif = Image.Exif()
    exif[271], exif[272] = "Canon", "EOS R5"
    exif.get_ifd(0x8769)[36867] = "2024:05:31 17:20:09"
    if entries.get("gps"):
        exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 29.0), 3: "E", 4: (2.0, 17.0, 40.0)})
    return exif


def decide(folder, **options):
    images = scan_images(folder)
    return choose_keepers(one_group(images), images, **options).set_index("image")


def test_a_camera_file_is_kept_before_the_png_that_was_made_from_it(tmp_path):
    picture(10).save(tmp_path / "IMG_1.jpg", quality=92, exif=with_exif())
    Image.open(tmp_path / "IMG_1.jpg").convert("RGB").save(tmp_path / "a.png")
    assert decide(tmp_path).action.to_dict() == {"IMG_1.jpg": "keep", "a.png": "remove"}


def test_metadata_that_only_the_smaller_file_has_is_named_and_may_be_given_up(tmp_path):
    picture(10).save(tmp_path / "large.png")
    picture(10).resize((160, 120)).save(tmp_path / "small.jpg", exif=with_exif(gps=True))
    plan = decide(tmp_path)
    assert plan.action["small.jpg"] == "keep"
    assert plan.loses["small.jpg"] == "date, GPS and camera"
    accepted = decide(tmp_path, accept=["metadata"])
    assert accepted.action["small.jpg"] == "remove"
    assert accepted.loses["small.jpg"] == "date, GPS and camera"


def test_a_jpeg_saved_again_at_a_higher_quality_leaves_and_its_source_stays(tmp_path):
    picture(11).save(tmp_path / "z.jpg", quality=60)
    Image.open(tmp_path / "z.jpg").save(tmp_path / "a.jpg", quality=97)
    assert decide(tmp_path).action.to_dict() == {"z.jpg": "keep", "a.jpg": "remove"}


def test_a_noisy_copy_with_more_bytes_does_not_replace_its_source(tmp_path):
    clean = picture(12)
    noise = np.random.default_rng(0).normal(0, 6, (240, 320, 3))
    clean.save(tmp_path / "z.jpg", quality=90)
    noisy = np.asarray(Image.open(tmp_path / "z.jpg")) + noise
    Image.fromarray(np.uint8(noisy.clip(0, 255))).save(tmp_path / "a.png")
    assert decide(tmp_path).action["z.jpg"] == "keep"


def test_an_animation_never_leaves_for_a_still_nor_for_another_animation(tmp_path):
    frames = [picture(seed, (96, 72)) for seed in (1, 2, 3, 4)]
    for name, order in (("a.gif", (0, 1, 2)), ("b.gif", (0, 2, 3))):
        first, *others = (frames[k] for k in order)
        first.save(tmp_path / name, save_all=True, append_images=others, duration=90)
    with Image.open(tmp_path / "a.gif") as animation:
        animation.convert("RGB").save(tmp_path / "still.png")
    plan = decide(tmp_path)
    assert plan.action.to_dict() == {"a.gif": "keep", "b.gif": "keep", "still.png": "remove"}
    assert plan.loses["b.gif"] == "other frames (3)"


def test_label_masks_of_16_bits_with_other_numbers_both_stay(tmp_path):
    labels = np.kron(np.arange(12).reshape(3, 4), np.ones((32, 32))).astype(np.uint16)
    Image.fromarray(labels * 300 + 1).save(tmp_path / "a.png")
    Image.fromarray(labels * 300 + 2).save(tmp_path / "b.png")
    plan = decide(tmp_path)
    assert list(plan.action) == ["keep", "keep"]
    assert plan.loses["b.png"].startswith("other values of 12 bits")


def test_a_transparent_picture_does_not_leave_for_its_flattened_copy(tmp_path):
    clear = picture(13).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    clear.save(tmp_path / "sticker.webp", quality=90)
    shown = Image.open(tmp_path / "sticker.webp").convert("RGBA")
    white = Image.new("RGBA", shown.size, "white")
    Image.alpha_composite(white, shown).convert("RGB").save(tmp_path / "a.png")
    assert decide(tmp_path).action["sticker.webp"] == "keep"


def test_a_raw_file_and_the_jpeg_of_the_same_shot_stay_together(tmp_path):
    picture(14).save(tmp_path / "DSC_1.tif")
    (tmp_path / "DSC_1.tif").rename(tmp_path / "DSC_1.NEF")
    picture(14).save(tmp_path / "DSC_1.JPG", quality=95)
    picture(14).save(tmp_path / "a.png")
    plan = decide(tmp_path)
    assert plan.action["DSC_1.NEF"] == plan.action["DSC_1.JPG"] == "keep"
    assert plan.reason["DSC_1.JPG"] == "one picture with DSC_1.NEF: RAW and developed, of one shot"


def test_an_edited_copy_stays_beside_its_source_flagged(tmp_path):
    original = picture(15)
    original.save(tmp_path / "IMG_0001.jpg", quality=92)
    edited = original.point(lambda value: min(255, int(value * 1.25)))
    edited.save(tmp_path / "IMG_E0001.jpg", quality=92)
    plan = decide(tmp_path)
    assert list(plan.action) == ["keep", "keep"]
    assert plan.flag["IMG_E0001.jpg"] == "IMG_0001.jpg lacks its look (edited?)"


def test_a_small_retouch_is_seen(tmp_path):
    original = picture(16)
    original.save(tmp_path / "a.png")
    original.paste("red", (150, 110, 174, 134))
    original.save(tmp_path / "b.png")
    assert list(decide(tmp_path).action) == ["keep", "keep"]


def test_a_damaged_file_is_the_last_choice_and_flagged(tmp_path):
    picture(17).save(tmp_path / "a.jpg", quality=92)
    picture(17).save(tmp_path / "b.jpg", quality=80)
    images = scan_images(tmp_path).assign(remarks=["premature end of data", ""])
    plan = choose_keepers(one_group(images), images).set_index("image")
    assert plan.index[0] == "b.jpg"
    assert plan.action["a.jpg"] == "keep"
    assert plan.flag["a.jpg"] == "damaged: premature end of data"


def test_a_flattened_copy_leaves_for_the_transparent_one_and_the_words_say_so(tmp_path):
    clear = picture().convert("RGBA")
    mask = Image.new("L", clear.size)
    mask.paste(255, (40, 30, 280, 210))
    clear.putalpha(mask)
    white = Image.new("RGBA", clear.size, "white")
    plan = plan_for(
        tmp_path, sticker=clear, flat=Image.alpha_composite(white, clear).convert("RGB")
    )
    assert plan.action["sticker.png"] == "keep"
    assert plan.action["flat.png"] == "remove"
    assert plan.reason["flat.png"] == "keeps the transparency of sticker.png; this has none"


def test_same_pixels_is_said_only_of_the_same_pixels(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (60, 80), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(grey).save(tmp_path / "b.png", compress_level=1)
    still, moved = (Image.fromarray(values) for values in (grey, 255 - grey))
    for name, level in [("c.tif", 0), ("d.tif", 5)]:
        later = Image.fromarray((np.asarray(moved) ^ level).astype(np.uint8))
        still.save(tmp_path / name, save_all=True, append_images=[later])
    images = scan_images(tmp_path)
    groups = pd.DataFrame({"group": [1, 1, 2, 2], "image": images.image})
    plan = choose_keepers(groups, images)
    gone = plan[plan.action == "remove"].set_index("group").reason
    assert gone[1].startswith("same pixels as")
    assert gone[2].endswith("which holds all of it")


def plan_of_files(folder):
    images = scan_images(folder)
    return choose_keepers(one_group(images), images).set_index("image")


def test_a_scaled_jpeg_is_no_proof_that_the_larger_picture_was_enlarged(tmp_path):
    original = Image.fromarray(skimage.data.chelsea())
    original.save(tmp_path / "whole.jpg", quality=95)
    original.resize((400, 266)).save(tmp_path / "small.jpg", quality=80)
    plan = plan_of_files(tmp_path)
    assert plan.action["whole.jpg"] == "keep"
    assert (plan.action["small.jpg"], plan.flag["small.jpg"]) == ("remove", "")


def test_a_picture_saved_twice_does_not_leave_for_its_coarser_copy(tmp_path):
    buffer = io.BytesIO()
    picture(size=(640, 480)).save(buffer, "JPEG", quality=75)
    once = Image.open(buffer).convert("RGB")
    once.save(tmp_path / "twice.jpg", quality=95)
    with Image.open(tmp_path / "twice.jpg") as twice:
        twice.save(tmp_path / "thrice.jpg", quality=85)
    plan = plan_of_files(tmp_path)
    assert plan.action["twice.jpg"] == "keep"
    assert (plan.action["thrice.jpg"], plan.flag["thrice.jpg"]) == ("remove", "")


def test_a_lossless_file_of_a_jpeg_does_not_leave_for_a_webp(tmp_path):
    buffer = io.BytesIO()
    picture(size=(640, 480)).save(buffer, "JPEG", quality=75)
    once = Image.open(buffer).convert("RGB")
    once.save(tmp_path / "whole.png")
    once.save(tmp_path / "lossy.webp", quality=90)
    assert plan_of_files(tmp_path).action["whole.png"] == "keep"


def test_a_photograph_does_not_leave_for_its_copy_in_256_colours(tmp_path):
    shot = Image.fromarray(skimage.data.chelsea()).resize((300, 200))
    shot.save(tmp_path / "shot.webp", quality=80)
    shot.save(tmp_path / "moving.gif", save_all=True, append_images=[shot.rotate(180)])
    plan = plan_of_files(tmp_path)
    assert list(plan.action) == ["keep", "keep"]
    images = scan_images(tmp_path).set_index("image", drop=False)
    leaving, keeper = (measure(images.loc[name]) for name in ("shot.webp", "moving.gif"))
    assert compare_holdings(leaving, keeper).lacks == {"colours": "more than 256 colours"}


def test_a_copy_of_a_picture_of_few_colours_leaves_for_it(tmp_path):
    drawing = Image.new("P", (300, 200), 0)
    drawing.putpalette([255, 255, 255, 200, 30, 30, 20, 40, 160])
    drawing.paste(1, (40, 30, 140, 160))
    drawing.paste(2, (160, 60, 260, 120))
    drawing.save(tmp_path / "drawing.png")
    drawing.convert("RGB").save(tmp_path / "sent.jpg", quality=90)
    assert plan_of_files(tmp_path).action["sent.jpg"] == "remove"


def test_a_profile_that_is_only_called_srgb_is_not_lost(tmp_path):
    named = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = named.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")
    shot = Image.fromarray(skimage.data.chelsea())
    for name, profile in (("a.png", None), ("b.png", named), ("c.png", swapped)):
        shot.save(tmp_path / name, icc_profile=profile)
    plan = plan_of_files(tmp_path)
    assert dict(plan.action) in (
        {"a.png": "keep", "b.png": "remove", "c.png": "keep"},
        {"a.png": "remove", "b.png": "keep", "c.png": "keep"},
    )
