"""File names as people can read them."""

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
