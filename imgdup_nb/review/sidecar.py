"""Notes that only a leaving file has, as an XMP side file for the one that stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree

CARRIED_KINDS = ("date", "GPS", "rating", "keywords", "caption")
SPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
}
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
NOT_IN_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
DATE = re.compile(r"([12]\d{3})[:-]?(0[1-9]|1[0-2])[:-]?(0[1-9]|[12]\d|3[01])(?!\d)")
TIME = re.compile(r"[ T]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)")


def notes_to_carry(
    leaving: Mapping[str, str], keeper: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Return the notes of a file that a side file adds to another, and the kinds it cannot add.

    Keywords are joined. Another value of a kind that the keeper has is not written over.

    Examples
    --------
    >>> notes_to_carry({"rating": "5", "camera": "EOS R5"}, {"keywords": "cat"})
    ({'rating': '5'}, ['camera'])
    """
    added, left = {}, []
    for kind, value in leaving.items():
        if kind == "keywords" and kind in keeper:
            more = sorted(set(value.split("; ")) - set(keeper[kind].split("; ")))
            if more:
                added[kind] = "; ".join([keeper[kind], *more])
        elif kind in keeper:
            if keeper[kind] != value and kind in {*CARRIED_KINDS, "text"}:
                left.append(kind)
        elif kind in CARRIED_KINDS and _is_writable(kind, value):
            added[kind] = value
        else:
            left.append(kind)
    return added, left


def merged_xmp(notes: Mapping[str, str]) -> str:
    """Return an XMP packet with notes of the kinds in CARRIED_KINDS, as `read_notes` gives them.

    Examples
    --------
    >>> "<xmp:Rating>5</xmp:Rating>" in merged_xmp({"rating": "5"})
    True
    """
    for prefix, address in SPACES.items():
        ElementTree.register_namespace(prefix, address)
    packet = ElementTree.Element(_qualified("x:xmpmeta"))
    holder = ElementTree.SubElement(packet, _qualified("rdf:RDF"))
    about = ElementTree.SubElement(
        holder, _qualified("rdf:Description"), {_qualified("rdf:about"): ""}
    )
    if date := _iso_date(notes.get("date", "")):
        ElementTree.SubElement(about, _qualified("exif:DateTimeOriginal")).text = date
    if "GPS" in notes:
        places = map(float, notes["GPS"].split(","))
        for tag, degrees, ends in zip(("Latitude", "Longitude"), places, ("NS", "EW"), strict=True):
            ElementTree.SubElement(about, _qualified(f"exif:GPS{tag}")).text = _angle(degrees, ends)
    if "rating" in notes:
        ElementTree.SubElement(about, _qualified("xmp:Rating")).text = notes["rating"]
    if "keywords" in notes:
        _add_list(about, "dc:subject", "rdf:Bag", notes["keywords"].split("; "))
    if "caption" in notes:
        _add_list(about, "dc:description", "rdf:Alt", [notes["caption"]])
    ElementTree.indent(packet)
    return ElementTree.tostring(packet, encoding="unicode") + "\n"


def _is_writable(kind: str, value: str) -> bool:
    if kind == "date":
        return bool(_iso_date(value))
    if kind == "rating":
        return bool(re.fullmatch(r"-1|[0-5]", value))
    if kind == "GPS":
        return all(
            abs(float(degrees)) <= most
            for degrees, most in zip(value.split(","), (90, 180), strict=True)
        )
    return bool(NOT_IN_XML.sub("", value).strip())


def _qualified(text: str) -> str:
    prefix, _, name = text.partition(":")
    return f"{{{SPACES[prefix]}}}{name}"


def _iso_date(text: str) -> str:
    """Return a date of EXIF or IPTC as XMP writes it, empty if it is none.

    Examples
    --------
    >>> _iso_date("2024:05:31 17:20:09"), _iso_date("20240531"), _iso_date("0000:00:00")
    ('2024-05-31T17:20:09', '2024-05-31', '')
    """
    day = DATE.match(text)
    if not day:
        return ""
    time = TIME.match(text, day.end())
    return "-".join(day.groups()) + ("T" + ":".join(time.groups()) if time else "")


def _angle(degrees: float, ends: str) -> str:
    """Return degrees as XMP writes them: whole degrees, minutes with a fraction, N, S, E or W.

    Examples
    --------
    >>> _angle(-33.5, "NS"), _angle(2.999999999, "EW")
    ('33,30.000000S', '3,0.000000E')
    """
    whole, minutes = divmod(round(abs(degrees) * 60, 6), 60)
    return f"{whole:.0f},{minutes:.6f}{ends[degrees < 0]}"


def _add_list(about: ElementTree.Element, name: str, kind: str, entries: list[str]) -> None:
    box = ElementTree.SubElement(ElementTree.SubElement(about, _qualified(name)), _qualified(kind))
    for entry in entries:
        item = ElementTree.SubElement(box, _qualified("rdf:li"))
        if kind == "rdf:Alt":
            item.set(LANGUAGE, "x-default")
        item.text = NOT_IN_XML.sub("", entry)
