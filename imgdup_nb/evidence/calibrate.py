"""Known copies of your own pictures -> how many of them a method finds, and the false pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd

from ..embeddings import Embedding
from ..engine.checks import check_count, check_percent, count_of, shown
from ..engine.pair_graph import TOLERANCE, components
from ..engine.parallel import stoppable
from ..engine.reading import LOW_DETAIL
from ..engine.variations import Change
from ..fingerprints import Fingerprints, fingerprint_images
from ..pairs import similar_pairs
from .evaluate import PairsOrGroups, Truth, read_truth
from .false_pairs import USUAL_REACH, least_rate, score_false_pairs
from .intervals import binomial_interval, check_confidence
from .known_copies import USUAL, find_makers, score_copies

SAME_SCENE = 90.0  # percent; so similar images are copied once


@dataclass(frozen=True, eq=False)
class Calibration:
    """Recall of known copies, and the rate of false pairs, made by `calibrate`.

    Attributes
    ----------
    recall
        one row per variation and level: variation, threshold (percent), copies, found, recall,
        recall_low, recall_high.
    false_pairs
        one row per level: threshold, false (unrelated pairs at or above it), comparisons, reach,
        rate, rate_low, rate_high. `reach` is the largest share of the other images that one image
        is similar to.
    copies
        one row per copy: image, variation, similarity to its original (percent).
    suspects
        the most similar unrelated pairs, at most 20: left, right, similarity. Look at them: a pair
        that you would call a copy was counted as false. Add it to truth=.
    method
        its name.
    n_images, confidence
        images compared with each other, and the confidence of the intervals.
    max_reach
        share of all images that the upper ends assume (see `calibrate`). At a level where one image
        is similar to more, its share is assumed (column reach).
    """

    recall: pd.DataFrame
    false_pairs: pd.DataFrame
    copies: pd.DataFrame
    suspects: pd.DataFrame
    method: str
    n_images: int
    confidence: float
    max_reach: float = USUAL_REACH

    def expected_false_pairs(self, n_images: int | None = None) -> pd.DataFrame:
        """Return the number of false pairs to expect in a larger collection of the same kind.

        `expected` and its upper end grow with the square of the number of images. That is right if
        the calibrated images are a random part of the larger collection. A collection that grows by
        albums, of other scenes each, has fewer: false pairs are mostly within an album, and grow
        with the number of albums. The lower end is for this case, so the interval holds for both.

        Parameters
        ----------
        n_images
            its size; None for that of the calibrated one. False pairs of the calibrated one itself
            are counted in `false_pairs`.

        Returns
        -------
        pandas.DataFrame, one row per level:
            threshold, expected, expected_low, expected_high (pairs).
        """
        n = self.n_images if n_images is None else n_images
        n = check_count(
            "n_images", n, at_least=0, instead=", or None for that of the calibrated one"
        )
        pairs = n * (n - 1) / 2
        rates = self.false_pairs[["rate", "rate_low", "rate_high"]].to_numpy() * pairs
        rates[:, 1] *= min(self.n_images / n, 1.0) if n else 1.0
        table = pd.DataFrame(rates, columns=["expected", "expected_low", "expected_high"])
        table.insert(0, "threshold", self.false_pairs.threshold)
        return table

    def least_bound(self, n_images: int) -> float:
        """Return the smallest upper end that `expected_false_pairs` can have, if none was false."""
        rate = least_rate(self.n_images, self.max_reach, self.confidence)
        return rate * n_images * (n_images - 1) / 2

    def images_for(self, n_images: int, limit: float) -> int | None:
        """Return how many images without a false pair would show at most `limit`; None if none."""
        needed = next(
            (
                n
                for n in np.unique(np.geomspace(2, max(n_images, 2), 200).astype(int))
                if least_rate(int(n), self.max_reach, self.confidence) * n_images * (n_images - 1)
                <= 2 * limit
            ),
            None,
        )
        return None if needed is None else int(needed)

    def recall_table(self) -> pd.DataFrame:
        """Return recall, variations x levels, the variation that is found most first."""
        table = self.recall.pivot(index="variation", columns="threshold", values="recall")  # noqa: PD010 - no index to unstack
        return table.loc[table.mean(axis=1).sort_values(ascending=False, kind="stable").index, ::-1]

    def median_similarity(self) -> pd.Series:
        """Return the median similarity of the copies of each variation, percent, highest first.

        Half of the copies of a variation are found at this threshold.
        """
        median = self.copies.groupby("variation", sort=False).similarity.median()
        return median.sort_values(ascending=False, kind="stable")

    def __repr__(self) -> str:
        n_variations, n_copies = self.copies.variation.nunique(), len(self.copies)
        copies = "1 copy" if n_copies == 1 else f"{n_copies:,} copies"
        return (
            f"<Calibration of {self.method}: {copies} in {count_of(n_variations, 'variation')}; "
            f"{count_of(self.n_images, 'image')} compared with each other>"
        )


@stoppable
def calibrate(
    images: pd.DataFrame,
    method: str | Embedding = "phash",
    *,
    variations: str | Sequence[str] | Mapping[str, Change] | None = None,
    n_sample: int = 50,
    min_similarity: float = 70.0,
    orientations: bool = False,
    truth: PairsOrGroups | None = None,
    max_reach: float = USUAL_REACH,
    confidence: float = 0.95,
    seed: int = 0,
    executor: Executor | None = None,
) -> Calibration:
    """Measure recall and false pairs of a method on your own pictures.

    Copies of a sample of your pictures are made, and compared with their originals. All images are
    compared with each other, too: their pairs are unrelated unless they are known duplicates.

    Parameters
    ----------
    images
        a table made by `scan_images`.
    method, orientations, executor
        as for `fingerprint_images`.
    variations
        how copies are made: names such as "jpeg 40", or functions by name, each of which takes and
        returns an RGB image. None takes nineteen usual ones. "everyday" takes what happens between
        people: messenger, screenshot, border, caption, watermark, filter, photo of a screen. An
        unknown name lists all names.
    n_sample
        images to copy, drawn at random; all if there are fewer. Nearly blank images are left out.
        Of each scene one image is drawn at most: of a group of `truth`, or without it of images
        that are 90 % similar or more.
    min_similarity
        percent; the lowest level measured.
    truth
        known duplicates, in any form that `score_thresholds` takes. They do not count as false
        pairs, and neither do pairs of the same bytes or pixels. They also tell which images show
        one scene.
    max_reach
        0 to 1. A kind of picture may be missing from your sample. The upper ends assume that no
        such picture is similar to more than this share of all others. 1 assumes nothing.
    confidence
        of the intervals.
    seed
        of the sample. The same images and seed give the same copies.

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        if a variation is unknown, or no image can be copied.

    Notes
    -----
    Duplicates that are not in `truth` count as false pairs, so the rate may be too high, never too
    low. Recall has Clopper-Pearson intervals: each copy of one variation is of another scene. They
    are about pictures of this kind, and each holds by itself.

    Pairs of unrelated images are not independent: one odd image can be similar to many. The
    interval of the rate is widened by how unevenly the false pairs are spread over the images. A
    kind of picture rarer than 3.7 in n may be missing from n images. The upper end adds the false
    pairs of such a kind, if each of its images is similar to `max_reach` of all others. If some
    image of the sample has more similar pairs at `min_similarity`, their share is used instead.
    With max_reach=1 the upper end holds for every collection. It is then 7.4 / n or more, even if
    no false pair was seen.

    Cost: pictures are reduced to about 512 pixels, copies are written to a temporary folder, and
    all n_images**2 / 2 pairs are compared.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from PIL import Image
    >>> import imgdup_nb as dup
    >>> folder = tempfile.TemporaryDirectory()
    >>> for seed in range(3):
    ...     noise = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    ...     Image.fromarray(noise).resize((160, 120)).save(f"{folder.name}/{seed}.png")
    >>> found = dup.calibrate(dup.scan_images(folder.name), variations=["jpeg 40", "mirrored"])
    >>> found
    <Calibration of phash: 6 copies in 2 variations; 3 images compared with each other>
    >>> found.recall_table()[90.625].to_dict()
    {'jpeg 40': 1.0, 'mirrored': 0.0}
    >>> folder.cleanup()
    """
    check_confidence(confidence)
    floor = check_percent("min_similarity", min_similarity)
    check_count("n_sample", n_sample)
    check_count("seed", seed, at_least=0)
    if (
        isinstance(max_reach, bool)
        or not isinstance(max_reach, Real)
        or not 0 <= float(max_reach) <= 1
    ):
        raise ValueError(
            f"max_reach must be a share of all images, from 0 to 1, such as {USUAL_REACH}, not "
            f"{shown(max_reach)}"
        )
    makers = find_makers(USUAL if variations is None else variations)
    prints = fingerprint_images(images, method, orientations=orientations, executor=executor)
    known = None if truth is None else read_truth(truth, prints.names, complete=True)
    pairs = similar_pairs(prints, min_similarity=floor)
    sample = _draw(prints.images, _find_scenes(prints, pairs, known), n_sample, seed)
    copies = score_copies(prints, sample, makers, method, orientations, executor)
    false_pairs, suspects = score_false_pairs(prints, pairs, known, float(max_reach), confidence)
    return Calibration(
        recall=_recall(copies, list(makers), false_pairs.threshold.to_numpy(), confidence),
        false_pairs=false_pairs,
        copies=copies,
        suspects=suspects,
        method=prints.method.name,
        n_images=len(prints),
        confidence=confidence,
        max_reach=float(max_reach),
    )


def _find_scenes(prints: Fingerprints, pairs: pd.DataFrame, known: Truth | None) -> np.ndarray:
    """Return the number of each image's scene: its group by the truth, or of similar images."""
    if known is not None:
        return known.group
    near = pairs[(pairs.similarity >= SAME_SCENE - TOLERANCE) | (pairs.relation != "near")]
    first, second = near.left.cat.codes.to_numpy(), near.right.cat.codes.to_numpy()
    return components(first.astype(np.int64), second.astype(np.int64), len(prints))


