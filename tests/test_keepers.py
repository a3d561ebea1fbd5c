"""Who stays, and why: the rule, what stands above it, and what is flagged for a person."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgdup_nb import (
    Fingerprints,
    apply_plan,
    choose_keepers,
    group_duplicates,
    similar_pairs,
)

DAY = pd.Timestamp("2024-05-31", tz="UTC")


def table(*rows):
    """Return an images table; a row gives what differs from a plain 100 x 100 JPEG."""
    plain = {
        "path": "", "format": "JPEG", "width": 100, "height": 100, "bytes": 1000,
        "lossless": False, "metadata": 0, "modified": DAY, "problem": "",
    }  # fmt: skip
    images = pd.DataFrame([plain | {"sha256": f"digest of {row['image']}"} | row for row in rows])
    return images.assign(path="/photos/" + images.image)


def one_group(images):
    return pd.DataFrame({"group": 1, "image": images.image})


def kept(plan):
    return list(plan.image[plan.action == "keep"])


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (
            {"width": 101},
            {"lossless": True, "bytes": 9999, "modified": DAY - pd.Timedelta("1D")},
        ),
        ({"lossless": True}, {"bytes": 9999, "modified": DAY - pd.Timedelta("1D")}),
        ({"metadata": 1}, {"bytes": 9999, "modified": DAY - pd.Timedelta("1D")}),
        ({"bytes": 1001}, {"modified": DAY - pd.Timedelta("1D")}),
        ({"modified": DAY - pd.Timedelta("1D")}, {}),
    ],
)
def test_the_default_rule_goes_in_the_tutorials_order(better, worse):
    images = table({"image": "a.jpg"} | worse, {"image": "b.jpg"} | better)
    assert kept(choose_keepers(one_group(images), images, compare=False)) == ["b.jpg"]


def test_what_is_equal_in_all_is_decided_by_the_plainer_name():
    images = table({"image": "cat (1).jpg"}, {"image": "cat.jpg"}, {"image": "cat copy.jpg"})
    assert kept(choose_keepers(one_group(images), images, compare=False)) == ["cat.jpg"]


@pytest.mark.parametrize(
    ("rule", "first"),
    [(["bytes"], "b.jpg"), (["-bytes"], "a.jpg"), ("-bytes", "a.jpg"), (["-taken"], "b.jpg")],
)
def test_a_rule_of_ones_own_is_a_list_of_columns_and_a_minus_turns_one_round(rule, first):
    images = table(
        {"image": "a.jpg", "bytes": 1, "taken": pd.NaT},
        {"image": "b.jpg", "bytes": 2, "taken": DAY},
    )
    assert kept(choose_keepers(one_group(images), images, rule=rule, compare=False)) == [first]


def test_a_missing_value_comes_last_in_either_direction():
    images = table({"image": "a.jpg", "taken": pd.NaT}, {"image": "b.jpg", "taken": DAY})
    for rule in (["taken"], ["-taken"]):
        assert kept(choose_keepers(one_group(images), images, rule=rule, compare=False)) == [
            "b.jpg"
        ]


def test_a_function_may_choose_and_must_choose_from_the_group():
    images = table({"image": "a.jpg"}, {"image": "b.jpg"}, {"image": "c.jpg"})
    plan = choose_keepers(
        one_group(images), images, rule=lambda rows: rows.image.max(), compare=False
    )
    assert kept(plan) == ["c.jpg"]
    with pytest.raises(ValueError, match="must return the name of an image of the group"):
        choose_keepers(one_group(images), images, rule=lambda rows: "z.jpg", compare=False)


def test_protected_folders_come_first_as_keepers_and_nothing_in_them_is_removed():
    images = table(
        {"image": "b.jpg", "bytes": 9999},
        {"image": "originals/a.jpg"},
        {"image": "originals/b.jpg"},
    )
    plan = choose_keepers(one_group(images), images, protected=["originals"], compare=False)
    assert kept(plan) == ["originals/a.jpg", "originals/b.jpg"]
    assert list(plan.protected) == [True, True, False]
    assert plan.reason[1] == "in the protected folder originals"


def test_a_file_that_is_larger_than_the_protected_one_stays_beside_it_flagged():
    images = table({"image": "big.jpg", "width": 900}, {"image": "originals/a.jpg"})
    plan = choose_keepers(one_group(images), images, protected="originals", compare=False)
    assert kept(plan) == ["originals/a.jpg", "big.jpg"]
    assert plan.loses[1] == "900 x 100 pixels"


@pytest.mark.parametrize("folder", ["originals/", "./originals", "/photos/originals"])
def test_a_protected_folder_may_be_written_in_several_ways(folder):
    images = table(
        {"image": "big.jpg", "bytes": 9999},
        {"image": "originals/a.jpg"},
        {"image": "originals-2/a.jpg"},
    )
    assert kept(choose_keepers(one_group(images), images, protected=folder, compare=False)) == [
        "originals/a.jpg"
    ]


def test_a_protected_folder_without_images_is_a_typing_error():
    images = table({"image": "a.jpg"}, {"image": "b.jpg"})
    with pytest.raises(ValueError, match="'orignals'"):
        choose_keepers(one_group(images), images, protected=["orignals"])


def test_a_choice_for_one_group_stands_above_the_rule():
    images = table({"image": "a.jpg", "bytes": 9999}, {"image": "b.jpg"}, {"image": "c.jpg"})
    assert kept(choose_keepers(one_group(images), images, keep={1: "b.jpg"}, compare=False)) == [
        "b.jpg"
    ]
    assert set(
        kept(choose_keepers(one_group(images), images, keep={1: ["b.jpg", "c.jpg"]}, compare=False))
    ) == {
        "b.jpg",
        "c.jpg",
    }


@pytest.mark.parametrize(
    ("keep", "words"),
    [({7: "a.jpg"}, "group 7"), ({1: "z.jpg"}, "'z.jpg'"), ({1: "broken.jpg"}, "'broken.jpg'")],
)
def test_a_choice_that_cannot_be_is_refused(keep, words):
    images = table(
        {"image": "a.jpg"}, {"image": "b.jpg"}, {"image": "broken.jpg", "problem": "damaged"}
    )
    with pytest.raises(ValueError, match=words):
        choose_keepers(one_group(images), images, keep=keep, compare=False)


def test_reasons_name_what_stays_and_what_goes():
    images = table(
        {"image": "a.png", "width": 4000, "height": 3000, "format": "PNG"},
        {"image": "b.jpg", "width": 1024, "height": 768},
        {
            "image": "c.png",
            "width": 4000,
            "height": 3000,
            "format": "PNG",
            "sha256": "digest of a.png",
        },
        {"image": "d.png", "width": 4000, "height": 3000, "format": "PNG", "bytes": 999},
    )
    reasons = choose_keepers(one_group(images), images, compare=False).set_index("image").reason
    assert reasons["a.png"] == "the best of 4: 4000 x 3000 PNG"
    assert reasons["b.jpg"] == "keeps 4000 x 3000 PNG; this is 1024 x 768 JPEG"
    assert reasons["c.png"] == "same bytes as a.png"
    assert (
        reasons["d.png"]
        == "keeps 4000 x 3000 PNG with bytes 1,000; this is 4000 x 3000 PNG with 999"
    )


def test_an_image_that_cannot_be_read_is_neither_keeper_nor_removed():
    images = table(
        {"image": "a.jpg", "width": 900, "problem": "damaged"},
        {"image": "b.jpg"},
        {"image": "c.jpg"},
    )
    plan = choose_keepers(one_group(images), images, compare=False)
    assert set(kept(plan)) == {"a.jpg", "b.jpg"}
    assert plan.image[0] == "b.jpg"
    all_bad = images.assign(problem="damaged")
    assert len(kept(choose_keepers(one_group(all_bad), all_bad, compare=False))) == 3


def test_an_unknown_column_or_image_is_named():
    images = table({"image": "a.jpg"}, {"image": "b.jpg"})
    with pytest.raises(KeyError, match="'sharpness'"):
        choose_keepers(one_group(images), images, rule=["sharpness"])
    with pytest.raises(KeyError, match=r"'z\.jpg'"):
        choose_keepers(pd.DataFrame({"group": 1, "image": ["a.jpg", "z.jpg"]}), images)


def test_no_groups_make_an_empty_plan():
    images = table({"image": "a.jpg"})
    plan = choose_keepers(one_group(images).iloc[:0], images)
    assert len(plan) == 0
    assert len(apply_plan(plan, to="anywhere")) == 0


columns = st.sampled_from(
    [
        "pixels",
        "-pixels",
        "lossless",
        "metadata",
        "bytes",
        "-bytes",
        "modified",
        "-modified",
        "-taken",
    ]
)
rules = st.lists(columns, max_size=4) | st.just(lambda rows: rows.image.iloc[-1])


@settings(max_examples=60, deadline=None)
@given(st.data(), rules, st.integers(0, 12))
def test_whatever_the_groups_and_the_rule_each_group_keeps_a_readable_image(data, rule, n_images):
    numbers = st.integers(0, 2)
    rows = [
        {
            "image": f"{data.draw(st.sampled_from(['old', 'new']))}/{k}.jpg",
            "width": data.draw(numbers),
            "bytes": data.draw(numbers),
            "lossless": data.draw(st.booleans()),
            "metadata": data.draw(numbers),
            "taken": data.draw(st.sampled_from([pd.NaT, DAY])),
            "problem": data.draw(st.sampled_from(["", "", "damaged"])),
            "sha256": str(data.draw(st.integers(0, 5))),
        }
        for k in range(n_images)
    ]
    images = table(*rows) if rows else table({"image": "x", "taken": pd.NaT}).iloc[:0]
    groups = pd.DataFrame(
        {"group": [data.draw(st.integers(1, 3)) for _ in rows], "image": images.image},
        index=images.index,
    )
    protected = ["old"] if any(image.startswith("old/") for image in images.image) else []
    plan = choose_keepers(groups, images, rule=rule, protected=protected, compare=False)
    assert sorted(plan.image) == sorted(images.image)
    good = plan.image.isin(images.image[images.problem == ""])
    for _, group in plan[good].groupby("group"):
        assert (group.action == "keep").any()
    assert not (plan.action[~good] == "remove").any()
    assert not (plan.action[plan.image.str.startswith("old/")] == "remove").any()


# -- folders, labels, thresholds -------------------------------------------------------------------


def test_a_preferred_folder_comes_first_and_only_exact_copies_in_it_leave():
    images = table(
        {"image": "best.jpg", "bytes": 9999},
        {"image": "originals/a.jpg"},
        {"image": "originals/again.jpg", "sha256": "digest of originals/a.jpg"},
        {"image": "originals/other.jpg", "bytes": 1},
    )
    plan = choose_keepers(one_group(images), images, prefer=["originals"], compare=False)
    assert plan.set_index("image").action.to_dict() == {
        "originals/a.jpg": "keep",
        "originals/other.jpg": "keep",
        "best.jpg": "remove",
        "originals/again.jpg": "remove",
    }


def test_preferred_folders_are_an_order():
    images = table({"image": "2023/a.jpg"}, {"image": "2024/a.jpg"}, {"image": "a.jpg"})
    for order in (["2024", "2023"], ["2023", "2024"]):
        plan = choose_keepers(one_group(images), images, prefer=order, compare=False)
        assert plan.image[0] == f"{order[0]}/a.jpg"


def test_a_folder_is_found_however_its_name_is_composed():
    images = table({"image": "cafe\u0301/a.jpg"}, {"image": "b.jpg", "bytes": 9999})
    plan = choose_keepers(one_group(images), images, protected="caf\u00e9", compare=False)
    assert plan.protected[0]


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ("largest", "a long name.jpg"),
        ("oldest", "old.png"),
        ("newest", "a long name.jpg"),
        ("shortest name", "b.gif"),
        ("prefer formats", "old.png"),
    ],
)
def test_a_ready_rule_chooses_the_keeper(rule, first):
    images = table(
        {"image": "a long name.jpg", "bytes": 2000, "modified": DAY + pd.Timedelta("1D")},
        {"image": "old.png", "format": "PNG", "modified": DAY - pd.Timedelta("1D")},
        {"image": "b.gif", "format": "GIF"},
    )
    plan = choose_keepers(one_group(images), images, rule=rule, compare=False)
    assert plan.image[0] == first
    assert plan.attrs["rule"] == rule


def test_endings_may_be_preferred():
    images = table({"image": "a.jpg"}, {"image": "b.heic", "format": "HEIF"})
    plan = choose_keepers(
        one_group(images), images, rule="prefer formats", prefer=".heic", compare=False
    )
    assert plan.image[0] == "b.heic"


def test_a_rule_does_not_remove_a_larger_file_unless_all_losses_are_accepted():
    images = table({"image": "a.jpg"}, {"image": "large.jpg", "width": 900})
    careful = choose_keepers(one_group(images), images, rule="shortest name", compare=False)
    assert kept(careful) == ["a.jpg", "large.jpg"]
    free = choose_keepers(
        one_group(images), images, rule="shortest name", accept="all", compare=False
    )
    assert kept(free) == ["a.jpg"]
    with pytest.raises(ValueError, match="accept must be one of 'pixels'"):
        choose_keepers(one_group(images), images, accept=["everything"])


def test_contradicting_labels_are_flagged_and_not_decided():
    images = table(
        {"image": "cat/a.jpg", "class": "cat"},
        {"image": "cat/b.jpg", "class": "cat", "sha256": "digest of cat/a.jpg"},
        {"image": "dog/a.jpg", "class": "dog", "sha256": "digest of cat/a.jpg"},
    )
    plan = choose_keepers(one_group(images), images, by="class")
    assert kept(plan) == ["cat/a.jpg", "dog/a.jpg"]
    assert list(plan.flag) == ["labels differ: cat, dog", "labels differ: cat, dog", ""]
    with pytest.raises(KeyError, match="by names 'kind'"):
        choose_keepers(one_group(images), images, by="kind")


def test_a_removal_is_never_below_the_threshold_to_its_keeper():
    bits = np.zeros((3, 64), dtype=bool)
    bits[1, :6] = bits[2, 6:12] = True
    pairs = similar_pairs(Fingerprints.from_bits(["a.jpg", "b.jpg", "c.png"], bits))
    images = table(
        {"image": "a.jpg"}, {"image": "b.jpg"}, {"image": "c.png", "width": 800, "lossless": True}
    )
    plan = choose_keepers(group_duplicates(pairs, 90), images, compare=False).set_index("image")
    assert plan.action.to_dict() == {"c.png": "keep", "b.jpg": "keep", "a.jpg": "remove"}
    assert plan.similarity.to_dict() == {"c.png": 100.0, "b.jpg": 81.25, "a.jpg": 90.625}
    assert plan.flag["b.jpg"] == "below the threshold to the keeper c.png"


def test_files_with_the_same_bytes_never_all_stay():
    images = table(
        {"image": "a.jpg", "width": 50},
        *({"image": f"big ({k}).jpg", "metadata": 1, "sha256": "big"} for k in range(3)),
        {"image": "huge.jpg", "width": 900},
    )
    plan = choose_keepers(one_group(images), images, compare=False)
    assert kept(plan) == ["huge.jpg", "big (0).jpg"]


def test_a_copy_in_a_bin_is_never_the_keeper():
    images = table(
        {"image": "$RECYCLE.BIN/a.jpg", "sha256": "1"}, {"image": "z.jpg", "sha256": "1"}
    )
    assert kept(choose_keepers(one_group(images), images)) == ["z.jpg"]


@pytest.mark.parametrize(
    ("plain", "copy"),
    [
        ("IMG_1.jpg", "Copy of IMG_1.jpg"),
        ("P101.JPG", "Kopie von P101.JPG"),
        ("IMG_1.jpg", "IMG_1 (1).jpg"),
        ("IMG_1.jpg", "IMG_1~2.jpg"),
        ("photos/a.jpg", "Downloads/a.jpg"),
        ("IMG_1.jpg", "FB_IMG_1.jpg"),
    ],
)
def test_of_equal_files_the_plainest_name_stays(plain, copy):
    images = table({"image": copy, "sha256": "1"}, {"image": plain, "sha256": "1"})
    assert kept(choose_keepers(one_group(images), images)) == [plain]


# -- the plan as a table ---------------------------------------------------------------------------


def test_a_plan_says_its_sums_and_lists_what_stays():
    images = table({"image": "a<b>.jpg", "width": 900}, {"image": "b.jpg", "bytes": 2_000_000})
    plan = choose_keepers(one_group(images), images, compare=False)
    assert "1 file of 2 to remove; 1 stay; 1 group; 2.0 MB to free; 0 flagged" in repr(plan)
    assert "<b>" not in plan._repr_html_()
    assert list(plan.kept.image) == ["a<b>.jpg"]
    assert "Plan" not in repr(plan[["image", "reason"]])


def test_a_plan_from_a_csv_file_does_the_same(tmp_path):
    images = table({"image": "a.jpg", "width": 900}, {"image": "b.jpg"})
    images.to_csv(tmp_path / "images.csv", index=False)
    plan = choose_keepers(one_group(images), images, compare=False)
    again = pd.read_csv(tmp_path / "images.csv")
    same = choose_keepers(one_group(again), again, compare=False)
    pd.testing.assert_frame_equal(plan.drop(columns="modified"), same.drop(columns="modified"))
    plan.to_csv(tmp_path / "plan.csv", index=False)
    log = apply_plan(pd.read_csv(tmp_path / "plan.csv"), to=tmp_path / "spare")
    assert list(log.image) == ["a.jpg", "b.jpg"]
