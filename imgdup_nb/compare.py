"""Two files -> every method's score, and how the two pictures are aligned."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .aligned.agreement import Alignment, is_textured
from .aligned.detail import align_files
from .aligned.geometry import apply, common_area, invert
from .aligned.scores import Score, fall_back, score_akaze
from .aligned.tiny_pairs import MAX_TINY_SIDE, raise_score
from .aligned.words import EQUAL_SENTENCES, say_alignment, say_flat, shares_only_a_part
from .engine.checks import shorten_middle
from .engine.copies import MAYBE_SAME_PIXELS, RELATIONS, relate
from .engine.decode import UnreadableImage, open_image
from .engine.features import SHRINK, Features, import_cv2
from .engine.figures import inks_for_any_page, set_alt_text
from .engine.files import exists, is_url, printable
from .engine.reading import LOW_DETAIL, describe_file
from .engine.search import all_distances
from .engine.sketches import sketches
from .fingerprints import fingerprint_images
from .images import tabulate
from .methods import METHODS, LocalMethod, Method

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def compare_images(left: str | os.PathLike[str], right: str | os.PathLike[str]) -> Comparison:
    """Compare two pictures by every method, and align them.

    Parameters
    ----------
    left, right
        paths of two image files, or URLs that fsspec opens.

    Returns
    -------
    Comparison
        its `scores` are a table, its `sentence` says what the alignment means, and `plot()` draws
        it.

    Raises
    ------
    UnreadableImage
        if one of them cannot be shown.
    FileNotFoundError
        if it is not there.
    TypeError
        if one of them is no path: a picture in memory must be saved first.
    ImportError
        without the packages of `imgdup-nb[local]`.

    Notes
    -----
    About 0.2 seconds. The similarities are those of `similar_pairs`. If a picture has too little
    texture, 'aligned' and 'akaze' show the similarity by phash, and "90 means" says so. Pictures of
    at most 96 pixels a side that method 'tiny' finds more similar have its similarity.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (80, 60), "white").save(f"{folder}/a.png")
    ...     Image.new("RGB", (80, 60), "white").save(f"{folder}/b.png")
    ...     comparison = dup.compare_images(f"{folder}/a.png", f"{folder}/b.png")
    >>> comparison.sentence
    'The files are equal, byte for byte.'
    """
    paths = [_locate(name, path) for name, path in (("left", left), ("right", right))]
    images = tabulate([_scan_one(path) for path in paths]).assign(image=["left", "right"])
    features = {
        name: list(fingerprint_images(images, name).codes[:, 0]) for name in ("aligned", "akaze")
    }
    alignment = align_files(features["aligned"][0], features["aligned"][1], (paths[0], paths[1]))
    scores = _score_all(images, alignment, features)
    left_name, right_name = name_files(*paths)
    blank_left, blank_right = (images.detail < LOW_DETAIL).tolist()
    return Comparison(
        left=left_name,
        right=right_name,
        scores=scores,
        alignment=alignment,
        textured=alignment.transform is not None
        or all(is_textured(found) for found in features["aligned"]),
        pictures=(
            _read_picture(paths[0], features["aligned"][0]),
            _read_picture(paths[1], features["aligned"][1]),
        ),
        relation=_relate(images, scores.similarity["phash"]),
        blank=(blank_left, blank_right),
    )


def name_files(left: str | os.PathLike[str], right: str | os.PathLike[str]) -> tuple[str, str]:
    """Return how a comparison names two files: without folders, if these names differ.

    Examples
    --------
    >>> name_files("old/cat.jpg", "dog.jpg"), name_files("old/cat.jpg", "new/cat.jpg")
    (('cat.jpg', 'dog.jpg'), ('left', 'right'))
    """
    names = _base_name(left), _base_name(right)
    return names if names[0] != names[1] else ("left", "right")


def check_file(name: str, path: Any) -> None:
    """Raise where something is no path of a file, such as a picture in memory.

    Examples
    --------
    >>> check_file("left", None)
    Traceback (most recent call last):
    ...
    TypeError: left must be the path or URL of an image file, not NoneType
    """
    if not isinstance(path, str | os.PathLike):
        in_memory = hasattr(path, "tobytes")  # of Pillow, or an array
        raise TypeError(
            f"{name} must be the path or URL of an image file, not {type(path).__name__}"
            f"{'; save the picture first' if in_memory else ''}"
        )


def _locate(name: str, path: Any) -> str:
    """Return where a picture is, as an absolute path or a URL."""
    check_file(name, path)
    located = str(path) if is_url(path) else os.path.abspath(os.fsdecode(path))
    if not (exists(located) if is_url(located) else os.path.lexists(located)):
        raise FileNotFoundError(
            f"{name} {printable(located)!r} does not exist; where the images of a table are, its "
            "column path says"
        )
    return located


def _relate(images: pd.DataFrame, percent: float) -> str:
    """Return how the files of two rows are related; percent by phash."""
    first, second = images.iloc[[0]], images.iloc[[1]]
    only = np.zeros(1, np.int64)
    return RELATIONS[relate(first, second, only, only, np.array([percent >= MAYBE_SAME_PIXELS]))[0]]


def _scan_one(path: str) -> dict[str, Any]:
    """Return the file's row of an `images` table; its sketch is remembered for the hashes."""
    row, sketch = describe_file(_base_name(path), path)
    if sketch is None:
        raise UnreadableImage(f"{row['image']}: {row['problem']}")
    sketches.keep((path, row["bytes"], row["modified"], "L"), sketch)
    return row


