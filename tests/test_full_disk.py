"""A full disk: the error names the file, what was kept stays, and nothing is half written."""

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pandas as pd
import pytest
from PIL import Image

import imgdup_nb as dup
from imgdup_nb.console import write_csv
from imgdup_nb.evidence import labels as labels_module
from imgdup_nb.review import journal as journal_module

NO_ROOM = os.strerror(errno.ENOSPC)


class NearlyFull:
    """A file that takes some bytes at a time, and no more than its disk has room for."""

    def __init__(self, path, mode, room, **options):
        self._file, self._room = open(path, mode, **options), room  # noqa: SIM115 - of __exit__
        self.readline, self.seek, self.read = self._file.readline, self._file.seek, self._file.read

    def write(self, lines):
        some = bytes(lines[: min(20, self._room)])
        if not some:
            raise OSError(errno.ENOSPC, NO_ROOM)
        self._room -= len(some)
        return self._file.write(some)

    def fileno(self):
        return self._file.fileno()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()


@pytest.fixture
def fill_disk(monkeypatch):
    """Return a function: the next label files that are opened have so much room."""

    def fill(room):
        def open_nearly_full(path, mode, **options):
            return NearlyFull(path, mode, room, **options)

        monkeypatch.setattr(labels_module, "open", open_nearly_full, raising=False)

    return fill


def test_an_answer_is_written_to_its_end_also_where_the_disk_takes_a_part_at_a_time(
    tmp_path, fill_disk
):
    labels = dup.Labels(tmp_path / "labels.csv")
    fill_disk(room=10_000)
    labels.add("a.jpg", "b.jpg", "same")
    assert list(dup.Labels(tmp_path / "labels.csv").table.left) == ["a.jpg"]


def test_an_answer_without_room_is_refused_and_those_before_it_stay(tmp_path, fill_disk):
    path = tmp_path / "labels.csv"
    labels = dup.Labels(path)
    labels.add("a.jpg", "b.jpg", "same")
    fill_disk(room=10)
    with pytest.raises(OSError, match=r"cannot be written \(No space left.*labels\.csv"):
        labels.add("a.jpg", "c.jpg", "different")
    assert list(labels.table.right) == ["b.jpg"]
    assert list(dup.Labels(path).table.right) == ["b.jpg"]
    fill_disk(room=10_000)
    labels.add("a.jpg", "d.jpg", "same")
    assert list(dup.Labels(path).table.right) == ["b.jpg", "d.jpg"]


@pytest.fixture
def planned(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.radial_gradient("L").save(folder / name)
    images = dup.scan_images(folder)
    groups = dup.group_duplicates(dup.similar_pairs(dup.fingerprint_images(images)))
    return folder, images, groups


def test_a_journal_without_room_is_named_and_no_file_is_moved(planned, tmp_path, monkeypatch):
    folder, images, groups = planned

    def refuse(*_):
        raise OSError(errno.ENOSPC, NO_ROOM)

    monkeypatch.setattr(journal_module, "_append", refuse)
    with pytest.raises(OSError, match=r"cannot be written \(No space left.*\.jsonl"):
        dup.apply_plan(dup.choose_keepers(groups, images), to=tmp_path / "spare", dry_run=False)
    assert sorted(os.listdir(folder)) == ["a.png", "b.png"]
    assert os.listdir(tmp_path / "spare") == []


def test_an_index_without_room_is_named_and_its_answers_stay(planned, tmp_path):
    folder, _, _ = planned
    with dup.Collection(folder, index=tmp_path / "index.sqlite") as photos:
        photos.label("a.png", "b.png", "same")
        run = photos._index.store._connection.execute
        run("PRAGMA max_page_count = 1")  # SQLite takes as many as there are: no page more
        picture = folder / "c.png"
        Image.effect_noise((300, 300), 60).save(picture)

        def tag_many():
            for number in range(2000):
                photos.tag(f"tag {number}", picture)

        with pytest.raises(OSError, match=r"index .*index\.sqlite' cannot be written: .*full"):
            tag_many()
        run("PRAGMA max_page_count = 1000000")
        assert len(photos.labels) == 1
        photos.label("a.png", "b.png", "different")
        assert list(photos.labels.label) == ["different"]


@pytest.mark.parametrize("name", ["groups.csv", "groups.csv.gz"])
def test_groups_without_room_are_not_half_written_and_the_old_file_stays(
    planned, tmp_path, monkeypatch, name
):
    groups, path = planned[2], tmp_path / name
    groups.to_csv(path)
    before = path.read_bytes()
    write = pd.DataFrame.to_csv

    def fill(table, place, **options):
        write(table, place, **options)
        raise OSError(errno.ENOSPC, NO_ROOM)

    monkeypatch.setattr(pd.DataFrame, "to_csv", fill)
    with pytest.raises(OSError, match=rf"cannot be written \({NO_ROOM}\): '.*{name}'"):
        groups.to_csv(path)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == [name, "pictures"]
    monkeypatch.undo()
    assert list(pd.read_csv(path).image) == ["a.png", "b.png"]


def test_groups_are_added_to_a_file_and_written_through_a_link(planned, tmp_path):
    groups, path = planned[2], tmp_path / "groups.csv"
    path.write_text("before\n")
    (tmp_path / "link.csv").symlink_to(path)
    groups.to_csv(tmp_path / "link.csv", mode="a", header=False)
    assert path.read_text().startswith("before\n1,a.png")
    assert (tmp_path / "link.csv").is_symlink()
    with pytest.raises(FileExistsError, match=r"groups\.csv"):
        groups.to_csv(path, mode="x")
    with pytest.raises(OSError, match=r"no[nt][- ].*such|No such file.*nowhere"):
        groups.to_csv(tmp_path / "nowhere" / "groups.csv")
    assert sorted(os.listdir(tmp_path)) == ["groups.csv", "link.csv", "pictures"]


def test_a_pipe_is_written_to_and_stays_a_pipe(planned, tmp_path):
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    table = pd.DataFrame({"image": ["a.png"]})
    for write in (planned[2].to_csv, partial(write_csv, table=table)):
        with ThreadPoolExecutor(1) as reader:
            read = reader.submit(pipe.read_text)
            write(str(pipe))
            assert "a.png" in read.result()
        assert stat.S_ISFIFO(pipe.stat().st_mode)
