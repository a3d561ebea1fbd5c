"""How long does it take to find all similar pairs, and how does that grow?

    python benchmarks/bench_pairs.py [--sizes 10000,100000,1000000] [--similarities 95,90,80]
    [--bits 64] [--out FOLDER]

Codes are

- those of unrelated images: random, half of the bits set, as phash makes them;
- with `--codes FILE.npy` (uint64, n x n_words) those of real pictures, drawn with replacement; each
  bit is changed with probability --jitter: 0.08 makes near copies, 0.3 unrelated images that are as
  crowded as real codes;
- with `--identical` one code for all;
- with `--dimensions 512` no bits but vectors, as of an embedding: one in a hundred is a near copy.

Ours is `similar_pairs`, table and all. Peers only search: numpy in blocks, faiss' IndexBinaryFlat
or IndexFlatIP, and imagededup's brute force, each where it is installed. Those that would take
longer than --patience seconds are left out. "peak MB" is the most memory the process ever had up to
then; ours comes first.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable

import numpy as np
import pandas as pd
from report import growth, save, seconds_of, whole, whole_list

from imgdup_nb import Fingerprints, similar_pairs
from imgdup_nb.engine.search import _closest, _compare_all, _cosine, _hamming
from imgdup_nb.methods import METHODS, VectorMethod, pack_bits

PER_SECOND = {
    "numpy": 5e7,
    "faiss": 4e8,
    "imagededup": 1e6,
}  # pairs; to guess how long a peer would take
EMBEDDING = VectorMethod("embedding")


def make_codes(n: int, options: argparse.Namespace) -> np.ndarray:
    """Return uint64, n x views x n_words, or float32 unit vectors, n x views x n_dimensions."""
    rng, views = np.random.default_rng(0), options.views
    if options.identical:
        return np.full((n, views, options.bits // 64), 0x0F0F_3333_5555_00FF, np.uint64)
    known = np.load(options.codes) if options.codes else None
    parts = []
    for start in range(0, n * views, 100_000):
        rows = min(100_000, n * views - start)
        if options.dimensions:
            parts.append(_make_vectors(rows, options.dimensions, rng))
        elif known is None:
            parts.append(
                pack_bits(
                    np.argsort(rng.random((rows, options.bits), dtype=np.float32), axis=1)
                    < options.bits // 2
                )
            )
        else:
            change = pack_bits(rng.random((rows, options.bits), dtype=np.float32) < options.jitter)
            parts.append(known[rng.integers(0, len(known), rows)] ^ change)
    return np.concatenate(parts).reshape(n, views, -1)


def _make_vectors(rows: int, dimensions: int, rng: np.random.Generator) -> np.ndarray:
    vectors = rng.standard_normal((rows, dimensions), dtype=np.float32)
    copies, originals = rng.choice(rows, (2, rows // 100), replace=False)
    vectors[copies] = vectors[originals] + 0.3 * vectors[copies]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def search_numpy(codes: np.ndarray, distance: float) -> None:
    _closest(_compare_all(codes, None, _hamming if codes.dtype == np.uint64 else _cosine, distance))


def search_faiss(codes: np.ndarray, distance: float) -> None:
    import faiss

    flat = np.ascontiguousarray(codes[:, 0])
    if flat.dtype == np.float32:
        index = faiss.IndexFlatIP(flat.shape[1])
        index.add(flat)
        index.range_search(flat, 1 - distance)
        return
    index = faiss.IndexBinaryFlat(64 * flat.shape[1])
    index.add(flat.view(np.uint8))
    index.range_search(flat.view(np.uint8), int(distance) + 1)


def _hex_distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def search_imagededup(codes: np.ndarray, distance: float) -> None:
    from imagededup.handlers.search.retrieval import HashEval

    hashes = {f"{k:09d}": f"{int(code):016x}" for k, code in enumerate(codes[:, 0, 0])}
    HashEval(
        hashes, hashes, _hex_distance, verbose=False, threshold=int(distance)
    )  # its own choice of how to search


def peers_for(codes: np.ndarray, patience: float) -> dict[str, Callable[[np.ndarray, float], None]]:
    """Return the peers that can search these codes within so many seconds."""
    n, views, width = codes.shape
    peers = {"numpy": search_numpy, "faiss": search_faiss}
    if codes.dtype == np.uint64 and width == 1:
        peers["imagededup"] = search_imagededup
    slower = width if codes.dtype == np.uint64 else width / 8
    return {
        name: run
        for name, run in peers.items()
        if views == 1 and n * n / 2 * slower / PER_SECOND[name] <= patience
    }


def measure(
    n: int, similarity: float, options: argparse.Namespace, codes: np.ndarray
) -> list[tuple]:
    """Return a row per search: name, similarity, images, pairs, seconds (clock, CPU), peak MB."""
    method = (
        EMBEDDING if options.dimensions else METHODS["phash" if options.bits == 64 else "phash256"]
    )
    images = pd.DataFrame({"image": pd.Series([f"{k:09d}" for k in range(n)], dtype=object)})
    prints = Fingerprints(images, method, codes, images.iloc[:0].assign(problem=""))
    distance = method.max_distance(similarity)
    rows = []

    def run(name: str, work: Callable[[], object], pairs: int) -> None:
        taken = seconds_of(work, options.repeats)
        rows.append(
            (
                name,
                similarity,
                n,
                pairs,
                *taken,
                resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            )
        )

    try:
        similar_pairs(
            prints.__class__(images[:50_000], method, codes[:50_000], prints.problems),
            min_similarity=similarity,
        )
        found: list[int] = []
        run(
            "imgdup_nb",
            lambda: found.append(len(similar_pairs(prints, min_similarity=similarity))),
            0,
        )
        rows[0] = (*rows[0][:3], found[0], *rows[0][4:])
    except ValueError as error:  # more pairs than a table may have
        print(f"{n:,} images at {similarity:g} %: {error}")
        return rows
    for name, search in peers_for(codes, options.patience).items():
        try:
            run(name, lambda search=search: search(codes, distance), found[0])
        except ImportError:
            print(f"{name} is not installed")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes",
        type=whole_list,
        default="10000,30000,100000",
        help="numbers of images (%(default)s)",
    )
    parser.add_argument("--similarities", default="95,90,80")
    parser.add_argument("--bits", type=int, default=64, choices=[64, 256])
    parser.add_argument("--views", type=int, default=1, choices=[1, 8])
    parser.add_argument("--codes", help="a .npy file of uint64 codes, n x n_words")
    parser.add_argument(
        "--jitter", type=float, default=0.08, help="chance of a bit of --codes to be changed"
    )
    parser.add_argument("--identical", action="store_true", help="one code for all")
    parser.add_argument(
        "--dimensions", type=int, default=0, help="vectors of so many dimensions instead of bits"
    )
    parser.add_argument("--patience", type=float, default=30, help="seconds a peer may take")
    parser.add_argument("--repeats", type=whole, default=2)
    parser.add_argument("--out", help="folder for JSON and plot")
    options = parser.parse_args()
    rows = []
    for n in options.sizes:
        codes = make_codes(n, options)
        for similarity in [float(value) for value in options.similarities.split(",")]:
            rows += measure(n, similarity, options, codes)
    columns = ["search", "similarity", "images", "pairs", "seconds", "processor seconds", "peak MB"]
    results = pd.DataFrame(rows, columns=columns)
    results["line"] = results.search + " at " + results.similarity.map("{:g} %".format)
    kind = f"{options.dimensions}-dimensions" if options.dimensions else f"{options.bits}-bits"
    kind += "-identical" * options.identical + f"-real-{options.jitter:g}" * bool(options.codes)
    save(
        results,
        f"pairs-{kind}-{options.views}-views",
        options.out,
        x="images",
        y="seconds",
        line="line",
    )
    for line, some in results.groupby("line", sort=False):
        print(f"{line}: {growth(some.images, some.seconds)}")


if __name__ == "__main__":
    main()