def _base_name(path: str | os.PathLike[str]) -> str:
    return printable(os.path.basename(os.fspath(path)))


def _score_all(
    images: pd.DataFrame, alignment: Alignment, features: dict[str, list[Features]]
) -> pd.DataFrame:
    """Return one row per method, with the score that `similar_pairs` gives."""
    percents = {
        name: _compare_turned(images, method)
        for name, method in METHODS.items()
        if not isinstance(method, LocalMethod)
    }
    meanings = {method.name: method.meaning(90) for method in METHODS.values()}
    sides = images[["width", "height"]].to_numpy()
    are_tiny = sides.max() <= MAX_TINY_SIDE and not (images.detail < LOW_DETAIL).any()
    for name, score in (
        ("aligned", _as_score(alignment)),
        ("akaze", score_akaze(*features["akaze"])),
    ):
        if not all(is_textured(found) for found in features[name]):
            score = fall_back(score, percents["phash"][0], *features[name])
        if name == "aligned" and are_tiny:
            score = raise_score(score, percents["tiny"][0], *features[name])
        percents[name] = (score.similarity, score.similarity)
        meanings[name] = SCORED_BY.get(score.scored_by, meanings[name])
    rows = [(name, *percents[name], meanings[name]) for name in METHODS]
    return pd.DataFrame(
        rows, columns=["method", "similarity", "any_orientation", "90 means"]
    ).set_index("method")


SCORED_BY = {"phash": "too little texture: as by phash", "tiny": "few pixels: as by tiny"}


def _as_score(found: Alignment) -> Score:
    """Return as much of an alignment's score as `fall_back` asks for."""
    overlaps = () if found.transform is None else (found.overlap_left, found.overlap_right)
    return Score(found.similarity, *overlaps)


def _compare_turned(images: pd.DataFrame, method: Method) -> tuple[float, float]:
    """Return the similarity of two images by a hash or a vector: upright, and in any turn."""
    prints = fingerprint_images(images, method.name, orientations=True)
    upright, turned = (
        all_distances(prints.codes[:, :n_views])[0, 1] for n_views in (1, prints.n_views)
    )
    return float(method.similarity(upright)), float(method.similarity(turned))


def _read_picture(path: str, features: Features) -> np.ndarray:
    """Return the picture at SHARP times the size it was aligned at, uint8, height x width x 3."""
    width, height = (SHARP * side for side in features.size)
    return np.array(open_image(path, min_side=min(width, height)).resize((width, height)))


