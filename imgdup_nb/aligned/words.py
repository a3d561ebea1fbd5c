"""An alignment in words: how much matches, how it is placed, and what limits the percent."""

from __future__ import annotations

from .agreement import Alignment
from .bands import (
    MAX_COPY_RESIDUAL,
    MAX_IMPERFECT_SIMILARITY,
    MAX_SCENE_SIMILARITY,
    MAX_SLIGHT_SIMILARITY,
    MIN_SCENE_RESIDUAL,
    MIN_SCENE_SIMILARITY,
)

MIN_ONE_PIECE = 90.0  # percent of the matching blocks; a few more need not touch the piece
# percent; a larger overlap is all of the picture, except for the border that resizing blurs
MIN_WHOLE = 97.0
MAX_UPRIGHT_DEGREES = 2.0  # a smaller rotation is not mentioned
EQUAL_SENTENCES = {
    "same bytes": "The files are equal, byte for byte.",
    "same pixels": "All pixels are equal; only the files differ.",
}
_SLIGHT = f"so the similarity is at most {MAX_SLIGHT_SIMILARITY:.0f} %."
TREATMENTS = {
    "shade": " They were compared without their coarse light and shade.",
    "blur": f" One of them is blurred, {_SLIGHT}",
    "perspective": " One of them shows the other in perspective.",
    "bend": " One of them is bent, as by a lens; that was allowed for.",
    "whole": " Their details differ; made small, the whole pictures look the same.",
    "overlay": " Something was put over one of them; the pixels that are equal count.",
    "cut out": f" One of them shows a part of the other on a plain ground, {_SLIGHT}",
    "smooth": (
        " Smooth pictures look like many others when they are zoomed, so only their colours in "
        "place are compared."
    ),
    "negative": f" One of them is the negative of the other, {_SLIGHT}",
}
AT_MOST = f"so the similarity is at most {MAX_SCENE_SIMILARITY:.0f} %."


def say_flat(left: str, right: str, blank: tuple[bool, bool], percent: float) -> str:
    """Say that two pictures have too little texture to be aligned, and what their phash is worth.

    Parameters
    ----------
    left, right
        the pictures' names.
    blank
        which of the two are nearly blank, so that their hashes are noise.
    percent
        similarity by phash.

    Examples
    --------
    >>> say_flat("sky.jpg", "sky small.jpg", (False, False), 96.875)
    'Too little texture to align the pictures; their phash similarity is 97 %.'
    >>> say_flat("cat.jpg", "white.png", (False, True), 51.6)
    'Too little texture to align the pictures: white.png is nearly blank, so its hash is noise.'
    """
    flat = "Too little texture to align the pictures"
    if not any(blank):
        return f"{flat}; their phash similarity is {percent:.0f} %."
    if all(blank):
        return f"{flat}: both are nearly blank, so their hashes are noise."
    return f"{flat}: {left if blank[0] else right} is nearly blank, so its hash is noise."


def say_alignment(found: Alignment, left: str, right: str) -> str:
    """Say how much of the overlap matches, how the pictures are placed, and what limits the score.

    Examples
    --------
    >>> from imgdup_nb.aligned.agreement import NOTHING
    >>> say_alignment(NOTHING, "cat.jpg", "dog.jpg")
    'Nothing of one picture was found in the other.'
    """
    if found.transform is None:
        return "Nothing of one picture was found in the other."
    percent = found.similarity if found.similarity >= MIN_SCENE_SIMILARITY else found.agreeing
    # 99.6 is not 100: a block differs
    share = "100" if percent == 100 else f"{min(percent, 99):.0f}"
    matching = f"{share} % of the overlap matches"
    if percent < MIN_SCENE_SIMILARITY and found.matches == 0:  # aligned by their frames only
        placed = "".join(f" ({turn})" for turn in _turns(found))
        return f"{matching} if the whole pictures are aligned{placed}.{_why_no_more(found)}"
    placed = ", ".join([_overlap(found, left, right), *_turns(found)])
    return f"{matching}{_pieces(found)}; {placed}.{_why_no_more(found)}"


def shares_only_a_part(found: Alignment) -> bool:
    """Whether two pictures are not copies, but share a part."""
    return 0 < found.similarity < MIN_SCENE_SIMILARITY and found.shares_part


