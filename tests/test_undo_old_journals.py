"""A journal of the first version is read, continued and undone."""

import hashlib
import json

import pytest

from imgdup_nb import read_log, resume, undo

# HOME stands for the folder; two files were moved, and the run was killed at the third.
JOURNAL = r"""
{"journal": 1, "started": "2026-11-29T18:31:42.006+00:00", "action": "move", "to": "HOME/spare",
 "rows": [
  {"group": 1, "image": "0.jpg", "planned": "keep", "reason": "the best of 3: 320 x 240 JPEG",
   "source": "HOME/photos/0.jpg", "bytes": 6, "sha256": "DIGEST 0.jpg", "name": "0.jpg",
   "acts": false, "frees": 0, "by": "move", "kept": true, "keepers": []},
  {"group": 1, "image": "0 copy.jpg", "planned": "remove", "reason": "same bytes as 0.jpg",
   "source": "HOME/photos/0 copy.jpg", "bytes": 6, "sha256": "DIGEST 0.jpg", "name": "0 copy.jpg",
   "acts": true, "frees": 0, "by": "move", "kept": false,
   "keepers": [["HOME/photos/0.jpg", "DIGEST 0.jpg"]]},
  {"group": 1, "image": "0 small.jpg", "planned": "remove", "reason": "keeps 320 x 240 JPEG",
   "source": "HOME/photos/0 small.jpg", "bytes": 5, "sha256": "DIGEST small", "name": "0 small.jpg",
   "acts": true, "frees": 0, "by": "move", "kept": false,
   "keepers": [["HOME/photos/0.jpg", "DIGEST 0.jpg"]]},
  {"group": 1, "image": "sub/0.jpg", "planned": "remove", "reason": "same bytes as 0.jpg",
   "source": "HOME/photos/sub/0.jpg", "bytes": 6, "sha256": "DIGEST 0.jpg", "name": "sub/0.jpg",
   "acts": true, "frees": 0, "by": "move", "kept": false,
   "keepers": [["HOME/photos/0.jpg", "DIGEST 0.jpg"]]}]}
{"row": 1, "event": "begun", "when": "2026-11-29T18:31:42.012+00:00", "mode": 420,
 "accessed": 1795977100857022224, "modified": 1795977100749944852,
 "target": "HOME/spare/0 copy.jpg",
 "part": "HOME/spare/.imgdup-dc11177d0c1b4d3897e53b15aa57e96a.part"}
{"row": 1, "event": "done", "when": "2026-11-29T18:31:42.013+00:00"}
{"row": 2, "event": "begun", "when": "2026-11-29T18:31:42.013+00:00", "mode": 420,
 "accessed": 1795977101405022210, "modified": 1795977100744981217,
 "target": "HOME/spare/0 small.jpg",
 "part": "HOME/spare/.imgdup-fb3410f444e844d9836f195a5c395173.part"}
{"row": 2, "event": "done", "when": "2026-11-29T18:31:42.023+00:00"}
{"folder": "HOME/spare/sub"}
{"row": 3, "event": "begun", "when": "2026-11-29T18:31:42.024+00:00", "mode": 420,
 "accessed": 1795977101405022210, "modified": 1795977100747356842,
 "target": "HOME/spare/sub/0.jpg",
 "part": "HOME/spare/sub/.imgdup-71c9e58ca4544321a2e3bdc61b60b54b.part"}
"""
CONTENTS = {"0.jpg": b"photo\n", "small": b"small"}


@pytest.fixture
def journal(tmp_path):
    """Return the journal in a folder where the run has come as far as it says."""
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    (tmp_path / "spare" / "sub").mkdir(parents=True)
    for place, content in [
        ("photos/0.jpg", "0.jpg"),
        ("photos/sub/0.jpg", "0.jpg"),
        ("spare/0 copy.jpg", "0.jpg"),
        ("spare/0 small.jpg", "small"),
        ("spare/sub/.imgdup-71c9e58ca4544321a2e3bdc61b60b54b.part", "small"),
    ]:
        (tmp_path / place).write_bytes(CONTENTS[content])
    text = JOURNAL.replace("HOME", tmp_path.as_posix())
    for name, content in CONTENTS.items():
        text = text.replace(f"DIGEST {name}", hashlib.sha256(content).hexdigest())
    path = tmp_path / "spare" / ".imgdup-log-20261129T183142.jsonl"
    records = text.strip().replace("\n ", " ").splitlines()  # one record a line
    path.write_text("".join(json.dumps(json.loads(record)) + "\n" for record in records))
    return path


def names(folder):
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in found} - {
        ".imgdup-log-20261129T183142.jsonl"
    }


def test_it_is_undone(journal, tmp_path):
    log = undo(journal)
    assert list(log.status) == ["kept", "restored", "restored", "restored"]
    assert names(tmp_path / "photos") == {"0.jpg", "0 copy.jpg", "0 small.jpg", "sub/0.jpg"}
    assert (tmp_path / "photos" / "0 small.jpg").read_bytes() == b"small"
    assert (tmp_path / "photos" / "0 small.jpg").stat().st_mtime_ns == 1795977100744981217
    assert names(tmp_path / "spare") == set()
    assert not (tmp_path / "spare" / "sub").exists()


def test_it_is_continued(journal, tmp_path):
    log = resume(journal)
    assert list(log.status) == ["kept", "done", "done", "done"]
    assert names(tmp_path / "photos") == {"0.jpg"}
    assert names(tmp_path / "spare") == {"0 copy.jpg", "0 small.jpg", "sub/0.jpg"}


def test_its_log_is_read(journal):
    log = read_log(journal)
    assert list(log.status) == ["kept", "done", "done", "cut short"]
    assert list(log.undo) == ["", "move back", "move back", ""]
