"""Small pair tables for the tests of groups and sweeps: by hand, and any that hypothesis draws."""

import itertools

import pandas as pd
from hypothesis import strategies as st

THRESHOLDS = st.integers(70, 100)


def pair_table(rows, floor=70, n_images=None):
    """Return a pair table from (left, right, similarity)."""
    pairs = pd.DataFrame(rows, columns=["left", "right", "similarity"]).astype(
        {"similarity": float}
    )
    pairs.attrs = {
        "method": "phash",
        "floor": floor,
        "n_images": n_images or len({*pairs.left, *pairs.right}),
    }
    return pairs


@st.composite
def pair_tables(draw):
    """Any graph of up to 9 images with similarities from a few levels, in any order of rows."""
    names = [f"{letter}.jpg" for letter in "abcdefghi"[: draw(st.integers(0, 9))]]
    chosen = draw(st.permutations(list(itertools.combinations(names, 2))))
    levels = draw(
        st.lists(
            st.sampled_from([0, 71, 80, 85, 90, 95, 100]),
            min_size=len(chosen),
            max_size=len(chosen),
        )
    )
    return pair_table(
        [(*pair, level) for pair, level in zip(chosen, levels, strict=True) if level],
        n_images=len(names),
    )
