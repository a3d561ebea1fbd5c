"""Pictures are compared in the colours that a viewer shows: through their colour profile."""

import io
import struct

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageCms, TiffImagePlugin
from skimage import data

import imgdup_nb as dup
from imgdup_nb.engine import decode, limits, modes, profiles

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# exchanges red and blue
EXCHANGED = SRGB.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")


@pytest.fixture(scope="module")
def cat():
    return Image.fromarray(data.chelsea()).resize((300, 200))


def exchanged(image):
    red, green, blue = image.split()
    return Image.merge("RGB", (blue, green, red))


def shown(image, name="a.png", mode="RGB", min_side=None, **options):
    """Return what `open_image` makes of a picture that was saved as a file: h x w (x 3), int."""
    buffer = io.BytesIO()
    image.save(buffer, Image.registered_extensions()["." + name.partition(".")[2]], **options)
    buffer.seek(0)
    return np.asarray(decode.open_image(buffer, mode=mode, min_side=min_side)).astype(int)


def profile_of(space, connection, tags):
    """Make a colour profile of version 2 from its tags, a dict of names and contents."""
    place, listed, stored = 132 + 12 * len(tags), b"", b""
    for name, body in tags.items():
        listed += name + struct.pack(">II", place + len(stored), len(body))
        stored += body + bytes(-len(body) % 4)
    head = struct.pack(">I4sI4s4s4s", 0, b"\0\0\0\0", 0x02400000, b"prtr", space, connection)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    whole = head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + listed + stored
    return struct.pack(">I", len(whole)) + whole[4:]


def white_point():
    return b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)


def display_p3():
    """Make the profile of wide colours that telephones write, with a plain gamma."""
    columns = {
        b"rXYZ": (0.51512, 0.2412, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.1571, 0.06657, 0.78407),
    }
    tags = {b"wtpt": white_point()}
    for name, values in columns.items():
        tags[name] = b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * v) for v in values))
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * 2.2)) + bytes(2)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return profile_of(b"RGB ", b"XYZ ", tags)


def grey_profile(gamma):
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * gamma)) + bytes(2)
    return profile_of(b"GRAY", b"XYZ ", {b"wtpt": white_point(), b"kTRC": curve})


def cmyk_profile(lightness):
    """Make a profile of four inks, each of which takes the same share of the light."""
    steps = np.stack(np.meshgrid(*[[0, 1]] * 4, indexing="ij"), -1).reshape(16, 4)
    lab = np.full((16, 3), 128)
    lab[:, 0] = np.round(255 * np.prod(1 - (1 - lightness) * steps, axis=1))
    straight = bytes(range(256))
    body = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0])
    body += struct.pack(">9i", *np.eye(3, dtype=int).ravel() * 65536)
    body += straight * 4 + lab.astype(np.uint8).tobytes() + straight * 3
    return profile_of(b"CMYK", b"Lab ", {b"wtpt": white_point(), b"A2B0": body})


# -- what a profile does to the pixels -------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_a_viewer_shows_the_colours_of_the_profile(cat, name):
    options = {"lossless": True} if name == "a.webp" else {}
    seen = shown(exchanged(cat), name, icc_profile=EXCHANGED, **options)
    assert np.abs(seen - np.asarray(cat)).max() <= 3
    assert np.abs(seen - np.asarray(exchanged(cat))).mean() > 20


@pytest.mark.parametrize("min_side", [None, 64])
def test_a_grey_jpeg_is_the_grey_of_the_colours_that_are_seen(cat, min_side):
    plain = shown(cat, "a.jpg", "L", min_side, quality=95)
    seen = shown(exchanged(cat), "a.jpg", "L", min_side, quality=95, icc_profile=EXCHANGED)
    passed_over = shown(exchanged(cat), "a.jpg", "L", min_side, quality=95)
    assert seen.shape == plain.shape
    assert np.abs(seen - plain).mean() < 2 < 10 < np.abs(passed_over - plain).mean()