def _turns(found: Alignment) -> list[str]:
    """Say whether one picture is mirrored and rotated, in up to two phrases."""
    turned = abs(found.rotation)
    if found.mirrored and turned >= 180 - MAX_UPRIGHT_DEGREES:
        return ["one is flipped top to bottom"]
    mirrored = ["one is mirrored"] if found.mirrored else []
    return [
        *mirrored,
        *([f"rotated by {turned:.0f} degrees"] if turned >= MAX_UPRIGHT_DEGREES else []),
    ]


def _pieces(found: Alignment) -> str:
    """Say of a shared part how much of it is in one piece, and whether it is shifted."""
    if not shares_only_a_part(found) or found.blocks is None:
        return ""
    connected = 100 * found.part.sum() / (found.blocks >= found.min_correlation).sum()
    pieces = (
        "in one piece" if connected >= MIN_ONE_PIECE else f"{connected:.0f} % of it in one piece"
    )
    return f", {pieces}{' and without a shift' if found.residual < MAX_COPY_RESIDUAL else ''}"


def _overlap(found: Alignment, left: str, right: str) -> str:
    """Say how much of one picture the other shows."""
    of_left, of_right = found.overlap_left, found.overlap_right
    if min(of_left, of_right) >= MIN_WHOLE:
        return "they show the same section"
    if of_right >= MIN_WHOLE:
        return f"{right} shows {of_left:.0f} % of {left}"
    if of_left >= MIN_WHOLE:
        return f"{left} shows {of_right:.0f} % of {right}"
    return f"they share {of_left:.0f} % of {left} and {of_right:.0f} % of {right}"


def _why_no_more(found: Alignment) -> str:
    """Say what limits the similarity though parts match; nothing where nothing does."""
    if found.treatment == "smooth":
        return TREATMENTS["smooth"]
    if shares_only_a_part(found):
        return " The pictures share this part; as a whole they are not copies."
    if found.similarity < MIN_SCENE_SIMILARITY:
        return _why_nothing(found)
    if found.coarse:
        return f" They match only when both are made small, as copies of few pixels do, {AT_MOST}"
    if found.changed and found.similarity > MAX_SCENE_SIMILARITY:
        return (
            " Read at full size, one place differs more than all others, as by one digit or a "
            f"stamp, {_SLIGHT}"
        )
    if found.treatment and found.similarity > MAX_SCENE_SIMILARITY:
        return TREATMENTS[found.treatment]
    if found.treatment == "backdrop":
        return f" Both have one smooth backdrop, and what else they show differs, {AT_MOST}"
    if found.changed:
        return f" Read at full size, {found.changed} blocks show other words or lines, {AT_MOST}"
    if found.residual >= MIN_SCENE_RESIDUAL:
        return f"{_shift(found)}, {AT_MOST}"
    if found.is_partial:
        return f" Each picture shows much that the other does not, {AT_MOST}"
    if found.recoloured > 0:
        limit = f", {AT_MOST}" if found.similarity <= MAX_SCENE_SIMILARITY else " and do not count."
        share = max(found.recoloured, 1)
        return f" Of the parts that match in grey, {share:.0f} % have another colour{limit}"
    if found.doubt >= 1:
        return (
            " Little of the overlap has texture, and not all of that matches or the rest has "
            f"another shade, {AT_MOST}"
        )
    if found.similarity < found.agreeing == 100:
        return (
            " Every block matches, but some differ a little or have lost colour, so the "
            f"similarity is at most {MAX_IMPERFECT_SIMILARITY:.0f} %."
        )
    return ""


def _why_nothing(found: Alignment) -> str:
    """Say why two pictures have the similarity 0 though parts of them match."""
    if found.matches == 0:
        return (
            " No feature of one picture was found in the other, as in two pictures of one kind, "
            "so this is not a copy."
        )
    if found.residual >= MIN_SCENE_RESIDUAL:
        return f"{_shift(found)}, so this is not a copy."
    return " No matching part is large enough to be more than chance, so this is not a copy."


def _shift(found: Alignment) -> str:
    """Say by how much the matching parts are shifted."""
    shift = f"shifted by {found.residual:.1f} pixels"
    return f" The matching parts are {shift}, as in two photographs of one scene"
