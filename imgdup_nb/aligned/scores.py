"""The features of two pictures -> a row of the pair table: the similarity and the transform."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..engine.feature_file import SharedFeatures
from ..engine.features import Features, frame_of, one_cv2_thread
from ..engine.parallel import each, map_batches
from .bands import MAX_SCENE_SIMILARITY
from .colours import have_other_colours
from .detail import align_files
from .flat_areas import draw_alike
from .registration import MIN_FRAME_CORRELATION

# by which two descriptors of one patch differ at most, mostly; they have 256 and 486 bits
MAX_VOTE_BITS = {"aligned": 56, "akaze": 96}
PAIR_BATCH = 32  # pairs that are scored in one call
SHARED_BATCH = 256  # of pairs in a file: each call on a cluster costs some milliseconds
MAX_DISTANCE_RATIO = 0.6  # a match must be this much nearer than the second nearest
# percent; the partners of such partners are scored even if the vote left them out
MIN_PARTNER_SIMILARITY = 80.0
# percent of phash from which a pair is scored even if the vote left it out
MIN_CANDIDATE_HASH = 84.0
# percent of phash; below, pictures without texture are similar by chance too often
MIN_FALLBACK_HASH = 90.0
SMALL_SIDE = 32  # pixels a side at which pictures with one phash must also correlate


class Score(NamedTuple):
    """The score of one pair: the columns that local features add to a pair table."""

    similarity: float
    overlap_left: float = np.nan
    overlap_right: float = np.nan
    rotation: float = np.nan
    scale: float = np.nan
    mirrored: bool = False
    matches: int = 0
    residual: float = np.nan
    scored_by: str = "aligned"


class FeaturePair(NamedTuple):
    """Two pictures to be scored, and where they are; None if that is not known."""

    left: Features
    right: Features
    files: tuple[str, str] | None = None


class SharedPairs(Sequence[FeaturePair]):
    """Pairs of pictures in a file that workers can read; some of them are sent as two arrays.

    A cluster looks at each object within what is sent, so a list of pairs would take longer.

    Parameters
    ----------
    pictures
        features of all images.
    pairs : int64, n_pairs x 2, numbers of images
    paths
        where each image is; None if that is not known.
    """

    def __init__(
        self, pictures: SharedFeatures, pairs: np.ndarray, paths: Sequence[str] | None
    ) -> None:
        self.pictures, self.pairs, self.paths = pictures, pairs, paths

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, which: Any) -> Any:
        if isinstance(which, slice):
            images, places = np.unique(self.pairs[which], return_inverse=True)
            paths = None if self.paths is None else [self.paths[k] for k in images.tolist()]
            return SharedPairs(self.pictures.take(images), places.reshape(-1, 2), paths)
        left, right = self.pairs[which].tolist()
        files = None if self.paths is None else (self.paths[left], self.paths[right])
        return FeaturePair(self.pictures.remembered(left), self.pictures.remembered(right), files)


def score_pairs(
    pairs: Sequence[FeaturePair],
    method: str,
    executor: Executor | None = None,
) -> Generator[Score, None, None]:
    """Yield the score of each pair of pictures, in order, computed in threads or on an executor."""
    batch = partial(_score_batch, method=method)
    size = SHARED_BATCH if isinstance(pairs, SharedPairs) else PAIR_BATCH
    with one_cv2_thread():
        yield from map_batches(batch, pairs, executor=executor, describe="align", size=size)


def _score_batch(pairs: Sequence[FeaturePair], *, method: str) -> list[Score]:
    return each(partial(_score_pair, method=method), pairs)


def _score_pair(pair: FeaturePair, *, method: str) -> Score:
    return score_akaze(pair.left, pair.right) if method == "akaze" else score_aligned(*pair)


def score_aligned(left: Features, right: Features, files: tuple[str, str] | None = None) -> Score:
    """Return how much of the overlap of two pictures matches, and how they are aligned.

    `files` are their paths, so that pages can be read again: see `align_files`.
    """
    found = align_files(left, right, files)
    if found.transform is None:
        return Score(0.0)
    lies = (found.overlap_left, found.overlap_right, found.rotation, found.scale, found.mirrored)
    return Score(found.similarity, *lies, found.matches, found.residual)


def fall_back(score: Score, percent: float | None, left: Features, right: Features) -> Score:
    """Return the similarity by phash for a pair with too little texture, unless it was aligned.

    Many pictures of stripes or gradients have the same phash. So two pictures must also correlate
    when they are made small. A phash does not see colours: pictures of other colours have at most
    79 percent.

    Parameters
    ----------
    percent
        similarity by phash; None if both pictures have texture, or if it is not known.

    Examples
    --------
    >>> from PIL import Image
    >>> from imgdup_nb.engine.features import aligned_features
    >>> grey = Image.linear_gradient("L")  # from above to below
    >>> upright, lying = aligned_features(grey), aligned_features(grey.rotate(90))
    >>> [fall_back(Score(0.0), 93.75, upright, each).similarity for each in (upright, lying)]
    [93.75, 0.0]
    """
    is_aligned = not np.isnan(score.overlap_left)
    if is_aligned or percent is None or percent < MIN_FALLBACK_HASH or not _are_alike(left, right):
        return score
    return Score(
        min(percent, MAX_SCENE_SIMILARITY) if have_other_colours(left, right) else percent,
        scored_by="phash",
    )


def _are_alike(left: Features, right: Features) -> bool:
    """Whether two whole pictures are equal in grey, or correlate when they are made small.

    What is drawn on a plain ground must be alike, too.
    """
    if np.array_equal(left.grey, right.grey):  # also if all is of one brightness
        return True
    alike = float(frame_of(left.grey, SMALL_SIDE) @ frame_of(right.grey, SMALL_SIDE))
    return alike >= MIN_FRAME_CORRELATION and draw_alike(left, right)


def score_akaze(left: Features, right: Features) -> Score:
    """Return the number of matches in percent of the features of the picture that has more."""
    from .match_loops import ratio_matches

    most = max(len(left), len(right))
    matches = (
        len(ratio_matches(left.bits, right.bits, MAX_DISTANCE_RATIO))
        if min(len(left), len(right))
        else 0
    )
    return Score(100.0 * matches / most if most else 0.0, matches=matches, scored_by="akaze")
