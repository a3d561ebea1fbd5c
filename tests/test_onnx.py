"""A model in an ONNX file is a method like others. The tests write their models as bytes."""

import sys

import numpy as np
import pytest
from PIL import Image

from imgdup_nb import (
    Collection,
    OnnxEmbedding,
    fingerprint_images,
    group_duplicates,
    scan_images,
    similar_pairs,
)

FLOAT, UINT8, FLOAT16, INT64 = 1, 2, 10, 7


def number(value):
    """Write a number as protobuf does: seven bits a byte, the lowest first."""
    parts = []
    while value > 127:
        parts.append(value % 128 + 128)
        value //= 128
    return bytes([*parts, value])


def field(place, value):
    if isinstance(value, int):
        return number(place * 8) + number(value)
    data = value.encode() if isinstance(value, str) else value
    return number(place * 8 + 2) + number(len(data)) + data


def described(name, kind, shape):
    """Describe an input or output; a text in the shape is a size that is free."""
    sides = b"".join(field(1, field(1 if isinstance(side, int) else 2, side)) for side in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, sides)))


def node(kind, source, target, **numbers):
    attributes = b"".join(
        field(5, field(1, name) + (field(3, value) + field(20, 2) if isinstance(value, int) else
              b"".join(field(8, each) for each in value) + field(20, 7)))
        for name, value in numbers.items()
    )  # fmt: skip
    return field(1, field(1, source) + field(2, target) + field(4, kind) + attributes)


def write_model(path, nodes, inputs, outputs):
    graph = b"".join(nodes) + field(2, "tiny")
    graph += b"".join(field(11, described(*each)) for each in inputs)
    graph += b"".join(field(12, described(*each)) for each in outputs)
    path.write_bytes(field(1, 7) + field(8, field(1, "") + field(2, 11)) + field(7, graph))
    return path


@pytest.fixture
def mean_color(tmp_path):
    """Return a writer of models that return the mean of each colour."""

    def write(shape, kind=FLOAT, name="mean.onnx"):
        axes = (2, 3) if shape[1] == 3 else (1, 2)
        nodes = [
            node("Cast", "picture", "real", to=FLOAT),
            node("ReduceMean", "real", "mean", axes=axes, keepdims=0),
        ]
        outputs = [("mean", FLOAT, (shape[0], 3)), ("real", FLOAT, shape)]
        return write_model(tmp_path / name, nodes, [("picture", kind, shape)], outputs)

    return write


RED = Image.new("RGB", (30, 20), (255, 0, 51))
PLAIN = {"mean": (0, 0, 0), "std": (1, 1, 1)}
SHAPES = {
    "colours first": ("n", 3, 8, 6),
    "colours last": ("n", 8, 6, 3),
    "any size": ("n", 3, "height", "width"),
    "one at a time": (1, 3, 8, 6),
    "four at a time": (4, 8, 6, 3),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kind", [FLOAT, FLOAT16])
def test_the_model_says_how_it_wants_its_pictures(mean_color, shape, kind):
    embedding = OnnxEmbedding(mean_color(shape, kind), **PLAIN)
    assert embedding.size == ((224, 224) if "height" in shape else (8, 6))
    found = embedding([RED] * 6)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.tile([1, 0, 0.2], (6, 1)), atol=1e-3)
    assert embedding([]).shape[0] == 0


def test_pictures_are_normalised_as_most_models_were_trained_unless_they_take_whole_numbers(
    mean_color,
):
    [usual] = OnnxEmbedding(mean_color(("n", 3, 8, 8)))([RED])
    np.testing.assert_allclose(
        usual, [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225], rtol=1e-4
    )
    [raw] = OnnxEmbedding(mean_color(("n", 8, 8, 3), UINT8))([RED])
    np.testing.assert_allclose(raw, [255, 0, 51])


