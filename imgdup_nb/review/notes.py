"""The notes in a file about its picture, by kind: date, GPS, camera, caption, rating and so on."""

from __future__ import annotations

import io
import os
import re
import zlib
from typing import Any

from PIL import ExifTags, Image, ImageFile

from ..engine.jpeg import read_jpeg_frame

MIN_APPENDED = 1024  # bytes behind the end of a picture that are more than filling
MAX_SRGB_CHANGE = 64  # levels by which a profile that is called sRGB or grey may change a colour
NOT_AS_CALLED = " (by its name, and not by its colours)"
EXIF, GPS = ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo
CAMERA_SETTINGS = {
    33434,
    33437,
    34855,
    37377,
    37378,
    37386,
    42036,
}  # exposure, aperture, lens and so on
MAKER_NOTE, USER_COMMENT = 37500, 37510
# what cameras and programs write into every file, which says nothing of the picture
FILLERS = re.compile(
    r"^(OLYMPUS DIGITAL CAMERA|SONY DSC|DCIM|KONICA MINOLTA DIGITAL CAMERA|default|untitled|"
    r"CREATOR: gd-jpeg.*|Lavc.*|File written by.*|Created with.*|Intel\(R\).*|LEAD Technologies.*|"
    r"\s*)$",
    re.IGNORECASE | re.DOTALL,
)
# text chunks of PNG that programs write
PROGRAM_TEXTS = {
    "software", "date:create", "date:modify", "date:timestamp", "creation time",
    "xml:com.adobe.xmp", "raw profile type exif", "raw profile type iptc", "raw profile type xmp",
    "raw profile type app1", "raw profile type icm", "raw profile type icc",
}  # fmt: skip
XMP_MARKS = {
    "gain map": re.compile(r"hdrgm:|HDRGainMap"),
    "depth map": re.compile(r"GDepth:|DepthMap|Device:Container"),
    "moving picture": re.compile(r"MotionPhoto|MicroVideo"),
    "faces": re.compile(r"mwg-rs:Regions|MPReg:|MPRI:"),
    "panorama": re.compile(r"GPano:"),
    "development": re.compile(r"crs:(?!RawFileName)\w|darktable:history"),
}
# where file managers of Linux keep what people write about a file, outside its bytes
FILE_TAGS = {
    "user.xdg.tags": "keywords", "user.xdg.comment": "caption", "user.xdg.creator": "author",
    "user.baloo.rating": "rating",
}  # fmt: skip
IPTC_KINDS = {
    (2, 120): "caption", (2, 5): "caption", (2, 105): "caption", (2, 25): "keywords",
    (2, 80): "author", (2, 116): "author", (2, 55): "date",
}  # fmt: skip


def read_notes(image: ImageFile.ImageFile, path: str = "") -> dict[str, str]:
    """Return the notes of a lazily opened file: kind -> its value as a text.

    Kinds: date, GPS, camera, exposure, maker notes, caption, keywords, rating, author, faces,
    development, gain map, depth map, moving picture, panorama, text, colour profile, appended data
    (behind the end of the picture: an archive, a film). What only describes how the pixels are
    stored, or which program wrote the file, is no note. Damaged notes count as none. With `path`,
    the tags of the file come first: see `read_file_tags`.
    """
    found = read_file_tags(path) if path else {}
    # the file is closed when the texts of a PNG are asked for
    for read in (_from_behind, _from_exif, _from_iptc, _from_xmp, _from_texts, _from_info):
        try:
            for kind, value in read(image).items():
                found.setdefault(kind, value)
        except Exception:  # damaged, in one of a hundred ways: the picture is good all the same
            continue
    return found