def _draw(images: pd.DataFrame, scene: np.ndarray, n_sample: int, seed: int) -> np.ndarray:
    """Return the rows of the images to copy, one of each scene at most."""
    usable = (
        np.flatnonzero(images.detail.to_numpy() >= LOW_DETAIL)
        if "detail" in images
        else np.arange(len(images))
    )
    if not len(usable):
        raise ValueError(
            f"images must hold one with enough detail to copy (from {LOW_DETAIL:g} up), and has "
            "none"
        )
    drawn = np.random.default_rng(seed).permutation(usable)
    first_of_scene = np.sort(np.unique(scene[drawn], return_index=True)[1])
    return np.sort(drawn[first_of_scene][:n_sample])


def _recall(
    copies: pd.DataFrame, names: list[str], levels: np.ndarray, confidence: float
) -> pd.DataFrame:
    tables = []
    for name in names:
        similarity = copies.similarity[copies.variation == name].to_numpy()
        found = (similarity[None, :] >= levels[:, None] - TOLERANCE).sum(axis=1)
        low, high = binomial_interval(found, len(similarity), confidence)
        share = found / len(similarity) if len(similarity) else np.full(len(levels), np.nan)
        columns = {
            "copies": len(similarity),
            "found": found,
            "recall": share,
            "recall_low": low,
            "recall_high": high,
        }
        tables.append(pd.DataFrame({"variation": name, "threshold": levels, **columns}))
    return pd.concat(tables, ignore_index=True)