def test_of_a_feature_map_the_mean_is_taken(mean_color):
    for shape in (("n", 3, 8, 8), ("n", 8, 8, 3)):
        [found] = OnnxEmbedding(mean_color(shape), output="real", **PLAIN)([RED])
        np.testing.assert_allclose(found, [1, 0, 0.2], atol=1e-6)


def test_a_model_leads_to_pairs_and_groups_as_other_methods_do(tmp_path, mean_color):
    folder = tmp_path / "pictures"
    folder.mkdir()
    shades = {"red": (250, 10, 10), "red-too": (240, 20, 15), "blue": (5, 5, 240)}
    for name, color in shades.items():
        noise = np.random.default_rng(0).integers(-5, 6, (40, 60, 3))
        Image.fromarray((np.array(color) + noise).clip(0, 255).astype(np.uint8)).save(
            folder / f"{name}.png"
        )
    prints = fingerprint_images(
        scan_images(folder), OnnxEmbedding(mean_color(("n", 3, 8, 8), name="mean<b>.onnx"), **PLAIN)
    )
    pairs = similar_pairs(prints, include_low_detail=True)
    assert list(zip(pairs.left, pairs.right, strict=True)) == [("red-too.png", "red.png")]
    assert pairs.attrs["method"] == "mean_b_.onnx"
    assert list(group_duplicates(pairs, 95)) == [["red.png", "red-too.png"]]


def test_a_collection_keeps_what_a_model_says_until_file_or_settings_change(
    tmp_path, mean_color, monkeypatch
):
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.radial_gradient("L").save(folder / "a.png")
    Image.radial_gradient("L").save(folder / "b.bmp")
    model = mean_color(("n", 3, 8, 8))
    with Collection(folder) as photos:
        assert list(photos.groups(90, method=OnnxEmbedding(model))) == [["a.png", "b.bmp"]]
        again = OnnxEmbedding(model)
        monkeypatch.setattr(again, "_run", None)  # what is kept needs no model
        assert list(photos.groups(90, method=again)) == [["a.png", "b.bmp"]]
    changed = mean_color(("n", 3, 8, 6), name="other.onnx")
    versions = {
        each.version for each in (again, OnnxEmbedding(model, **PLAIN), OnnxEmbedding(changed))
    }
    assert len(versions) == 3


def test_what_is_no_model_for_pictures_is_refused_with_a_reason(tmp_path, mean_color):
    with pytest.raises(TypeError, match=r"model must be the path of an \.onnx file, not NoneType"):
        OnnxEmbedding(None)
    with pytest.raises(FileNotFoundError, match="none at"):
        OnnxEmbedding(tmp_path / "gone.onnx")
    (tmp_path / "words.onnx").write_text("no model")
    with pytest.raises(ValueError, match=r"words\.onnx is not one that onnxruntime can read"):
        OnnxEmbedding(tmp_path / "words.onnx")
    text = write_model(
        tmp_path / "text.onnx",
        [node("Identity", "words", "out")],
        [("words", INT64, ("n", 9))],
        [("out", INT64, ("n", 9))],
    )
    with pytest.raises(ValueError, match="one batch of pictures"):
        OnnxEmbedding(text)
    grey = write_model(
        tmp_path / "grey.onnx",
        [node("Identity", "a", "b")],
        [("a", FLOAT, ("n", 1, 8, 8))],
        [("b", FLOAT, ("n", 1, 8, 8))],
    )
    with pytest.raises(ValueError, match="three colours"):
        OnnxEmbedding(grey)
    with pytest.raises(ValueError, match="1 channels"):
        OnnxEmbedding(grey, layout="NCHW")


def test_the_path_of_a_model_is_told_from_a_method(tmp_path, mean_color):
    RED.save(tmp_path / "red.png")
    images = scan_images([tmp_path / "red.png"])
    model = mean_color((1, 3, 8, 8))
    for method in (model, str(model)):
        with pytest.raises(ValueError, match=r"method must be OnnxEmbedding\('.*mean\.onnx'\)"):
            fingerprint_images(images, method)


