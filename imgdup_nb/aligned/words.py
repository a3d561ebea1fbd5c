"""How two pictures lie on each other, in words."""

from __future__ import annotations

from .agreement import Alignment
from .bands import (
    MAX_COPY_RESIDUAL,
    MAX_IMPERFECT_SIMILARITY,
    MAX_SCENE_SIMILARITY,
    MIN_SCENE_RESIDUAL,
    MIN_SCENE_SIMILARITY,
)

MIN_ONE_PIECE = 90.0  # percent of what agrees; a block more may hang loose
# percent; an overlap from here on is all of the picture, up to the border that resizing blurs
MIN_WHOLE = 97.0
MAX_UPRIGHT_DEGREES = 2.0  # degrees that a transform may be off
EQUAL_SENTENCES = {
    "same bytes": "The files are equal, byte for byte.",
    "same pixels": "Every pixel is equal, only the files are not.",
}


def say_flat(left: str, right: str, blank: tuple[bool, bool], percent: float) -> str:
    """Say that pictures have too little texture to be laid on each other, and what their phash is worth.

    Parameters
    ----------
    left, right
        what the pictures are called.
    blank
        which of the two are nearly blank, so that a hash of them is noise.
    percent
        of phash.

    Examples
    --------
    >>> say_flat("sky.jpg", "sky small.jpg", (False, False), 96.875)
    'Too little texture to lay one picture on the other; by phash they are 97 % similar.'
    >>> say_flat("cat.jpg", "white.png", (False, True), 51.6)
    'Too little texture to lay one picture on the other: white.png is nearly blank, and its hash is noise.'
    """
    flat = "Too little texture to lay one picture on the other"
    if not any(blank):
        return f"{flat}; by phash they are {percent:.0f} % similar."
    if all(blank):
        return f"{flat}: both are nearly blank, and their hashes are noise."
    return f"{flat}: {left if blank[0] else right} is nearly blank, and its hash is noise."


def say_alignment(found: Alignment, left: str, right: str) -> str:
    """Say what an alignment means: how much agrees, how the pictures lie, and what keeps the similarity low.

    Examples
    --------
    >>> from imgdup_nb.aligned.agreement import NOTHING
    >>> say_alignment(NOTHING, "cat.jpg", "dog.jpg")
    'Nothing of one picture was found in the other.'
    """
    if found.transform is None:
        return "Nothing of one picture was found in the other."
    percent = found.similarity if found.similarity >= MIN_SCENE_SIMILARITY else found.agreeing
    share = (
        "100" if percent == 100 else f"{min(percent, 99):.0f}"
    )  # where a block differs, it is not all
    if (
        percent < MIN_SCENE_SIMILARITY and found.matches == 0
    ):  # nothing but their frames brought them together
        where = ", ".join(["Laid on each other as a whole", *_turns(found)])
        return f"{where}, they agree in {share} %.{_why_no_more(found)}"
    lies = ", ".join([_overlap(found, left, right), *_turns(found)])
    return f"{share} % of what both show agrees{_pieces(found)}; {lies}.{_why_no_more(found)}"


def shares_only_a_part(found: Alignment) -> bool:
    """Whether the two are no copies, and yet a part of one was surely taken over into the other, or both from a third."""
    return 0 < found.similarity < MIN_SCENE_SIMILARITY and found.shares_part


def _turns(found: Alignment) -> list[str]:
    """Say how one is turned, in as many pieces as it takes."""
    turned = abs(found.rotation)
    if found.mirrored and turned >= 180 - MAX_UPRIGHT_DEGREES:
        return ["one is flipped top to bottom"]
    mirrored = ["one is mirrored"] if found.mirrored else []
    return [
        *mirrored,
        *([f"turned by {turned:.0f} degrees"] if turned >= MAX_UPRIGHT_DEGREES else []),
    ]


def _pieces(found: Alignment) -> str:
    """Say how what agrees hangs together, and whether it lies exactly, where it is a part that both share."""
    if not shares_only_a_part(found) or found.blocks is None:
        return ""
    connected = 100 * found.part.sum() / (found.blocks >= found.min_correlation).sum()
    pieces = (
        "in one piece" if connected >= MIN_ONE_PIECE else f"{connected:.0f} % of it in one piece"
    )
    return f", {pieces}{', exactly' if found.residual < MAX_COPY_RESIDUAL else ''}"


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
    """Say what keeps the similarity low though something agrees."""
    if shares_only_a_part(found):
        return " They share this part."
    if found.similarity < MIN_SCENE_SIMILARITY:
        return _why_nothing(found)
    if found.coarse:
        return " They agree only once both are made small, as copies of few pixels do, so it counts as 79 % at most."
    if found.residual >= MIN_SCENE_RESIDUAL:
        return f" It lies {found.residual:.1f} pixels apart, as in another shot of one scene, so it counts as 79 % at most."
    if found.recoloured > 0:
        counts = (
            ", so it counts as 79 % at most"
            if found.similarity <= MAX_SCENE_SIMILARITY
            else " and does not count"
        )
        return f" Of what agrees in grey {max(found.recoloured, 1):.0f} % is of another colour{counts}."
    if found.doubt >= 1:
        return " Little of it is textured, and not all of that agrees or the rest is of another shade: 79 % at most."
    if found.similarity < found.agreeing == 100:
        return f" Each block agrees, but some are a little off or lack colour: {MAX_IMPERFECT_SIMILARITY:.0f} % at most."
    return ""


def _why_nothing(found: Alignment) -> str:
    """Say why what agrees in part counts as nothing."""
    if found.matches == 0:
        return " No feature of one was found in the other, as in pictures of one kind: below 70 % that counts as 0."
    if found.residual >= MIN_SCENE_RESIDUAL:
        return f" It lies {found.residual:.1f} pixels apart, as in another shot of one scene: below 70 % that counts as 0."
    return " It is too little in one piece to be more than chance, and counts as 0."