def read_file_tags(path: str) -> dict[str, str]:
    """Return what extended attributes say of a file: keywords, caption, author, rating (1 to 5).

    Dolphin and other file managers of Linux write them. On other systems there are none to read.
    """
    if not hasattr(os, "listxattr"):  # not of Linux
        return {}
    found = {}
    try:
        for name in set(os.listxattr(path)) & set(FILE_TAGS):
            value = os.getxattr(path, name).decode("utf-8", "replace").strip("\0 ")
            found[FILE_TAGS[name]] = value
    except (OSError, ValueError):  # not on this disk, or no file of a disk
        return {}
    if "keywords" in found:
        found["keywords"] = _keywords(found["keywords"].split(","))
    if "rating" in found:  # of ten half stars
        half_stars = found["rating"]
        found["rating"] = str(-(-int(half_stars) // 2)) if half_stars.isdecimal() else ""
    return {kind: found[kind] for kind in sorted(found) if found[kind] not in {"", "0"}}


def _from_exif(image: Image.Image) -> dict[str, str]:
    exif = image.getexif()
    if not exif:
        return {}
    details, place = exif.get_ifd(EXIF), exif.get_ifd(GPS)
    notes = {
        "date": _date(details.get(36867) or details.get(36868)),
        "GPS": _place(place),
        "camera": " ".join(_exif_text(exif.get(tag)) for tag in (271, 272)).strip(),
        "exposure": "yes" if CAMERA_SETTINGS & set(details) else "",
        "maker notes": "yes" if details.get(MAKER_NOTE) else "",
        "caption": _caption(
            exif.get(270), details.get(USER_COMMENT), *map(exif.get, (40091, 40092, 40095))
        ),
        "keywords": _keywords(_exif_text(exif.get(40094)).split(";")),
        "rating": str(exif.get(18246) or ""),
        "author": "; ".join(
            filter(None, (_exif_text(exif.get(tag)) for tag in (315, 33432, 40093)))
        ),
    }
    return {kind: value for kind, value in notes.items() if value}


def _date(value: Any) -> str:
    text = _exif_text(value)
    return text if re.match(r"[12]\d{3}[:-]\d\d[:-]\d\d", text) else ""


def _place(place: dict[int, Any]) -> str:
    """Return latitude and longitude in degrees, to five places: about a metre."""
    try:
        degrees = [sum(float(part) / 60**k for k, part in enumerate(place[tag])) for tag in (2, 4)]
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return ""
    signs = [-1 if str(place.get(tag, "")).upper() in {"S", "W"} else 1 for tag in (1, 3)]
    return ", ".join(f"{sign * value:.5f}" for sign, value in zip(signs, degrees, strict=True))


def _exif_text(value: Any) -> str:
    """Return a text of EXIF, which may be bytes of several encodings."""
    if isinstance(value, tuple | list):
        value = bytes(value) if all(isinstance(part, int) for part in value) else value[0]
    if isinstance(value, bytes):
        if value[:8] in {b"ASCII\0\0\0", b"UNICODE\0", b"JIS\0\0\0\0\0"}:
            value = value[8:].replace(b"\0", b"")
        elif b"\0" in value[:-1]:
            value = value.decode("utf-16-le", "replace")
        else:
            value = value.decode("utf-8", "replace")
    return "" if value is None else str(value).strip("\0 \n\r\t")


def _caption(*values: Any) -> str:
    texts = [text for text in map(_exif_text, values) if not FILLERS.match(text)]
    return "; ".join(dict.fromkeys(texts))


def _keywords(words: list[str]) -> str:
    return "; ".join(sorted({word.strip() for word in words if word.strip()}))


def _from_iptc(image: ImageFile.ImageFile) -> dict[str, str]:
    if "photoshop" not in image.info and image.format != "TIFF":
        return {}
    from PIL import IptcImagePlugin  # late: see engine/reading

    found: dict[str, list[str]] = {}
    for key, value in (IptcImagePlugin.getiptcinfo(image) or {}).items():
        if kind := IPTC_KINDS.get(key):
            parts = value if isinstance(value, list) else [value]
            found.setdefault(kind, []).extend(map(_exif_text, parts))
    notes = {
        kind: _keywords(words) if kind == "keywords" else "; ".join(filter(None, words))
        for kind, words in found.items()
    }
    return {kind: value for kind, value in notes.items() if value}


def _from_xmp(image: Image.Image) -> dict[str, str]:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or ""
    text = packet.decode("utf-8", "replace") if isinstance(packet, bytes) else str(packet)
    if not text:
        return {}
    notes = {kind: "yes" for kind, mark in XMP_MARKS.items() if mark.search(text)}
    rating = re.search(r"xmp:Rating\s*(?:=\s*[\"']|>)\s*(-?\d)", text)
    values = {
        "rating": rating[1] if rating and rating[1] != "0" else "",
        "keywords": _keywords(
            _listed_entries(text, "dc:subject") + _listed_entries(text, "lr:hierarchicalSubject")
        ),
        "caption": _caption(
            *_listed_entries(text, "dc:description"), *_listed_entries(text, "dc:title")
        ),
        "author": "; ".join(
            _listed_entries(text, "dc:creator") + _listed_entries(text, "dc:rights")
        ),
    }
    return notes | {kind: value for kind, value in values.items() if value}


def _listed_entries(text: str, name: str) -> list[str]:
    """Return the entries of a list in an XMP packet."""
    import html

    whole = re.search(rf"<{name}\b[^>]*>(.*?)</{name}>", text, re.DOTALL)
    if not whole:
        return []
    return [
        html.unescape(entry).strip()
        for entry in re.findall(r"<rdf:li\b[^>]*>(.*?)</rdf:li>", whole[1], re.DOTALL)
        if entry.strip()
    ]


def _from_texts(image: Image.Image) -> dict[str, str]:
    """Return the text chunks of a PNG and the comment of a JPEG or GIF."""
    texts = {
        key: str(value)
        for key, value in (getattr(image, "text", None) or {}).items()
        if key.lower() not in PROGRAM_TEXTS
    }
    comment = _exif_text(image.info.get("comment"))
    if comment and not FILLERS.match(comment):
        texts["comment"] = comment
    told = {
        key: value
        for key, value in texts.items()
        if value.strip() and not FILLERS.match(value) and not key.startswith("exif:")
    }
    return {"text": "; ".join(f"{key}: {told[key]}" for key in sorted(told))} if told else {}


def _from_info(image: Image.Image) -> dict[str, str]:
    notes = {}
    if image.info.get("depth_images"):
        notes["depth map"] = "yes"
    if any("gainmap" in str(name).lower().replace("_", "") for name in image.info.get("aux") or {}):
        notes["gain map"] = "yes"
    if profile := _profile(image):
        notes["colour profile"] = profile
    return notes


def _from_behind(image: ImageFile.ImageFile) -> dict[str, str]:
    """Tell of what a JPEG, PNG or WebP holds behind its end: no viewer shows that."""
    if image.format not in ENDS or image.fp is None:
        return {}
    position = image.fp.tell()
    image.fp.seek(0)
    stored = image.fp.read()
    image.fp.seek(position)
    end = ENDS[image.format](stored)
    behind = stored[end:].strip(b"\0 \r\n\xff") if end > 0 else b""
    if len(behind) < MIN_APPENDED:
        return {}
    if b"MotionPhoto_Data" in behind:
        return {"moving picture": "yes"}
    return {"appended data": f"{len(behind)} bytes, {zlib.crc32(behind):08x}"}


def _end_of_jpeg(stored: bytes) -> int:
    """Return where a JPEG ends; -1 if it does not. The codes of its pixels hold no such mark."""
    file = io.BytesIO(stored)
    if read_jpeg_frame(file) is None:
        return -1
    place = stored.find(b"\xff\xd9", file.tell())
    return place + 2 if place >= 0 else -1


def _end_of_png(stored: bytes) -> int:
    place = stored.find(b"\0\0\0\0IEND\xaeB`\x82")
    return place + 12 if place >= 0 else -1


def _end_of_webp(stored: bytes) -> int:
    return 8 + int.from_bytes(stored[4:8], "little")


ENDS = {"JPEG": _end_of_jpeg, "PNG": _end_of_png, "WEBP": _end_of_webp}


def _profile(image: Image.Image) -> str:
    """Return the name of a colour profile that is not sRGB, nor plain grey."""
    from PIL import ImageCms

    from ..engine.profiles import change_by_profile, stored_profile

    stored = stored_profile(image)
    if not stored:
        return ""
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(stored))).strip()
    except Exception:  # damaged: nobody uses it
        return ""
    plain = re.search(r"s\s?rgb|\bc2\b|gr[ae]y|dot gain|gamma 2\.2", name, re.IGNORECASE)
    if plain and change_by_profile(stored, image.mode) > MAX_SRGB_CHANGE:
        return f"{name}{NOT_AS_CALLED}"
    return "" if plain else name or "unnamed"
