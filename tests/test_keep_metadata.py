"""Metadata that only a leaving file has goes into an XMP side file of its keeper."""

import io
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imgdup_nb import apply_plan, choose_keepers, scan_images, undo
from imgdup_nb.review.notes import read_notes
from imgdup_nb.review.sidecar import merged_xmp, notes_to_carry

SPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
}
GPS = {1: "S", 2: (48.0, 51.0, 29.0), 3: "E", 4: (2.0, 17.0, 40.0)}


def picture(size=(160, 120)):
    noise = np.random.default_rng(0).integers(60, 200, (15, 20, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def exif(date="2024:05:31 17:20:09", gps=None, rating=None, camera=""):
    found = Image.Exif()
    if date:
        found.get_ifd(0x8769)[36867] = date
    if gps:
        found.get_ifd(0x8825).update(gps)
    if rating:
        found[18246] = rating
    if camera:
        found[272] = camera
    return found


def plan_for(folder, **options):
    images = scan_images(folder)
    groups = pd.DataFrame({"group": 1, "image": images.image})
    return choose_keepers(groups, images, **options)


@pytest.fixture
def phone(tmp_path):
    """Return a folder: a PNG without metadata, and a smaller JPEG of it with date and GPS."""
    folder = tmp_path / "photos"
    folder.mkdir()
    picture().save(folder / "best.png")
    small = picture().resize((80, 60), Image.Resampling.LANCZOS)
    small.save(folder / "sent.jpg", quality=85, exif=exif(gps=GPS))
    return folder


def test_without_being_asked_a_file_with_metadata_of_its_own_stays(phone):
    plan = plan_for(phone)
    assert list(plan.action) == ["keep", "keep"]
    assert "sidecar" not in plan


def test_with_keep_metadata_it_leaves_and_the_plan_says_where_its_notes_go(phone):
    plan = plan_for(phone, keep_metadata=True).set_index("image")
    gone = plan.loc["sent.jpg"]
    assert (gone.action, gone.keeper, gone.loses, gone.flag) == ("remove", "best.png", "", "")
    assert gone.reason.endswith("; its date and GPS go into best.png.xmp")
    assert gone.sidecar == ""
    root = ElementTree.fromstring(plan.sidecar["best.png"])
    assert root.findtext(".//exif:DateTimeOriginal", namespaces=SPACES) == "2024-05-31T17:20:09"
    assert root.findtext(".//exif:GPSLatitude", namespaces=SPACES) == "48,51.483600S"
    assert root.findtext(".//exif:GPSLongitude", namespaces=SPACES) == "2,17.666400E"


def test_the_side_file_is_written_when_the_plan_is_applied_and_undone(phone, tmp_path):
    before = sorted(path.name for path in phone.iterdir())
    plan = plan_for(phone, keep_metadata=True)
    log = apply_plan(plan, to=tmp_path / "spare", dry_run=False)
    text = (phone / "best.png.xmp").read_text(encoding="utf-8")
    assert text == plan.sidecar[plan.image == "best.png"].item()
    assert not (phone / "sent.jpg").exists()
    undo(log)
    assert sorted(path.name for path in phone.iterdir()) == before


def test_another_program_reads_every_kind_as_it_was():
    notes = {
        "date": "2024:05:31 17:20:09",
        "GPS": "-33.50000, 151.25000",
        "rating": "4",
        "keywords": "cats & dogs; <zoo>",
        "caption": 'Zürich \x00"at night"',
    }
    buffer = io.BytesIO()
    picture().save(buffer, "JPEG", xmp=merged_xmp(notes).encode())
    with Image.open(buffer) as image:
        read = read_notes(image)
    root = ElementTree.fromstring(merged_xmp(notes))
    assert root.findtext(".//xmp:Rating", namespaces=SPACES) == "4"
    assert [e.text for e in root.findall(".//dc:subject//rdf:li", SPACES)] == [
        "cats & dogs",
        "<zoo>",
    ]
    assert root.findtext(".//exif:GPSLatitude", namespaces=SPACES) == "33,30.000000S"
    assert read == {
        "rating": "4",
        "keywords": "<zoo>; cats & dogs",
        "caption": 'Zürich "at night"',
    }


def test_keywords_of_both_are_joined_and_other_values_are_not_written_over():
    keeper = {"keywords": "a; b", "date": "2024:05:31 10:00:00"}
    leaving = {"keywords": "b; c", "date": "2023:01:01 10:00:00", "camera": "EOS"}
    assert notes_to_carry(leaving, keeper) == ({"keywords": "a; b; c"}, ["date", "camera"])


@pytest.mark.parametrize(
    ("kind", "value"), [("date", "2024:13:41 99:00:00"), ("rating", "99"), ("GPS", "nan, 400.0")]
)
def test_a_value_that_xmp_cannot_hold_is_not_carried(kind, value):
    assert notes_to_carry({kind: value}, {}) == ({}, [kind])


def test_a_file_with_more_than_a_side_file_takes_stays(phone):
    notes = exif(gps=GPS, camera="EOS R5")
    Image.open(phone / "sent.jpg").save(phone / "sent.jpg", quality=85, exif=notes)
    plan = plan_for(phone, keep_metadata=True)
    assert list(plan.action) == ["keep", "keep"]
    assert list(plan.sidecar) == ["", ""]


@pytest.mark.parametrize("name", ["best.png.xmp", "best.XMP"])
def test_a_keeper_that_has_a_side_file_gets_none(phone, name):
    (phone / name).write_text("of the user")
    plan = plan_for(phone, keep_metadata=True).set_index("image")
    assert list(plan.action) == ["keep", "keep"]
    assert list(plan.sidecar) == ["", ""]
    assert "date and GPS" in plan.loses["sent.jpg"]


def test_of_two_files_with_other_dates_the_second_stays(phone):
    smaller = picture().resize((60, 45), Image.Resampling.LANCZOS)
    smaller.save(phone / "sent again.jpg", quality=85, exif=exif("2023:01:01 10:00:00"))
    plan = plan_for(phone, keep_metadata=True).set_index("image")
    assert plan.action["sent.jpg"] != plan.action["sent again.jpg"]
    assert plan.sidecar["best.png"].count("DateTimeOriginal>") == 2  # one element


def test_what_is_accepted_is_carried_all_the_same_and_only_the_rest_is_named(phone):
    notes = exif(gps=GPS, camera="EOS R5")
    Image.open(phone / "sent.jpg").save(phone / "sent.jpg", quality=85, exif=notes)
    plan = plan_for(phone, keep_metadata=True, accept="metadata").set_index("image")
    assert plan.action["sent.jpg"] == "remove"
    assert plan.loses["sent.jpg"] == "camera"
    assert "GPSLatitude" in plan.sidecar["best.png"]


def test_keep_metadata_needs_the_files():
    images = pd.DataFrame({"image": ["a"], "path": "a", "sha256": "1", "problem": ""})
    groups = pd.DataFrame({"group": [1], "image": ["a"]})
    images = images.assign(width=1, height=1)
    with pytest.raises(ValueError, match="keep_metadata needs compare=True"):
        choose_keepers(groups, images, compare=False, keep_metadata=True)