def test_palettes_and_alpha_stay_with_their_colours(cat):
    few = exchanged(cat).quantize(64)
    assert np.abs(shown(few, icc_profile=EXCHANGED) - exchanged(few.convert("RGB"))).max() <= 3
    holed = exchanged(cat).convert("RGBA")
    holed.paste((0, 0, 0, 0), (0, 0, 100, 100))
    seen = shown(holed, icc_profile=EXCHANGED)
    assert (seen[:100, :100] == 255).all()
    assert np.abs(seen[100:] - np.asarray(cat)[100:]).max() <= 3


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_grey_of_another_gamma_is_as_bright_as_it_is_seen(mode):
    ramp = np.tile(np.arange(0, 256, dtype=np.uint8), (8, 1))
    image = Image.fromarray(ramp)
    if mode == "I;16":
        image = Image.fromarray(ramp.astype(np.uint16) * 257)
    image = image if image.mode == mode else image.convert(mode)
    linear = ramp[0] / 255
    expected = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )
    seen = shown(image, mode="L", icc_profile=grey_profile(1.0))
    # the library's table has 33 steps, which is coarse for the darkest levels of a linear picture
    assert np.abs(seen[0] - 255 * expected)[8:].max() <= 2


def test_four_inks_are_as_light_as_their_profile_says():
    image = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    dark, light = (
        shown(image, "a.tif", icc_profile=cmyk_profile(share))[0, 0] for share in (0.2, 0.8)
    )
    assert np.ptp(dark) <= 3  # no ink has a colour
    assert np.ptp(light) <= 3
    # L* of 20 and 80 in sRGB
    assert abs(dark[1] - 48) <= 4
    assert abs(light[1] - 198) <= 4


def test_large_pictures_are_converted_in_bands_to_the_same_colours(cat, monkeypatch):
    pictures = [exchanged(cat), exchanged(cat).quantize(64), exchanged(cat).convert("RGBA")]
    pictures[1].info["transparency"] = 3
    pictures[2].putpixel((5, 5), (0, 0, 0, 0))
    whole = [shown(picture, icc_profile=EXCHANGED) for picture in pictures]
    monkeypatch.setattr(modes, "LARGE", 100)
    monkeypatch.setattr(modes, "BAND_PIXELS", 3000)
    for picture, once in zip(pictures, whole, strict=True):
        assert (shown(picture, icc_profile=EXCHANGED) == once).all()


@pytest.mark.parametrize("min_side", [32, 128])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_the_way_without_pillow_gives_the_same_grey(cat, min_side, mode, subsampling):
    exif = Image.Exif()
    exif[0x0112] = 8
    buffer = io.BytesIO()
    profile = EXCHANGED if mode == "RGB" else grey_profile(1.0)
    cat.convert(mode).resize((601, 405)).save(
        buffer, "JPEG", subsampling=subsampling, exif=exif, icc_profile=profile
    )
    fast = decode.grey_as_seen(decode.open_lazily(buffer), min_side=min_side)
    slow = decode.as_seen(decode.open_lazily(buffer), min_side=min_side, mode="L")
    assert fast.is_clean
    assert (fast.pixels == np.asarray(slow)).all()


def test_the_second_picture_that_a_profile_makes_is_counted_as_memory(cat):
    needed = []
    for profile in (None, SRGB, EXCHANGED):
        buffer = io.BytesIO()
        cat.save(buffer, "PNG", icc_profile=profile)
        with decode.open_lazily(buffer) as image:
            needed.append(limits.decoding_bytes(image, None, None, "RGB"))
    assert needed[0] == needed[1]
    assert needed[2] == needed[0] + limits.picture_bytes("RGB", *cat.size)


# -- what changes nothing --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "profile",
    [
        SRGB,
        SRGB[:200],
        b"no profile",
        b"",
        grey_profile(1.0),
        cmyk_profile(0.2),
        EXCHANGED.ljust(profiles.MAX_PROFILE_BYTES + 1, b"\0"),
    ],
    ids=["sRGB", "cut off", "text", "empty", "of grey", "of inks", "too large"],
)
def test_profiles_that_say_nothing_of_the_picture_are_passed_over(cat, profile):
    assert (shown(cat, "a.tif", icc_profile=profile) == np.asarray(cat)).all()


