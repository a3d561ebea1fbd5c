"""Two pictures side by side: every method's score, how one lies on the other, and where they agree."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .decode import UnreadableImage, open_image
from .fingerprints import fingerprint_images
from .images import describe_file, printable, tabulate
from .local.agreement import Alignment
from .local.alignment import align
from .local.features import SHRINK, Features, import_cv2
from .local.scores import score_akaze
from .local.transforms import carry, common_area, invert
from .methods import METHODS
from .search import all_distances
from .sketches import sketches
from .storage import exists, is_url
from .text import shorten_middle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHARP = 2  # pictures are shown this much larger than they were aligned
ONE_PIECE = 90.0  # percent of what agrees; a block more may hang loose
WHOLE = 97.0  # percent; an overlap from here on is all of the picture, up to the border that resizing blurs
UPRIGHT = 2.0  # degrees that a transform may be off
FIGURE_INCHES = (8, 6.4)
MAX_TITLE = 40  # characters above a panel, half a figure wide
AGREE_COLOR, DIFFER_COLOR = "#2a9461", "#d6453d"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What is known of two pictures, made by `compare_images`.

    Attributes
    ----------
    left, right
        the files' names.
    scores
        one row per method: similarity (percent), any_turn (percent, as with `orientations=True`), "90 means" (in words).
    alignment
        how left lies on right; see `imgdup_nb.local.alignment.Alignment`.
    textured
        whether both pictures have enough texture to be aligned, or could be laid on each other all the same.
    pictures
        both pictures as they were aligned, uint8, height x width x 3, two times as large.
    """

    left: str
    right: str
    scores: pd.DataFrame
    alignment: Alignment
    textured: bool
    pictures: tuple[np.ndarray, np.ndarray]

    @property
    def sentence(self) -> str:
        """What the alignment says, in words."""
        if not self.textured:
            percent = self.scores.similarity["phash"]
            return f"Too little texture to lay one picture on the other; by phash they are {percent:.0f} % similar."
        from .local.alignment_loops import LOOKS_ALIKE

        found = self.alignment
        if found.transform is None:
            return "Nothing of one picture was found in the other."
        percent = found.similarity if found.similarity >= LOOKS_ALIKE else found.agreeing
        share = "100" if percent == 100 else f"{min(percent, 99):.0f}"  # where a block differs, it is not all
        parts = [f"{share} % of what both show agrees{self._pieces()}", self._overlap()]
        if found.mirrored:
            parts.append("one is mirrored")
        if abs(found.rotation) >= UPRIGHT:
            parts.append(f"turned by {abs(found.rotation):.0f} degrees")
        return "; ".join([parts[0], ", ".join(parts[1:])]) + "." + self._why_no_more()

    def _pieces(self) -> str:
        """Say how what agrees hangs together, and whether it lies exactly, where it is a part that both share."""
        from .local.alignment_loops import COPY

        found = self.alignment
        if not self._shares_part or found.blocks is None:
            return ""
        connected = 100 * found.part.sum() / (found.blocks >= found.agrees).sum()
        pieces = "in one piece" if connected >= ONE_PIECE else f"{connected:.0f} % of it in one piece"
        return f", {pieces}{', exactly' if found.apart < COPY else ''}"

    @property
    def _shares_part(self) -> bool:
        """Whether the two are no copies, and yet a part of one was surely taken over into the other, or both from a third."""
        from .local.alignment_loops import LOOKS_ALIKE

        return 0 < self.alignment.similarity < LOOKS_ALIKE and self.alignment.shares_part

    def _why_no_more(self) -> str:
        """Say what keeps the similarity low though something agrees."""
        from .local.alignment_loops import LOOKS_ALIKE, SHOT

        found = self.alignment
        if self._shares_part:
            return " They share this part."
        if found.similarity < LOOKS_ALIKE:
            return self._why_nothing()
        if found.coarse:
            return " They agree only once both are made small, as copies of few pixels do, so it counts as 79 % at most."
        if found.apart >= SHOT:
            return f" It lies {found.apart:.1f} pixels apart, as in another shot of one scene, so it counts as 79 % at most."
        if found.doubt >= 1:
            return " Little of it is textured, and not all of that agrees or the rest is of another shade: 79 % at most."
        return ""

    def _why_nothing(self) -> str:
        """Say why what agrees in part counts as nothing."""
        from .local.alignment_loops import SHOT

        found = self.alignment
        if found.matches == 0:
            return " No feature of one was found in the other, as in pictures of one kind: below 70 % that counts as 0."
        if found.apart >= SHOT:
            return f" It lies {found.apart:.1f} pixels apart, as in another shot of one scene: below 70 % that counts as 0."
        return " It is too little in one piece to be more than chance, and counts as 0."

    def _overlap(self) -> str:
        left, right = self.alignment.overlap_left, self.alignment.overlap_right
        if min(left, right) >= WHOLE:
            return "they show the same section"
        if right >= WHOLE:
            return f"{self.right} shows {left:.0f} % of {self.left}"
        if left >= WHOLE:
            return f"{self.left} shows {right:.0f} % of {self.right}"
        return f"they share {left:.0f} % of {self.left} and {right:.0f} % of {self.right}"

    def common_areas(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the corners of what both show, n x 2, in pixels of `alignment` of left and of right; it must be aligned."""
        left, right = self.sizes
        onto_right = common_area(self._transform, left, right)
        return carry(invert(self._transform), onto_right), onto_right

    def shared_parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the corners of the blocks of the part that both share, n x 4 x 2, in pixels of left and of right.

        No blocks where no part is shared, as in copies of the whole.
        """
        if not self._shares_part:
            return np.zeros((0, 4, 2)), np.zeros((0, 4, 2))
        on_right = _corners_of(self.alignment, self.alignment.part)
        return carry(invert(self._transform), on_right.reshape(-1, 2)).reshape(on_right.shape), on_right

    @property
    def sizes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Width and height of left and of right in pixels of `alignment`."""
        left, right = ((picture.shape[1] // SHARP, picture.shape[0] // SHARP) for picture in self.pictures)
        return left, right

    @property
    def _transform(self) -> np.ndarray:
        if self.alignment.transform is None:
            raise ValueError(f"{self.left} and {self.right} are not aligned: {self.sentence}")
        return self.alignment.transform

    def laid(self) -> tuple[np.ndarray, np.ndarray]:
        """Return left as it lies on right, uint8, height x width x 3 of right's picture, and where it covers it, bool."""
        cv2 = import_cv2()
        left, right = self.pictures
        larger = np.diag([SHARP, SHARP, 1.0])
        between = (larger @ np.vstack([self._transform, [0, 0, 1]]) @ np.linalg.inv(larger))[:2]
        size = (right.shape[1], right.shape[0])
        covered = cv2.warpAffine(np.ones(left.shape[:2], np.float32), between, size) > 0.5
        return cv2.warpAffine(left, between, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), covered

    def difference(self) -> np.ndarray:
        """Return the difference of brightness after levelling both, uint8, height x width; light where only right is.

        Levelled by what agrees: a black caption must not make all the rest look different.
        """
        laid, inside = self.laid()
        a, b = (picture.mean(axis=2, dtype=np.float32) for picture in (laid, self.pictures[1]))
        level = inside & self._agreeing()
        level = level if level.any() else inside
        if level.any():
            a = (a - a[level].mean()) * (b[level].std() + 1) / (a[level].std() + 1) + b[level].mean()
        return np.where(inside, np.clip(np.abs(a - b) * 2, 0, 255), 225).astype(np.uint8)

    def _agreeing(self) -> np.ndarray:
        """Return which pixels of right's picture lie in blocks that agree, bool, height x width."""
        squares, agrees = block_corners(self)
        mask = np.zeros(self.pictures[1].shape[:2], np.uint8)
        import_cv2().fillPoly(mask, list((squares[agrees] * SHARP).round().astype(np.int32)), 1)
        return mask.astype(bool)

    def plot(self, figure: Figure | None = None) -> Figure:
        """Draw both pictures, one laid over the other with the blocks that agree and differ, and the difference.

        Parameters
        ----------
        figure
            where to draw; None makes a new one.

        Returns
        -------
        matplotlib.figure.Figure
            four panels. Green blocks correlate, red ones do not; where no block is drawn, both pictures are flat or only one
            of them shows something. What both show is outlined in both pictures, and a part that they share is tinted. Without
            an alignment the last two panels say so.
        """
        if figure is None:
            import matplotlib.pyplot as plt

            figure = plt.figure(figsize=FIGURE_INCHES, dpi=60, layout="constrained")
        axes = figure.subplots(2, 2)
        for ax in axes.flat:
            ax.set_axis_off()
        _show(axes[0, 0], self.pictures[0], self.left)
        _show(axes[0, 1], self.pictures[1], self.right)
        if self.alignment.transform is None:
            for ax in axes[1]:
                ax.text(0.5, 0.5, "not aligned", ha="center", va="center", transform=ax.transAxes, fontsize=12)
            return figure
        laid, covered = self.laid()
        there = self.pictures[1].astype(np.float32)
        blend = np.where(covered[:, :, None], (laid + there) / 2, there)
        _show(axes[1, 0], blend.astype(np.uint8), "the left one laid over the right one")
        _draw_blocks(axes[1, 0], self)
        grey = np.repeat(self.difference()[:, :, None], 3, axis=2)
        _show(axes[1, 1], grey, "difference of brightness (black: none)")
        for ax, area, shared in zip(axes[0], self.common_areas(), self.shared_parts(), strict=True):
            _draw_outline(ax, area)
            _draw_part(ax, shared)
        return figure

    def __repr__(self) -> str:
        return f"<Comparison of {self.left} and {self.right}: {self.sentence}>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.sentence, quote=True)}</p>{self.scores.round(1).to_html()}"


def compare_images(left: str | os.PathLike[str], right: str | os.PathLike[str]) -> Comparison:
    """Compare two pictures by every method, and lay one on the other.

    Parameters
    ----------
    left, right
        paths of two image files, or URLs that fsspec opens.

    Returns
    -------
    Comparison
        its `scores` are a table, its `sentence` says what the alignment means, and `plot()` draws it.

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
    About 0.2 seconds. The similarity of 'aligned' is the one `similar_pairs` gives the two pictures in any collection.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (80, 60), "white").save(f"{folder}/a.png")
    ...     Image.new("RGB", (80, 60), "white").save(f"{folder}/b.png")
    ...     comparison = compare_images(f"{folder}/a.png", f"{folder}/b.png")
    >>> comparison.sentence
    'Too little texture to lay one picture on the other; by phash they are 100 % similar.'
    """
    paths = [_locate(name, path) for name, path in (("left", left), ("right", right))]
    images = tabulate([_scan_one(path) for path in paths]).assign(image=["left", "right"])
    features = {name: list(fingerprint_images(images, name).codes[:, 0]) for name in ("aligned", "akaze")}
    alignment = align(*features["aligned"])
    left_name, right_name = name_files(*paths)
    return Comparison(
        left=left_name,
        right=right_name,
        scores=_score_all(images, alignment, score_akaze(*features["akaze"]).similarity),
        alignment=alignment,
        textured=alignment.transform is not None or all(found.is_textured for found in features["aligned"]),
        pictures=(_picture(paths[0], features["aligned"][0]), _picture(paths[1], features["aligned"][1])),
    )


def name_files(left: str | os.PathLike[str], right: str | os.PathLike[str]) -> tuple[str, str]:
    """Return what two files are called in a comparison: their names without folders, as long as these differ.

    Examples
    --------
    >>> name_files("old/cat.jpg", "dog.jpg"), name_files("old/cat.jpg", "new/cat.jpg")
    (('cat.jpg', 'dog.jpg'), ('left', 'right'))
    """
    names = _base_name(left), _base_name(right)
    return names if names[0] != names[1] else ("left", "right")


def _locate(name: str, path: Any) -> str:
    """Return where a picture is, as an absolute path or a URL."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name} must be the path or URL of an image file, not {type(path).__name__}")
    located = str(path) if is_url(path) else os.path.abspath(os.fsdecode(path))
    if not (exists(located) if is_url(located) else os.path.lexists(located)):
        raise FileNotFoundError(f"{name} {printable(located)!r} does not exist")
    return located


def _scan_one(path: str) -> dict[str, Any]:
    """Return the file's row of an `images` table; its sketch is remembered for the hashes."""
    row, sketch = describe_file(_base_name(path), path)
    if sketch is None:
        raise UnreadableImage(f"{row['image']}: {row['problem']}")
    sketches.keep((path, row["bytes"], row["modified"], "L"), sketch)
    return row


def _base_name(path: str | os.PathLike[str]) -> str:
    return printable(os.path.basename(os.fspath(path)))


def _score_all(images: pd.DataFrame, alignment: Alignment, akaze: float) -> pd.DataFrame:
    """Return one row per method."""
    rows = []
    for method in METHODS.values():
        if method.bits:
            prints = fingerprint_images(images, method.name, orientations=True)
            upright, turned = (
                float(method.similarity(all_distances(prints.codes[:, :n_views])[0, 1])) for n_views in (1, prints.n_views)
            )
        else:
            upright = turned = akaze if method.name == "akaze" else alignment.similarity
        rows.append((method.name, upright, turned, method.meaning(90)))
    return pd.DataFrame(rows, columns=["method", "similarity", "any_turn", "90 means"]).set_index("method")


def _picture(path: str, features: Features) -> np.ndarray:
    """Return the picture at SHARP times the size it was aligned at, uint8, height x width x 3."""
    width, height = (SHARP * side for side in features.size)
    return np.array(open_image(path, min_side=min(width, height)).resize((width, height)))


# -- drawing ----------------------------------------------------------------------------------------------------------


def _show(ax: Axes, picture: np.ndarray, title: str) -> None:
    height, width = (side / SHARP for side in picture.shape[:2])
    ax.imshow(picture, extent=(0, width, height, 0))  # in the pixels of the transform
    ax.set_title(shorten_middle(title, MAX_TITLE), fontsize=12, parse_math=False)


def _draw_outline(ax: Axes, area: np.ndarray) -> None:
    """Outline what both show, white below the colour so that it is seen on every picture."""
    closed = np.vstack([area, area[:1]])
    ax.plot(*closed.T, color="white", linewidth=4)
    ax.plot(*closed.T, color=AGREE_COLOR, linewidth=2)


def _draw_part(ax: Axes, squares: np.ndarray) -> None:
    """Tint the blocks of a shared part, n x 4 x 2."""
    from matplotlib.collections import PolyCollection

    ax.add_collection(PolyCollection(list(squares), facecolor=AGREE_COLOR, alpha=0.45, edgecolor="none"), autolim=False)


def _draw_blocks(ax: Axes, comparison: Comparison) -> None:
    """Draw a square for each block that counts, green where it agrees and red where it differs."""
    from matplotlib.collections import PolyCollection

    corners, agrees = block_corners(comparison)
    for chosen, color, alpha in ((agrees, AGREE_COLOR, 0.15), (~agrees, DIFFER_COLOR, 0.35)):
        ax.add_collection(PolyCollection(list(corners[chosen]), facecolor=color, alpha=alpha, edgecolor=color, linewidth=0.6))


def block_corners(comparison: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the blocks that count, n x 4 x 2 in pixels of the right picture, and which of them agree."""
    found = comparison.alignment
    assert found.blocks is not None
    counts = ~np.isnan(found.blocks)
    return _corners_of(found, counts), found.blocks[counts] >= found.agrees


def _corners_of(found: Alignment, chosen: np.ndarray) -> np.ndarray:
    """Return the corners of some blocks, bool, rows x columns, as n x 4 x 2 in pixels of the right picture."""
    assert found.transform is not None
    rows, columns = np.nonzero(chosen)
    # a block is two cells wide and overlaps its neighbours by half: its middle is drawn
    cell = SHRINK * found.cell
    corner = np.stack([columns + 0.5, rows + 0.5], axis=1) * cell
    squares = corner[:, None, :] + np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * cell
    return carry(found.transform, squares.reshape(-1, 2)).reshape(squares.shape) if found.frame == "left" else squares
