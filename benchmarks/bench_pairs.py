"""How long does it take to find all similar pairs, and how does that grow?

    python benchmarks/bench_pairs.py [--sizes 10000,100000,1000000] [--similarities 95,90,80] [--bits 64] [--views 1] [--out FOLDER]

Codes are those of strangers (random, half of the bits set, as phash makes them), or `--codes FILE.npy` (uint64, n x n_words) drawn with
replacement and changed by 8 % of their bits, as near copies are. Ours is `similar_pairs`, table and all; peers only search: numpy's
bitwise_count in blocks, and faiss' IndexBinaryFlat where it is installed. Peers that would take longer than --patience seconds are
left out.
"""

from __future__ import annotations

import argparse
import resource

import numpy as np
import pandas as pd
from report import growth, save, seconds_of

from imgdup_nb import Fingerprints, similar_pairs
from imgdup_nb.fingerprints import METHODS, pack_bits
from imgdup_nb.search import _closest, _compare_all, _hamming

PER_SECOND = {"numpy": 5e7, "faiss": 4e8}  # pairs; to guess how long a peer would take


def make_codes(n: int, bits: int, views: int, known: np.ndarray | None) -> np.ndarray:
    """Return uint64, n x views x n_words."""
    rng = np.random.default_rng(0)
    parts = []
    for start in range(0, n * views, 100_000):
        rows = min(100_000, n * views - start)
        if known is None:
            parts.append(pack_bits(np.argsort(rng.random((rows, bits), dtype=np.float32), axis=1) < bits // 2))
        else:
            parts.append(known[rng.integers(0, len(known), rows)] ^ pack_bits(rng.random((rows, bits), dtype=np.float32) < 0.08))
    return np.concatenate(parts).reshape(n, views, -1)


def search_numpy(codes: np.ndarray, distance: int) -> None:
    _closest(_compare_all(codes, None, _hamming, distance))


def search_faiss(codes: np.ndarray, distance: int) -> None:
    import faiss

    flat = np.ascontiguousarray(codes[:, 0]).view(np.uint8)
    index = faiss.IndexBinaryFlat(8 * flat.shape[1])
    index.add(flat)
    index.range_search(flat, distance + 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,30000,100000")
    parser.add_argument("--similarities", default="95,90,80")
    parser.add_argument("--bits", type=int, default=64, choices=[64, 256])
    parser.add_argument("--views", type=int, default=1, choices=[1, 8])
    parser.add_argument("--codes", help="a .npy file of uint64 codes, n x n_words")
    parser.add_argument("--patience", type=float, default=30, help="seconds a peer may take")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--out", help="folder for JSON and plot")
    options = parser.parse_args()
    method = METHODS["phash" if options.bits == 64 else "phash256"]
    known = np.load(options.codes) if options.codes else None
    rows = []
    for n in [int(float(size)) for size in options.sizes.split(",")]:
        codes = make_codes(n, options.bits, options.views, known)
        images = pd.DataFrame({"image": pd.Series([f"{k:09d}" for k in range(n)], dtype=object)})
        prints = Fingerprints(images, method, codes, images.iloc[:0].assign(problem=""))
        for similarity in [float(value) for value in options.similarities.split(",")]:
            distance = int(method.max_distance(similarity))
            found = similar_pairs(prints, min_similarity=similarity)  # once before, so that nothing is compiled in the run
            work = {"imgdup_nb": lambda p=prints, s=similarity: similar_pairs(p, min_similarity=s)}
            for name, search in (("numpy", search_numpy), ("faiss", search_faiss)):
                if options.views == 1 and n * n / 2 / PER_SECOND[name] <= options.patience:
                    work[name] = lambda f=search, c=codes, d=distance: f(c, d)
            for name, run in work.items():
                try:
                    seconds = seconds_of(run, options.repeats)
                except ImportError:
                    continue
                rows.append((name, similarity, n, len(found), seconds))
    results = pd.DataFrame(rows, columns=["search", "similarity", "images", "pairs", "seconds"])
    results["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    results["line"] = results.search + " at " + results.similarity.map("{:g} %".format)
    save(results, f"pairs-{options.bits}-bits-{options.views}-views", options.out, x="images", y="seconds", line="line")
    for line, some in results.groupby("line", sort=False):
        print(f"{line}: seconds grow as images ** {growth(some.images, some.seconds):.2f}")


if __name__ == "__main__":
    main()
