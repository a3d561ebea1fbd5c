"""File names and numbers as people can read them."""

from __future__ import annotations

import unicodedata


def shorten_middle(name: str, length: int = 32) -> str:
    r"""Show a name on one line of at most `length` characters; what tells names apart is mostly at their ends.

    Line breaks and other characters without a shape, among them those that turn the direction of writing, become a dot in
    the middle of the line.

    Examples
    --------
    >>> shorten_middle("holiday/2024/beach/IMG_20240531_172009 (1).jpg", 24)
    'holiday/202…2009 (1).jpg'
    >>> shorten_middle("two\nlines.jpg")
    'two·lines.jpg'
    """
    visible = "".join(
        "·" if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else character for character in name
    )
    if len(visible) <= length:
        return visible
    head = (length - 1) // 2
    return visible[:head] + "…" + visible[len(visible) - (length - 1 - head) :]


def count_of(count: int, thing: str) -> str:
    """Say how many there are of something whose plural takes an s.

    Examples
    --------
    >>> count_of(1, "file"), count_of(2000, "file")
    ('1 file', '2,000 files')
    """
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
