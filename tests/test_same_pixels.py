"""Two files have the same pixels only if every frame, value, colour and alpha agrees."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from imgdup_nb import compare_images, fingerprint_images, scan_images, similar_pairs
from imgdup_nb.engine import modes
from imgdup_nb.engine.pixels import digest_pixels


@pytest.fixture
def digest(tmp_path):
    """Return a function: picture or bytes, name, options -> digest of the file."""

    def made(image, name, **options):
        if isinstance(image, bytes):
            (tmp_path / name).write_bytes(image)
        else:
            image.save(tmp_path / name, **options)
        return digest_pixels(tmp_path / name)

    return made


def masks(*ids):
    """Return 16-bit label masks that differ in the ids of their labels only."""
    shape = np.kron(np.array([[0, 1], [1, 1]]), np.ones((40, 40), int))
    return [Image.fromarray((shape * one).astype(np.uint16)) for one in ids]


def png_of_16_bits(values):
    """Return a PNG of 16 bits a colour; uint16, height x width x 3. Pillow cannot write one."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    )


def swapped_profile():
    """Return a profile that exchanges red and blue."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return srgb.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")


# -- the same --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["b.bmp", "b.tif", "b.webp", "b.ppm", "b.tga", "b.qoi"])
def test_lossless_formats_hold_the_same_pixels(picture, digest, name):
    options = {"lossless": True} if name.endswith("webp") else {}
    assert digest(picture(1), name, **options) == digest(picture(1), "a.png")


def test_palette_grey_and_alpha_that_hides_nothing_are_ways_to_store_the_same(picture, digest):
    grey = picture(1).convert("L")
    few = grey.quantize(16)
    assert digest(grey, "a.png") == digest(grey.convert("RGB"), "b.png")
    assert digest(few, "c.png") == digest(few.convert("RGBA"), "d.png")


def test_a_jpeg_and_what_is_decoded_from_it_are_the_same(picture, digest, tmp_path):
    one = digest(picture(1), "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        assert digest(image.convert("RGB"), "b.png") == one


def test_a_picture_turned_by_its_orientation_is_the_same(picture, digest):
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = picture(1).transpose(Image.Transpose.ROTATE_90)
    assert digest(lying, "a.png", exif=exif) == digest(picture(1), "b.png")


def test_a_profile_of_srgb_changes_nothing(picture, digest):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert digest(picture(1), "a.png", icc_profile=srgb) == digest(picture(1), "b.png")


def test_frames_of_one_animation_in_two_formats_are_the_same(picture, digest):
    first, *others = [picture(seed, 40, 30).convert("RGB") for seed in (1, 2, 3)]
    kept = {"save_all": True, "append_images": others, "duration": 100}
    assert digest(first, "a.webp", lossless=True, **kept) == digest(first, "b.png", **kept)


# -- not the same ----------------------------------------------------------------------------------


def test_label_masks_of_other_ids_are_not_the_same(digest):
    one, other = masks(5, 6)
    assert digest(one, "a.png") != digest(other, "b.png")
    assert digest(one, "a.tif") == digest(one, "c.png")


def test_the_lower_bytes_of_16_bit_colours_count(digest):
    values = np.random.default_rng(0).integers(0, 65536, (20, 30, 3)).astype(np.uint16)
    other = values.copy()
    other[3, 4, 1] ^= 1
    assert digest(png_of_16_bits(values), "a.png") != digest(png_of_16_bits(other), "b.png")
    assert digest(png_of_16_bits(values), "a.png") == digest(png_of_16_bits(values), "c.png")


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.tif", "a.png"])
def test_a_later_frame_counts(picture, digest, name):
    cover, one, other = (picture(seed, 60, 40) for seed in (1, 2, 3))
    options = {"lossless": True} if name == "a.webp" else {}
    kept = digest(cover, name, save_all=True, append_images=[one, one.rotate(5)], **options)
    assert kept != digest(
        cover, f"b{name}", save_all=True, append_images=[one, other.rotate(5)], **options
    )
    assert kept != digest(cover, f"c{name}", save_all=True, append_images=[one], **options)
    assert kept != digest(cover, f"d{name}", **options)


def test_alpha_counts_and_is_not_laid_on_white(picture, digest):
    sticker = picture(1).convert("RGBA")
    sticker.putalpha(Image.linear_gradient("L").resize(sticker.size))
    flat = Image.alpha_composite(Image.new("RGBA", sticker.size, "white"), sticker)
    assert digest(sticker, "a.png") != digest(flat.convert("RGB"), "b.png")
    assert digest(sticker, "a.png") == digest(sticker, "c.tif")


def test_the_same_numbers_of_another_profile_are_not_the_same(picture, digest):
    profile = swapped_profile()
    with_profile = digest(picture(1), "a.png", icc_profile=profile)
    assert with_profile != digest(picture(1), "b.png")
    assert with_profile == digest(picture(1), "c.tif", icc_profile=profile)


def test_an_icon_of_several_sizes_equals_nothing_else(picture, digest):
    square = picture(1, 64, 64).convert("RGBA")
    icon = digest(square, "a.ico", sizes=[(64, 64), (16, 16)])
    assert icon not in {digest(square, "b.png"), ""}


# -- where it is said ------------------------------------------------------------------------------


def relations(folder):
    images = scan_images(folder)
    pairs = similar_pairs(fingerprint_images(images), min_similarity=0)
    return {(pair.left, pair.right): pair.relation for pair in pairs.itertuples()}


def test_pairs_and_the_comparison_of_two_say_the_same(tmp_path, picture):
    still, other = picture(1, 90, 60), picture(2, 90, 60)
    still.save(tmp_path / "a.gif", save_all=True, append_images=[other], duration=100)
    still.convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "b.gif")
    found = relations(tmp_path)
    assert found == {("a.gif", "b.gif"): "near"}
    sentence = compare_images(tmp_path / "a.gif", tmp_path / "b.gif").sentence
    assert "equal" not in sentence


def test_label_masks_are_not_blank_and_not_the_same(tmp_path):
    for k, mask in enumerate(masks(50, 60)):
        mask.save(tmp_path / f"{k}.png")
    assert (scan_images(tmp_path).detail > 2).all()
    assert set(relations(tmp_path).values()) == {"near"}
    assert "every pixel" not in compare_images(tmp_path / "0.png", tmp_path / "1.png").sentence


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_few_bits_in_a_file_of_16_look_as_bright_as_in_one_of_8(tmp_path, picture, bits):
    grey = np.asarray(picture(1).convert("L")).astype(np.uint16)
    grey[0, 0] = 255
    Image.fromarray(grey * (2**bits // 256)).save(tmp_path / "deep.png")
    Image.fromarray(grey.astype(np.uint8)).save(tmp_path / "plain.png")
    details = scan_images(tmp_path).set_index("image").detail
    assert details["deep.png"] == pytest.approx(details["plain.png"], rel=0.02)


# -- large pictures --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["I;16", "F", "P", "PA", "LA", "RGBA", "CMYK", "1", "transparent"])
def test_a_large_picture_converted_in_bands_is_the_same(picture, digest, monkeypatch, mode):
    image = picture(3, 150, 130)
    if mode == "transparent":
        image, options = image.quantize(20), {"transparency": bytes([0, 120, 255])}
    elif mode == "I;16":
        image, options = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 9), {}
    elif mode == "PA":
        image, options = image.quantize(20).convert("PA"), {}
    else:
        image, options = image.convert(mode if mode != "F" else "L").convert(mode), {}
    image.info.update(options)
    whole = modes.to_screen(image, "RGB")
    monkeypatch.setattr(modes, "LARGE", 100)
    monkeypatch.setattr(modes, "BAND_PIXELS", 3000)
    assert np.array_equal(np.asarray(modes.to_screen(image, "RGB")), np.asarray(whole))
    small = modes.to_screen(image, "L", 32)
    assert small.size == (38, 33)
    means = [np.asarray(one.convert("L"), float).mean() for one in (small, whole)]
    assert means[0] == pytest.approx(means[1], abs=1)


def test_a_table_without_frames_can_still_be_compared(tmp_path, picture):
    picture(1).save(tmp_path / "a.png")
    picture(1).save(tmp_path / "b.bmp")
    images = scan_images(tmp_path).drop(columns="frames")
    pairs = similar_pairs(fingerprint_images(images))
    assert pairs.relation.tolist() == ["same pixels"]


def test_a_picture_in_memory_has_the_digest_of_its_file(tmp_path, picture):
    picture(1).save(tmp_path / "a.png")
    buffer = io.BytesIO()
    picture(1).save(buffer, "PNG")
    assert digest_pixels(buffer) == digest_pixels(tmp_path / "a.png")
