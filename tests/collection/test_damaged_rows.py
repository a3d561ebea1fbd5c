"""An index in which any cell holds something else: the right answer, or `DamagedIndex`."""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgdup_nb import Collection
from imgdup_nb.collection.store import INDEX_NAME, DamagedIndex

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# what nobody writes into a cell of each kind: other kinds, and bytes that were cut
WRONG = {
    bytes: ["", "x", 3.5, -1, "cut"],
    str: [b"", b"\xff\xfe"],
    int: ["", "x", b"", b"\xff\xfe"],
    float: ["", "x", b"", b"\xff\xfe"],
}
TABLES = {
    "counters": ["name", "value"],
    "images": [
        *("file", "version", "state", "stored", "seen", "reader", "image", "bytes", "modified"),
        *("sha256", "format", "mode", "width", "height", "frames", "taken", "metadata"),
        *("lossless", "detail", "problem", "kind", "remarks"),
    ],
    "recipes": ["id", "method", "views", "made_with"],
    "fingerprints": ["recipe", "version", "code"],
    "pair_parts": ["id", "recipe", "floor", "covered", "pairs"],
    "vote_parts": ["id", "recipe", "covered", "votes"],
    "look_parts": ["id", "recipe", "looks"],
    "labels": ["one", "other", "label", "made", "one_sha256", "other_sha256"],
    "tags": ["tag", "image", "made", "contents"],
}
CELLS = [(table, column) for table, columns in TABLES.items() for column in columns]
QUESTIONS = {
    "images": lambda photos: photos.images.drop(columns="path").to_csv(),
    "pairs": lambda photos: photos.pairs().to_csv(),
    "groups": lambda photos: list(photos.groups(90)),
    "aligned": lambda photos: photos.pairs("aligned").to_csv(),
    "labels": lambda photos: photos.labels.to_csv(),
    "tags": lambda photos: photos.tags.to_csv(),
    "similar": lambda photos: photos.find_similar("cat.png").to_csv(),
    "by tag": lambda photos: photos.find_by_tags("logo").to_csv(),
}


def ask(folder):
    """Return the answer to each question, or the error in its place."""
    answers = {}
    try:
        with Collection(folder) as photos:
            photos.update()
            for name, question in QUESTIONS.items():
                try:
                    answers[name] = question(photos)
                except DamagedIndex:
                    answers[name] = DamagedIndex
    except DamagedIndex:
        pass
    return answers


@dataclass
class Kept:
    """A folder, its index file's sound bytes, and the answers then; Hypothesis prints this."""

    folder: Path
    good: bytes = field(repr=False)
    right: dict = field(repr=False)


@pytest.fixture
def kept(photos, age):
    """Return a folder with an index that has something in each table."""
    age(photos)
    with Collection(photos) as collection:
        collection.label("cat.png", "dog.png", "different")
        collection.tag("logo", "cat.png")
    right = ask(photos)
    assert right.keys() == QUESTIONS.keys()
    assert DamagedIndex not in right.values()
    assert right["groups"]
    with sqlite3.connect(photos / INDEX_NAME) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return Kept(photos, (photos / INDEX_NAME).read_bytes(), right)


def damage(path, table, column, place, choice):
    """Change one cell; return whether anything was changed."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        rows = connection.execute(f"SELECT {column} FROM {table} ORDER BY 1").fetchall()
        old = rows[place % len(rows)][0]
        values = WRONG[type(old)] if old is not None else ["x", b"\xff\xfe"]
        new = values[choice % len(values)]
        if new == "cut":  # what is no picture and no name has a length that fits
            new = old[: len(old) // 2 - 1] if table.endswith(("prints", "parts")) else "x"
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} IS ?", (new, old))
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(kind,)] = set(
            connection.execute(
                f"SELECT DISTINCT typeof({column}) FROM {table} WHERE {column} IS ?", (new,)
            )
        ) or {("nothing",)}
        return new != old and kind != "nothing"
    except sqlite3.IntegrityError:  # the file's own rules refuse it
        return False
    finally:
        connection.close()


def restore(folder, data):
    for suffix in ("-wal", "-shm"):
        (folder / (INDEX_NAME + suffix)).unlink(missing_ok=True)
    (folder / INDEX_NAME).write_bytes(data)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cell=st.sampled_from(CELLS), place=st.integers(0, 99), choice=st.integers(0, 9))
def test_a_cell_that_nobody_wrote_makes_no_answer_wrong(kept, cell, place, choice):
    check_answers(kept, cell, place, choice)


def test_a_wrong_value_in_each_column_makes_no_answer_wrong(kept):
    for cell in CELLS:
        check_answers(kept, cell, place=0, choice=2)


def check_answers(kept, cell, place, choice):
    restore(kept.folder, kept.good)
    if damage(kept.folder / INDEX_NAME, *cell, place, choice):
        for name, answer in ask(kept.folder).items():
            assert answer is DamagedIndex or answer == kept.right[name], (cell, name)


def test_the_cells_that_are_changed_are_all_cells_of_the_index(kept):
    connection = sqlite3.connect(kept.folder / INDEX_NAME)
    tables = [
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    found = {
        table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        for table in tables
        if not table.startswith("sqlite_")
    }
    connection.close()
    assert found == TABLES
