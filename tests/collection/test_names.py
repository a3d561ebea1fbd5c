"""File names and folder names with odd characters."""

import os
import sys

import pytest

from imgdup_nb import Collection
from imgdup_nb.collection import store

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*could not be (read|shown)",
    "ignore:no files found",
    "ignore:.*became unreadable since the scan",
)


HOSTILE = [
    "it's.png",
    'a "quoted" name.png',
    "two\nlines.png",
    "<b>bold<b>.png",
    "x'); DROP TABLE images; --.png",
    "Kätzchen 😺.png",
]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")
def test_hostile_names_make_the_round_trip(tmp_path, picture, assert_like_fresh):
    for k, name in enumerate([*HOSTILE, "caf\udce9.png"]):
        picture(k % 3).save(os.path.join(os.fsencode(tmp_path), os.fsencode(name)))
    names = {*HOSTILE, "caf\\xe9.png"}
    with Collection(tmp_path) as collection:
        assert set(collection.images.image) == names
        assert_like_fresh(collection)
        for name in names:
            assert collection.get(name)[:4] == b"\x89PNG"
            assert len(collection.find_similar(name, threshold=100)) >= 1
        collection.label("caf\\xe9.png", HOSTILE[4], "different")
        os.rename(os.fsencode(tmp_path) + b"/caf\xe9.png", os.fsencode(tmp_path) + b"/caf\xe8.png")
        assert list(collection.update().change) == ["moved"]
        assert set(collection.labels.iloc[0][["left", "right"]]) == {"caf\\xe8.png", HOSTILE[4]}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")
def test_the_folder_itself_may_have_a_hostile_name(tmp_path, picture):
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 'n\" ?mode=ro#\n")
    os.mkdir(folder)
    picture(1).save(os.path.join(folder, "a.png"))
    with Collection(folder) as collection:
        assert list(collection.images.image) == ["a.png"]
        assert os.path.exists(os.path.join(folder, store.INDEX_NAME))