@pytest.mark.parametrize(("kind", "value"), [(4, 4_000_000_000), (2, "sRGB"), (3, 7), (5, 0.5)])
def test_what_is_no_profile_in_the_place_of_one_is_passed_over(cat, tmp_path, kind, value):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.tagtype[34675] = kind
    tags[34675] = value
    cat.save(tmp_path / "a.tif", tiffinfo=tags)
    with Image.open(tmp_path / "a.tif") as image:
        assert not isinstance(image.info.get("icc_profile"), bytes)
    assert (np.asarray(decode.open_image(tmp_path / "a.tif")) == np.asarray(cat)).all()
    assert dup.scan_images(tmp_path).problem.tolist() == [""]
    assert list(plan_of(tmp_path).action) == ["keep"]


def test_an_orientation_is_kept_beside_a_profile(cat):
    exif = Image.Exif()
    exif[0x0112] = 6
    seen = shown(exchanged(cat), "a.tif", exif=exif, icc_profile=EXCHANGED)
    assert seen.shape == (300, 200, 3)
    assert np.abs(seen - np.asarray(cat.transpose(Image.Transpose.ROTATE_270))).max() <= 3


# -- scores ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["phash", "colorhash", "aligned", "tiny"])
def test_pictures_that_look_alike_are_copies_and_the_same_numbers_are_not(cat, tmp_path, method):
    side = (32, 32) if method == "tiny" else cat.size
    plain = cat.resize(side)
    plain.save(tmp_path / "plain.png")
    exchanged(plain).save(tmp_path / "looks_like_plain.png", icc_profile=EXCHANGED)
    plain.save(tmp_path / "same_numbers.png", icc_profile=EXCHANGED)
    prints = dup.fingerprint_images(dup.scan_images(tmp_path), method)
    found = dup.similar_pairs(prints, min_similarity=0)
    scores = {
        frozenset((left, right)): score
        for left, right, score in zip(found.left, found.right, found.similarity, strict=True)
    }
    alike = scores[frozenset(("plain.png", "looks_like_plain.png"))]
    other = scores[frozenset(("plain.png", "same_numbers.png"))]
    assert alike >= 99
    assert other < alike
    if method == "aligned":
        assert other < 80


# -- plans -----------------------------------------------------------------------------------------


def plan_of(folder):
    images = dup.scan_images(folder)
    group = pd.DataFrame({"group": 0, "image": images.image})
    return dup.choose_keepers(group, images).set_index("image")


@pytest.fixture
def shot(tmp_path):
    """Save a photograph in the wide colours of a telephone; return it, and how it looks in sRGB."""
    image = Image.fromarray(data.chelsea()[:296, :448])
    image.save(tmp_path / "shot.jpg", quality=93, icc_profile=display_p3())
    wide = ImageCms.ImageCmsProfile(io.BytesIO(display_p3()))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    narrow = ImageCms.profileToProfile(
        image, wide, ImageCms.createProfile("sRGB"), renderingIntent=intent
    )
    return image, narrow


@pytest.mark.parametrize("way", ["with the profile", "converted", "profile dropped"])
def test_a_smaller_copy_of_a_photograph_in_wide_colours_leaves_for_it(tmp_path, shot, way):
    image = shot[1] if way == "converted" else shot[0]
    profile = display_p3() if way == "with the profile" else None
    image.resize((224, 148)).save(tmp_path / "copy.jpg", quality=85, icc_profile=profile)
    assert dict(plan_of(tmp_path).action) == {"shot.jpg": "keep", "copy.jpg": "remove"}


def test_a_photograph_in_wide_colours_does_not_leave_for_a_larger_one_without(tmp_path, shot):
    shot[1].resize((896, 592)).save(tmp_path / "larger.jpg", quality=95)
    plan = plan_of(tmp_path)
    assert plan.action["shot.jpg"] == "keep"
    shot[0].resize((896, 592)).save(tmp_path / "larger.jpg", quality=95)
    assert plan_of(tmp_path).action["shot.jpg"] == "keep"


def test_an_edit_that_is_no_dropped_profile_stays(tmp_path, shot):
    exchanged(shot[0]).resize((224, 148)).save(tmp_path / "edited.jpg", quality=85)
    plan = plan_of(tmp_path)
    assert plan.action["edited.jpg"] == "keep"
    assert "edited" in plan.loses["edited.jpg"]
