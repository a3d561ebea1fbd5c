"""Copies of pictures, changed in known ways, and how similar they are to their originals."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ..aligned.agreement import is_textured
from ..aligned.candidates import find_alike_frames
from ..aligned.scores import MIN_CANDIDATE_HASH, FeaturePair, Score, fall_back, score_pairs
from ..embeddings import Embedding
from ..engine.checks import check_list
from ..engine.decode import UnreadableImage, open_image
from ..engine.everyday import EVERYDAY
from ..engine.parallel import each, map_batches
from ..engine.search import exact_cosine
from ..engine.variations import VARIATIONS, Change, Variation, _encode
from ..fingerprints import Fingerprints, fingerprint_images
from ..methods import LocalMethod

COPY_SIDE = 512  # pixels; pictures are reduced to about this before they are copied

USUAL = [
    "jpeg 85", "jpeg 40", "webp", "256 colours", "half size", "quarter size", "enlarged",
    "squashed", "caption", "brighter", "darker", "more contrast", "greyscale", "blurred",
    "sharpened", "cropped 5 %", "cropped 30 %", "mirrored", "rotated 90",
]  # fmt: skip


def find_makers(variations: str | Sequence[str] | Mapping[str, Change]) -> dict[str, Variation]:
    """Return the variations by name, or raise if one is unknown."""
    known = VARIATIONS | EVERYDAY
    if isinstance(variations, Mapping) and variations and all(map(callable, variations.values())):
        return {name: Variation("", ".png", change) for name, change in variations.items()}
    if isinstance(variations, str) and variations == "everyday":
        return EVERYDAY
    several = [variations] if isinstance(variations, str) else variations
    names = check_list("variations", several, ["jpeg 40"])
    unknown = [name for name in names if name not in list(known)]
    if unknown or not names or isinstance(variations, str):
        raise ValueError(
            f"variations must be a list of names from {', '.join(map(repr, known))}, or "
            f"functions by name, or 'everyday'; {next(iter(unknown or names), several)!r} is not"
        )
    return {name: known[name] for name in names}


def score_copies(
    prints: Fingerprints,
    sample: np.ndarray,
    makers: dict[str, Variation],
    method: str | Embedding,
    orientations: bool,
    executor: Executor | None,
) -> pd.DataFrame:
    """Copy some images, and return one row per copy: image, variation, similarity."""
    with tempfile.TemporaryDirectory(prefix="copies-") as folder:
        work = [(str(prints.images.path[row]), str(Path(folder, f"{row:08d}-"))) for row in sample]
        batch = partial(each, partial(_write_copies, makers=list(makers.values())))
        written = list(map_batches(batch, work, describe="copy"))
        rows = [
            (f"{row:08d}-{k:04d}", path, "", row, name)
            for row, paths in zip(sample, written, strict=True)
            for (k, path), name in zip(enumerate(paths), makers, strict=False)
        ]
        table = pd.DataFrame(rows, columns=["image", "path", "problem", "row", "variation"])
        found = fingerprint_images(table, method, orientations=orientations, executor=executor)
        copied = found.images.row.to_numpy(dtype=np.int64)
        if isinstance(prints.method, LocalMethod):
            similarity = _align(prints, copied, found, executor)
        else:
            similarity = prints.method.similarity(_distances(prints.codes[copied], found.codes))
    names = pd.Series([prints.names[row] for row in copied], dtype=object)
    return pd.DataFrame(
        {"image": names, "variation": found.images.variation, "similarity": similarity}
    )


def _align(
    prints: Fingerprints, copied: np.ndarray, found: Fingerprints, executor: Executor | None
) -> np.ndarray:
    """Return the similarity of each copy by local features, as `similar_pairs` scores it."""
    pairs = [
        FeaturePair(one, other)
        for one, other in zip(prints.codes[copied, 0], found.codes[:, 0], strict=True)
    ]
    scores = list(score_pairs(pairs, prints.method.name, executor))
    flat = np.array(
        [not (is_textured(one) and is_textured(other)) for one, other, _ in pairs], dtype=bool
    )
    if flat.any():
        originals = prints.images.iloc[copied[flat]].assign(
            image=found.images.image[flat].to_numpy()
        )
        hashes = [
            fingerprint_images(some, executor=executor) for some in (originals, found.images[flat])
        ]
        by_name = [dict(zip(side.names, side.codes, strict=True)) for side in hashes]
        for k in np.flatnonzero(flat):
            name = found.images.image[k]
            if name in by_name[0] and name in by_name[1]:
                codes = [side[name][None] for side in by_name]
                [percent] = hashes[0].method.similarity(_distances(*codes))
                # without features only a near hash, or similar small frames, make a candidate
                is_near = percent >= MIN_CANDIDATE_HASH or (
                    prints.method.name == "aligned"
                    and len(find_alike_frames(list(pairs[k][:2]), np.zeros(2, dtype=bool))) > 0
                )
                scores[k] = (
                    fall_back(scores[k], float(percent), pairs[k].left, pairs[k].right)
                    if is_near
                    else Score(0.0)
                )
    return np.array([score.similarity for score in scores], dtype=np.float64)


def _write_copies(work: tuple[str, str], *, makers: Sequence[Variation]) -> list[str]:
    """Write the copies of one picture and return their paths; none if it cannot be read."""
    path, start = work
    try:
        picture = open_image(path, min_side=COPY_SIDE)
    except UnreadableImage:
        return []
    written = []
    for k, maker in enumerate(makers):
        copy = Path(f"{start}{k:04d}{maker.suffix}")
        copy.write_bytes(_encode(maker.change(picture), maker.suffix, **maker.options))
        written.append(str(copy))
    return written


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the distance of each row of codes to the same row of another array."""
    if one.dtype != np.uint64:
        n = len(one)
        return exact_cosine(np.concatenate([one, other]), np.arange(n), np.arange(n, 2 * n))
    best = np.full(len(one), np.iinfo(np.int64).max)
    for view in range(one.shape[1]):
        for a, b in ((one[:, view], other[:, 0]), (one[:, 0], other[:, view])):
            best = np.minimum(best, np.bitwise_count(a ^ b).sum(axis=1, dtype=np.int64))
    return best