SHARP = 2  # pictures are shown this much larger than they were aligned
FIGURE_INCHES = (8, 6.4)
MAX_NAME = 40  # characters of a name within a sentence, and above a panel, half a figure wide
AGREE_COLOR, DIFFER_COLOR = "#2a9461", "#d6453d"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What is known of two pictures, made by `compare_images`.

    Attributes
    ----------
    left, right
        the files' names.
    scores
        one row per method: similarity (percent), any_orientation (percent, flips and turns found),
        "90 means" (in words).
    alignment
        how left is aligned with right; see `imgdup_nb.aligned.agreement.Alignment`.
    textured
        whether both pictures have enough texture to be aligned, or were aligned with less.
    pictures
        both pictures as they were aligned, uint8, height x width x 3, two times as large.
    relation : {'same bytes', 'same pixels', 'near'}
        how the files are related, as in a pair table.
    blank
        which of the two pictures are nearly blank, so that their hashes are noise.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     picture = Image.radial_gradient("L")
    ...     picture.save(f"{folder}/a.png"), picture.save(f"{folder}/b.bmp")
    ...     found = dup.compare_images(f"{folder}/a.png", f"{folder}/b.bmp")
    (None, None)
    >>> found.relation, float(found.scores.similarity["phash"])
    ('same pixels', 100.0)
    """

    left: str
    right: str
    scores: pd.DataFrame
    alignment: Alignment
    textured: bool
    pictures: tuple[np.ndarray, np.ndarray]
    relation: str = "near"
    blank: tuple[bool, bool] = (False, False)

    @property
    def sentence(self) -> str:
        """What the alignment says, in words, names shortened; and whether the files are equal."""
        left, right = (shorten_middle(name, MAX_NAME) for name in (self.left, self.right))
        equal = EQUAL_SENTENCES.get(self.relation, "")
        if (
            self.alignment.transform is None and equal
        ):  # that nothing else can be said does not matter
            return equal
        if not self.textured:
            return say_flat(left, right, self.blank, self.scores.similarity["phash"])
        return " ".join(filter(None, [say_alignment(self.alignment, left, right), equal]))

    def common_areas(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the corners of the overlap, n x 2, in pixels of `alignment`, of left and of right.

        The pictures must be aligned.
        """
        left, right = self.sizes
        onto_right = common_area(self._transform, left, right)
        return apply(invert(self._transform), onto_right), onto_right

    def shared_parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the corners of the blocks of the shared part, n x 4 x 2, of left and of right.

        No blocks where no part is shared, as in copies of the whole.
        """
        if not shares_only_a_part(self.alignment):
            return np.zeros((0, 4, 2)), np.zeros((0, 4, 2))
        on_right = _corners_of(self.alignment, self.alignment.part)
        return apply(invert(self._transform), on_right.reshape(-1, 2)).reshape(
            on_right.shape
        ), on_right

    @property
    def sizes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Width and height of left and of right in pixels of `alignment`."""
        left, right = (
            (picture.shape[1] // SHARP, picture.shape[0] // SHARP) for picture in self.pictures
        )
        return left, right

    @property
    def _transform(self) -> np.ndarray:
        if self.alignment.transform is None:
            raise ValueError(f"{self.left} and {self.right} are not aligned: {self.sentence}")
        return self.alignment.transform

    def warped(self) -> tuple[np.ndarray, np.ndarray]:
        """Return left warped onto right, uint8, height x width x 3, and what it covers, bool."""
        cv2 = import_cv2()
        left, right = self.pictures
        larger = np.diag([SHARP, SHARP, 1.0])
        between = (larger @ np.vstack([self._transform, [0, 0, 1]]) @ np.linalg.inv(larger))[:2]
        size = (right.shape[1], right.shape[0])
        covered = cv2.warpAffine(np.ones(left.shape[:2], np.float32), between, size) > 0.5
        return cv2.warpAffine(
            left, between, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ), covered

    def difference(self) -> np.ndarray:
        """Return the difference of brightness, uint8, height x width; light where only right is.

        Both are levelled by the matching blocks: a black caption must not change all the rest.
        """
        warped, inside = self.warped()
        a, b = (picture.mean(axis=2, dtype=np.float32) for picture in (warped, self.pictures[1]))
        level = inside & self._agreeing()
        level = level if level.any() else inside
        if level.any():
            a = (a - a[level].mean()) * (b[level].std() + 1) / (a[level].std() + 1) + b[
                level
            ].mean()
        return np.where(inside, np.clip(np.abs(a - b) * 2, 0, 255), 225).astype(np.uint8)

    def _agreeing(self) -> np.ndarray:
        """Return which pixels of right's picture lie in blocks that agree, bool, height x width."""
        squares, agrees = block_corners(self)
        mask = np.zeros(self.pictures[1].shape[:2], np.uint8)
        import_cv2().fillPoly(mask, list((squares[agrees] * SHARP).round().astype(np.int32)), 1)
        return mask.astype(bool)

    def plot(self, figure: Figure | None = None) -> Figure:
        """Draw both pictures, the blocks that match and differ, and the difference.

        Parameters
        ----------
        figure
            where to draw; None makes a new one.

        Returns
        -------
        matplotlib.figure.Figure
            four panels. Green blocks agree, red ones do not; where no block is drawn, both pictures
            are flat or only one of them shows something. The overlap is outlined in both
            pictures, and a shared part is tinted. Without an alignment the last two panels
            say so.

        Raises
        ------
        TypeError
            if `figure` is none, such as an Axes.
        """
        if figure is None:
            import matplotlib.pyplot as plt

            with inks_for_any_page() as drawn:
                drawn.append(plt.figure(figsize=FIGURE_INCHES, dpi=60, layout="constrained"))
                return self.plot(drawn[0])
        if not hasattr(figure, "subplots"):  # other plots here take an Axes
            raise TypeError(
                "figure must be a matplotlib Figure, for there are four panels, not "
                f"{type(figure).__name__}"
            )
        left, right = (shorten_middle(name, MAX_NAME) for name in (self.left, self.right))
        set_alt_text(figure, f"Pictures of {left} and {right}. {self.sentence}")
        axes = figure.subplots(2, 2)
        for ax in axes.flat:
            ax.set_axis_off()
        _draw_picture(axes[0, 0], self.pictures[0], self.left)
        _draw_picture(axes[0, 1], self.pictures[1], self.right)
        if self.alignment.transform is None:
            for ax in axes[1]:
                ax.text(
                    0.5,
                    0.5,
                    "not aligned",
                    ha="center",
                    va="center",
                    transform=ax.transAxes,
                    fontsize=12,
                )
            return figure
        warped, covered = self.warped()
        there = self.pictures[1].astype(np.float32)
        blend = np.where(covered[:, :, None], (warped + there) / 2, there)
        _draw_picture(axes[1, 0], blend.astype(np.uint8), "the left one laid over the right one")
        _draw_blocks(axes[1, 0], self)
        grey = np.repeat(self.difference()[:, :, None], 3, axis=2)
        _draw_picture(axes[1, 1], grey, "difference of brightness (black: none)")
        for ax, area, shared in zip(axes[0], self.common_areas(), self.shared_parts(), strict=True):
            _draw_outline(ax, area)
            _draw_part(ax, shared)
        return figure

    def __repr__(self) -> str:
        left, right = (shorten_middle(name, MAX_NAME) for name in (self.left, self.right))
        return f"<Comparison of {left} and {right}: {self.sentence}>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.sentence, quote=True)}</p>{self.scores.round(1).to_html()}"


# -- drawing ---------------------------------------------------------------------------------------


def _draw_picture(ax: Axes, picture: np.ndarray, title: str) -> None:
    height, width = (side / SHARP for side in picture.shape[:2])
    ax.imshow(picture, extent=(0, width, height, 0))  # in the pixels of the transform
    ax.set_title(shorten_middle(title, MAX_NAME), fontsize=12, parse_math=False)


def _draw_outline(ax: Axes, area: np.ndarray) -> None:
    """Outline the overlap, with white below the colour so that it is seen on every picture."""
    closed = np.vstack([area, area[:1]])
    ax.plot(*closed.T, color="white", linewidth=4)
    ax.plot(*closed.T, color=AGREE_COLOR, linewidth=2)


def _draw_part(ax: Axes, squares: np.ndarray) -> None:
    """Tint the blocks of a shared part, n x 4 x 2."""
    from matplotlib.collections import PolyCollection

    ax.add_collection(
        PolyCollection(list(squares), facecolor=AGREE_COLOR, alpha=0.45, edgecolor="none"),
        autolim=False,
    )


def _draw_blocks(ax: Axes, comparison: Comparison) -> None:
    """Draw a square for each block that counts, green where it agrees and red where it differs."""
    from matplotlib.collections import PolyCollection

    corners, agrees = block_corners(comparison)
    for chosen, color, alpha in ((agrees, AGREE_COLOR, 0.15), (~agrees, DIFFER_COLOR, 0.35)):
        ax.add_collection(
            PolyCollection(
                list(corners[chosen]), facecolor=color, alpha=alpha, edgecolor=color, linewidth=0.6
            )
        )


def block_corners(comparison: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the blocks that count, n x 4 x 2, and which of them match.

    In pixels of the right picture.
    """
    found = comparison.alignment
    assert found.blocks is not None
    counts = ~np.isnan(found.blocks)
    return _corners_of(found, counts), found.blocks[counts] >= found.min_correlation


def _corners_of(found: Alignment, chosen: np.ndarray) -> np.ndarray:
    """Return the corners of some blocks, n x 4 x 2 in pixels of the right picture.

    blocks : bool, rows x columns
    """
    assert found.transform is not None
    rows, columns = np.nonzero(chosen)
    # a block is two cells wide and overlaps its neighbours by half: its middle is drawn
    cell = SHRINK * found.cell
    corner = np.stack([columns + 0.5, rows + 0.5], axis=1) * cell
    squares = corner[:, None, :] + np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * cell
    return (
        apply(found.transform, squares.reshape(-1, 2)).reshape(squares.shape)
        if found.frame == "left"
        else squares
    )
