"""What tests of the threshold explorer share: four families of images, and how its page is read."""

import numpy as np
from playwright.sync_api import expect

import imgdup_nb as dup

ORIGINALS = ["album/beach.jpg", "album/forest.jpg", "album/city.jpg", "album/harbour.jpg"]


def prints_of(names, seeds, distances, method="phash"):
    """Fingerprints of families: a seed each, and the bits from the first of the family."""
    bits = np.array(
        [np.random.default_rng(seed).random(dup.METHODS[method].bits) < 0.5 for seed in seeds]
    )
    for row, distance in zip(bits, distances, strict=True):
        row[:distance] ^= True
    return dup.Fingerprints.from_bits(names, bits, method)


def families(method="phash"):
    """Four families of a beach, a forest, a city and a harbour, each looser than the one before."""
    names, seeds, distances = [], [], []
    for family, original in enumerate(ORIGINALS):
        for copy in range(5 - family):
            names.append(original if copy == 0 else original.replace(".jpg", f" ({copy}).jpg"))
            seeds.append(family)
            distances.append(2 * family * (copy > 0) + 2 * (copy > 2))
    return dup.similar_pairs(prints_of(names, seeds, distances, method)), names


def slider_of(bridge):
    return bridge.view().get_by_role("slider", name="Similarity threshold")


def counts_of(bridge):
    names = ("pairs", "groups", "images", "redundant", "largest")
    return [int(bridge.view().get_by_test_id(name).inner_text().split(" ")[0]) for name in names]


def expect_threshold(bridge, percent):
    """Both sides agree on a threshold, and the page shows what Python finds at it."""
    expect(slider_of(bridge)).to_have_attribute("aria-valuenow", f"{percent:g}")
    bridge.settle()
    assert bridge.widget.threshold == percent
    row = bridge.widget.sweep.set_index("threshold").loc[percent]
    assert counts_of(bridge) == [row.pairs, row.groups, row.images, row.redundant, row.largest]
    assert row.groups == len(bridge.widget.groups)
    expect(bridge.view().get_by_test_id("count")).to_have_text(
        f"{row.groups} group{'s' * bool(row.groups != 1)}"
    )


def open_tools(bridge):
    """Open the panel with pinning, range and other tools."""
    bridge.view().get_by_test_id("tools").click()


def place_of(page, bridge, percent):
    """Return where on the histogram a percentage is, from the axis labels drawn."""
    boxes = [
        slider_of(bridge).locator(f'[data-tick="{tick}"]').bounding_box() for tick in (80, 100)
    ]
    left, right = (box["x"] + box["width"] / 2 for box in boxes)
    box = slider_of(bridge).bounding_box()
    return left + (percent - 80) / 20 * (right - left), box["y"] + box["height"] / 2