def test_settings_a_model_cannot_take_are_refused(mean_color):
    model = mean_color(("n", 3, 8, 6))
    for options, words in [
        ({"size": (8, 8)}, "size must be"),
        ({"size": 8}, r"size must be \(height, width\), because mean.onnx takes .* 8 x 6 only"),
        ({"size": 0}, "size must be 1 pixel or more"),
        ({"size": True}, "size must be the shorter side"),
        ({"size": (8.5, 6)}, r"size must be the shorter side .* or \(height, width\)"),
        ({"mean": "grey"}, "mean must be three"),
        ({"layout": "HWC"}, "layout must be one of"),
        ({"output": "else"}, "output must be one of 'mean', 'real'"),
        ({"mean": (0.5, 0.5)}, "mean must be three"),
        ({"std": (1, 0, 1)}, "std must be above 0"),
    ]:
        with pytest.raises(ValueError, match=words):
            OnnxEmbedding(model, **options)


def test_without_onnxruntime_the_error_says_what_to_install(mean_color, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r'pip install "imgdup-nb\[onnx\]"'):
        OnnxEmbedding(mean_color(("n", 3, 8, 8)))


@pytest.fixture
def own_pixels(tmp_path):
    """Return a writer of models that return the picture itself, of any size."""

    def write(shape):
        nodes = [node("Cast", "picture", "real", to=FLOAT)]
        return write_model(
            tmp_path / "own.onnx", nodes, [("picture", UINT8, shape)], [("real", FLOAT, shape)]
        )

    return write


@pytest.mark.parametrize("n_at_once", ["n", 1, 3])
def test_one_number_is_the_shorter_side_and_pictures_keep_their_shape(mean_color, n_at_once):
    seen = []
    embedding = OnnxEmbedding(mean_color((n_at_once, "h", "w", 3), UINT8), size=12)
    prepare = embedding._prepare
    embedding._prepare = lambda picture: seen.append(prepare(picture)) or seen[-1]
    sizes = [(40, 20), (20, 40), (30, 30), (40, 20), (7, 900)]
    pictures = [Image.new("RGB", size, (k, 2 * k, 3 * k)) for k, size in enumerate(sizes)]
    found = embedding(pictures)
    np.testing.assert_allclose(found, [[k, 2 * k, 3 * k] for k in range(5)], atol=1e-4)
    shapes = sorted(pixels.shape[:2] for pixels in seen)
    # height and width; of the strip the longer side is 4 times the shorter
    assert shapes == [(12, 12), (12, 24), (12, 24), (24, 12), (48, 12)]


def test_the_shorter_side_gives_what_the_pipeline_of_the_model_gives(own_pixels, picture):
    photo = picture(4, 180, 120)
    embedding = OnnxEmbedding(own_pixels(("n", "h", "w", 3)), size=48)
    pixels = np.asarray(photo.resize((72, 48), Image.Resampling.BILINEAR), dtype=np.float32)
    np.testing.assert_allclose(embedding([photo])[0], pixels.mean(axis=(0, 1)), rtol=1e-6)
    squashed = OnnxEmbedding(own_pixels(("n", "h", "w", 3)), size=(48, 48))
    assert (embedding.version, repr(embedding)) != (squashed.version, repr(squashed))


def test_a_small_file_is_decoded_large_enough_for_the_model(tmp_path, mean_color):
    noise = np.random.default_rng(0).integers(0, 256, (2400, 2400, 3), dtype=np.uint8)
    (tmp_path / "pictures").mkdir()
    Image.fromarray(noise).save(tmp_path / "pictures" / "large.jpg", quality=60)
    embedding = OnnxEmbedding(mean_color(("n", "h", "w", 3), UINT8), size=400)
    sizes = []
    prepare = embedding._prepare
    embedding._prepare = lambda picture: sizes.append(picture.size) or prepare(picture)
    fingerprint_images(scan_images(tmp_path / "pictures"), embedding)
    assert sizes == [(1200, 1200)]  # half the size: a quarter has less than twice 400 pixels
