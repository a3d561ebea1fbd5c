"""What tests of the reviewer share: two groups of pictures, one of them with a hostile name."""

import numpy as np
import pandas as pd
from PIL import Image

import imgdup_nb as dup

HOSTILE = '<img src=x onerror="window.hit=1">.png'


def write_pictures(folder):
    """Write two groups: near copies of a gradient, and the same bytes twice; return the plan."""
    folder.mkdir(exist_ok=True)
    ramp = np.add.outer(np.arange(120), np.arange(160)).astype(np.uint8)
    Image.fromarray(ramp).convert("RGB").save(folder / "big.png")
    Image.fromarray(ramp).convert("RGB").resize((80, 60)).save(folder / "small.jpg")
    Image.fromarray(ramp).convert("RGB").resize((100, 75)).save(folder / HOSTILE)
    for name in ("one.png", "two.png"):
        Image.fromarray(255 - ramp).convert("RGB").save(folder / name)
    images = dup.scan_images(folder)
    names = ["big.png", "small.jpg", HOSTILE, "one.png", "two.png"]
    groups = pd.DataFrame(
        {
            "group": [1, 1, 1, 2, 2],
            "image": pd.Series(names, dtype=object),
            "similarity": [100.0, 90.6, 96.9, 100.0, 100.0],
        }
    )
    return dup.choose_keepers(groups, images, compare=False)


def many_groups(plan, n):
    """Return a plan of n groups of two: the pictures of the second group under other names."""
    pair = plan[plan.group == 2]
    copies = [
        pair.assign(
            group=k,
            image=[f"{k}{letter}.png" for letter in "ab"],
            keeper=["", f"{k}a.png"],
            similarity=[100.0, 100.0 - k],
            sha256=[f"{k}a", f"{k}b"],
        )
        for k in range(1, n + 1)
    ]
    return pd.concat(copies, ignore_index=True)


def tiles(view):
    """Return the images of the group; those of a select are options too."""
    return view.get_by_test_id("tiles").get_by_role("option")
