"""Without numba, simplejpeg or OpenCV the tables are the same, only slower."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

SCRIPT = """
import hashlib, sys, warnings

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise {error}

sys.meta_path.insert(0, Blocked())
import numpy as np
import imgdup_nb as dup

with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    images = dup.scan_images({folder!r})
    prints = dup.fingerprint_images(images, "dhash", orientations=True)
    pairs = dup.similar_pairs(prints, min_similarity=60)
    tables = [images.drop(columns="remarks"), prints.to_frame(), pairs]
    for linkage in ("star", "connected", "complete"):
        tables.append(dup.group_duplicates(pairs, 75, linkage=linkage).table)
        tables.append(dup.sweep_thresholds(pairs, linkage=linkage))
    bits = np.random.default_rng(0).random((4500, 64)) < 0.5
    many = dup.Fingerprints.from_bits([f"{{k:04d}}" for k in range(4500)], bits, "dhash")
    tables += [dup.similar_pairs(many, min_similarity=75), many.count_pairs(70)]
    plan = dup.choose_keepers(dup.group_duplicates(pairs, 90), images)
    tables.append(plan.table if hasattr(plan, "table") else plan)
print(hashlib.sha256("".join(table.to_csv() for table in tables).encode()).hexdigest())
print(sum("numba cannot be imported" in str(one.message) for one in seen))
print({blocked!r} & {{name.partition(".")[0] for name in sys.modules}} or "none")
try:
    dup.fingerprint_images(images, "aligned")
except ImportError as reason:
    print(reason)
else:
    print("made")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(1)
    for k in range(3):
        small = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        big = small.resize((320, 240), Image.Resampling.BICUBIC)
        big.save(folder / f"{k}.jpg", quality=90)
        big.resize((160, 120)).save(folder / f"{k} small.jpg", quality=60, progressive=True)
        big.transpose(Image.Transpose.ROTATE_90).save(folder / f"{k} turned.png")
    (folder / "broken.jpg").write_bytes((folder / "0.jpg").read_bytes()[:3000])
    return str(folder)


def run(folder, blocked=(), error="ImportError('not there')"):
    """Return the digest of all tables, how often numba was missed, and what `aligned` said."""
    script = SCRIPT.format(folder=folder, blocked=set(blocked), error=error)
    options = {"capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-c", script], **options)
    assert done.returncode == 0, done.stderr
    digest, missed, loaded, aligned = done.stdout.splitlines()
    assert loaded == "none"
    return digest, int(missed), aligned


@pytest.fixture(scope="module")
def usual(folder):
    digest, missed, aligned = run(folder)
    assert (missed, aligned) == (0, "made")
    return digest


@pytest.mark.parametrize("error", ["ImportError('not there')", "AttributeError('broken')"])
def test_without_numba_the_tables_are_the_same_and_it_is_said_once(folder, usual, error):
    digest, missed, aligned = run(folder, ["numba", "llvmlite"], error)
    assert (digest, missed) == (usual, 1)
    assert aligned.startswith("aligned needs numba, and numba cannot be imported")


def test_without_simplejpeg_pillow_reads_the_same_rows(folder, usual):
    assert run(folder, ["simplejpeg"]) == (usual, 0, "made")


def test_without_opencv_only_local_features_are_missing(folder, usual):
    digest, missed, aligned = run(folder, ["cv2"])
    assert (digest, missed) == (usual, 0)
    assert 'pip install "imgdup-nb[local]"' in aligned
