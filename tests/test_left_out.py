"""Which files of a folder are listed: patterns, folders of the system, files beside a picture."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgdup_nb import Collection, scan_images
from imgdup_nb.engine.files import side_files
from imgdup_nb.engine.selection import Selection, without_side_files

SYSTEM = [
    "$RECYCLE.BIN/S-1-5-21", "RECYCLER/S-1", "@Recycle", "#recycle", ".Trash-1000/files",
    "System Volume Information", "lost+found", "FOUND.000", "@eaDir/IMG_1.jpg", "__MACOSX/photos",
    "Fotos.photoslibrary/originals/A", "Catalog Previews.lrdata", "web/node_modules/icons",
]  # fmt: skip


@pytest.fixture
def drive(tmp_path, picture):
    for folder in ["photos", *SYSTEM]:
        (tmp_path / folder).mkdir(parents=True)
        picture(1).save(tmp_path / folder / "a.png")
    return tmp_path


def test_folders_of_the_system_are_left_out_and_one_warning_says_so(drive):
    with pytest.warns(UserWarning, match=rf"{len(SYSTEM)} folders of the system .* left out") as at:
        images = scan_images(drive)
    assert len(at) == 1
    assert images.image.tolist() == ["photos/a.png"]
    assert "$RECYCLE.BIN" in images.attrs["left_out"]
    assert "web/node_modules" in images.attrs["left_out"]


@pytest.mark.filterwarnings("ignore:.* left out")
@pytest.mark.parametrize("system", ["$RECYCLE.BIN", "web/node_modules", ".Trash-1000"])
def test_a_folder_of_the_system_is_listed_if_it_is_asked_for(drive, system):
    found = list(scan_images(drive, include=f"{system}/**").image)
    assert len(found) == 1
    assert found[0].startswith(system)
    assert len(scan_images(drive / system)) == 1  # as the folder itself


def test_a_collection_leaves_out_the_same_and_says_so_once(drive):
    photos = Collection(drive)
    with pytest.warns(UserWarning, match=r"folders of the system .* left out") as caught:
        photos.update()
    assert len(caught) == 1
    photos.update()
    assert photos.images.image.tolist() == ["photos/a.png"]
    photos.close()


def test_what_a_pattern_leaves_out_of_a_collection_comes_back_with_its_labels(tmp_path, picture):
    for name in ("a.png", "b.png", "c.bmp"):
        picture(1).save(tmp_path / name)
    with Collection(tmp_path) as photos:
        photos.label("a.png", "c.bmp", "different")
        assert len(photos.images) == 3
    with Collection(tmp_path, exclude="*.bmp") as photos:
        assert photos.images.image.tolist() == ["a.png", "b.png"]
    with Collection(tmp_path, include="*.bmp") as photos:
        assert photos.images.image.tolist() == ["c.bmp"]
    with Collection(tmp_path) as photos:
        assert len(photos.images) == 3
        assert photos.labels.label.tolist() == ["different"]


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("*.png", ["2023/x/d.jpg", "b.jpg", "drafts/e.jpg"]),
        ("*.PNG", ["2023/x/d.jpg", "b.jpg", "drafts/e.jpg"]),
        ("drafts", ["2023/c.png", "2023/x/d.jpg", "a.png", "b.jpg"]),
        ("2023/*", ["a.png", "b.jpg", "drafts/e.jpg"]),
        ("2023/*.png", ["2023/x/d.jpg", "a.png", "b.jpg", "drafts/e.jpg"]),
        ("**/x/*.jpg", ["2023/c.png", "a.png", "b.jpg", "drafts/e.jpg"]),
        ("/*.jpg", ["2023/c.png", "2023/x/d.jpg", "a.png", "drafts/e.jpg"]),
    ],
)
def test_a_pattern_leaves_out_what_it_matches_and_include_is_its_opposite(
    tmp_path, picture, pattern, left
):
    every = ["2023/c.png", "2023/x/d.jpg", "a.png", "b.jpg", "drafts/e.jpg"]
    for name in every:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        picture(1).save(tmp_path / name)
    assert scan_images(tmp_path, exclude=[pattern]).image.tolist() == left
    assert scan_images(tmp_path, include=pattern).image.tolist() == sorted({*every} - {*left})


def test_a_name_matches_however_its_accents_are_stored():
    assert not Selection.of(unicodedata.normalize("NFC", "é*")).takes(
        unicodedata.normalize("NFD", "été/a.jpg")
    )


@pytest.mark.parametrize(("bad", "error"), [(3, TypeError), ([3], TypeError), ("", ValueError)])
def test_what_is_no_pattern_is_an_error_that_names_the_argument(tmp_path, bad, error):
    with pytest.raises(error, match="exclude"):
        scan_images(tmp_path, exclude=bad)


def test_files_beside_a_picture_are_no_rows(tmp_path, picture):
    picture(1).save(tmp_path / "IMG_1.jpg")
    for name in ["IMG_1.xmp", "IMG_1.AAE", "IMG_1.jpg.json", "IMG_1.mov", "IMG_1.jpg.pp3"]:
        (tmp_path / name).write_text("beside")
    (tmp_path / "alone.xmp").write_text("belongs to none")
    images = scan_images(tmp_path)
    assert images.image.tolist() == ["IMG_1.jpg", "alone.xmp"]
    assert images.problem.ne("").tolist() == [False, True]
    assert len(scan_images(list(tmp_path.iterdir()))) == 2


@pytest.mark.parametrize(
    ("picture_name", "names", "belong"),
    [
        ("a.jpg", ["a.jpg", "a.xmp", "A.XMP", "b.xmp", "a.txt"], ["A.XMP", "a.xmp"]),
        ("a.NEF", ["a.NEF", "a.JPG", "a.xmp", "a.JPG.xmp"], ["a.xmp"]),
        ("a.JPG", ["a.NEF", "a.JPG", "a.xmp", "a.JPG.xmp"], ["a.JPG.xmp"]),
        ("a.jpg", ["a.jpg", "a.png", "a.json"], []),
        ("a.jpg", ["a.jpg.supplemental-meta.json", "a.jpg.suppl(1).json"],
         ["a.jpg.supplemental-meta.json"]),
        ("a(1).jpg", ["a.jpg", "a(1).jpg", "a.jpg(1).json", "a.jpg.json"], ["a.jpg(1).json"]),
    ],
)  # fmt: skip
def test_what_belongs_to_a_picture(picture_name, names, belong):
    assert side_files(picture_name, names) == belong


NAMES = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([".jpg", ".nef", ".xmp", ".jpg.xmp"]))
    .map("".join),
    unique=True,
)  # fmt: skip


@given(NAMES)
def test_what_belongs_to_a_picture_is_not_listed_and_belongs_to_one_only(names):
    pictures = [name for name in names if name.endswith((".jpg", ".nef"))]
    belong = [side for name in pictures for side in side_files(name, names)]
    assert len(belong) == len(set(belong))
    assert not set(belong) & set(without_side_files(names))


def test_side_files_are_found_in_the_folder(tmp_path):
    for name in ("a.jpg", "a.xmp", "b.xmp"):
        (tmp_path / name).write_text("x")
    assert side_files(tmp_path / "a.jpg") == [str(tmp_path / "a.xmp")]
    assert side_files(tmp_path / "no folder" / "a.jpg") == []
