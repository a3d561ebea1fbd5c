"""What a client sends: a picture or a form, limited in bytes and pixels before a decoder sees it."""

from __future__ import annotations

import io
import json
from typing import NamedTuple
from urllib.parse import parse_qsl

from tornado.httputil import HTTPFile, HTTPInputError, parse_multipart_form_data

from ..engine.decode import UnopenedFormat, UnreadableImage, draft, open_lazily, readable
from .errors import Refused

DECODE_SIDE = 128  # pixels; a JPEG is judged by the size at which it is decoded at least this large
MAX_FIELDS = 1000  # of a form; client libraries send three
RAW_TYPES = ("image/", "application/octet-stream")


class Upload(NamedTuple):
    """A picture that was sent, and the name its sender gave it."""

    data: bytes
    name: str


def read_picture(content_type: str, body: bytes) -> Upload | None:
    """Return the picture in the body of a request, None where there is none.

    Parameters
    ----------
    content_type
        multipart/form-data with the picture as part `imageData`, or as its first file; or image/...
        or application/octet-stream with the picture as it is.

    Raises
    ------
    Refused
        400 for a damaged form, 415 for another type.
    """
    if not body:
        return None  # whatever type is announced: clients send a type without a body
    kind = _kind(content_type)
    if kind.startswith(RAW_TYPES):
        return Upload(body, "")
    if kind != "multipart/form-data":
        raise Refused(
            415,
            "a picture is sent as multipart/form-data, image/... or application/octet-stream, not "
            f"as {kind or 'nothing'}",
            "curl -F imageData=@cat.jpg",
        )
    fields, files = read_form(content_type, body)
    if "imageData" in fields:
        return Upload(fields["imageData"][-1], "")
    sent = files.get("imageData") or [file for group in files.values() for file in group]
    return Upload(sent[0]["body"], sent[0]["filename"]) if sent else None


def check_picture(data: bytes, max_pixels: int) -> None:
    """Raise if a picture is not to be decoded here; only its header is read.

    Raises
    ------
    Refused
        413 for more than `max_pixels` (a JPEG counts with the size it is decoded at), 415 for a
        format that other programs would have to open.
    UnreadableImage
        if it is no picture.
    """
    if not data:
        raise UnreadableImage("the file is empty")
    try:
        with readable(), open_lazily(io.BytesIO(data)) as image:
            width, height = image.size
            draft(image, DECODE_SIDE)
            pixels = image.size[0] * image.size[1]
    except UnopenedFormat as error:
        raise Refused(415, str(error)) from error
    if pixels > max_pixels:
        raise Refused(
            413,
            f"the picture is too large: {width} x {height} pixels, and the limit is "
            f"{max_pixels / 1e6:,.0f} million",
            "SearchContexts.max_pixels sets the limit",
        )


def read_tags(content_type: str, body: bytes) -> list[str]:
    """Return the tags in the body of a request: a JSON list as form field `tags`, or as the whole body.

    Raises
    ------
    Refused
        400 if it is not such a list, 415 for another type.
    """
    kind = _kind(content_type)
    if kind == "application/json":
        texts = [body]
    elif kind in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        fields, files = read_form(content_type, body)
        texts = fields.get("tags", []) + [file["body"] for file in files.get("tags", [])]
    else:
        raise Refused(
            415, f"tags are sent as a form or as application/json, not as {kind or 'nothing'}"
        )
    try:
        tags = json.loads(texts[-1]) if texts else None
    except (ValueError, RecursionError):
        tags = None
    if (
        not isinstance(tags, list)
        or not tags
        or not all(isinstance(tag, str) and tag for tag in tags)
    ):
        raise Refused(400, 'tags must be a JSON list of one or more names, such as ["logo"]')
    return tags


def read_form(
    content_type: str, body: bytes
) -> tuple[dict[str, list[bytes]], dict[str, list[HTTPFile]]]:
    """Return the fields and the files of a form.

    Raises
    ------
    Refused
        400 if it is damaged.
    """
    fields: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    if _kind(content_type) == "application/x-www-form-urlencoded":
        try:  # latin-1 takes any byte there and back
            pairs = parse_qsl(
                body.decode("latin-1"),
                keep_blank_values=True,
                encoding="latin-1",
                max_num_fields=MAX_FIELDS,
            )
        except ValueError as error:
            raise Refused(400, f"the form has more than {MAX_FIELDS:,} fields") from error
        for name, value in pairs:
            fields.setdefault(name, []).append(value.encode("latin-1"))
        return fields, files
    boundary = _boundary(content_type)
    if not boundary:
        raise Refused(400, "a multipart/form-data body needs a boundary in its Content-Type")
    try:
        parse_multipart_form_data(boundary.encode(), body, fields, files)
    except (HTTPInputError, ValueError) as error:
        raise Refused(400, f"the form is damaged: {error}") from error
    return fields, files


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _boundary(content_type: str) -> str:
    for part in content_type.split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name.lower() == "boundary":
            return value
    return ""
