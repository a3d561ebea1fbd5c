"""Reads pictures and forms that a client sent; checks their size before they are decoded."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import parse_qsl

from tornado.httputil import HTTPFile, HTTPInputError, parse_multipart_form_data

from ..engine.decode import (
    UnopenedFormat,
    UnreadableImage,
    check_size,
    grey_as_seen,
    open_image,
    open_lazily,
    read_plain_jpeg,
    readable,
)
from ..engine.isolation import Isolated
from .errors import Refused

MIN_DECODED_SIDE = 128  # pixels; a JPEG counts with the reduced size at which it is decoded
MAX_FIELDS = 1000  # of a form; client libraries send three
RAW_TYPES = ("image/", "application/octet-stream")


class Upload(NamedTuple):
    """A picture that was sent, and the file name that came with it."""

    data: bytes
    name: str


def read_picture(content_type: str, body: bytes) -> Upload | None:
    """Return the picture in the body of a request, or None.

    Parameters
    ----------
    content_type
        multipart/form-data: the picture is the part `imageData`, or the first file. image/... or
        application/octet-stream: the picture is the whole body.

    Raises
    ------
    Refused
        400 for a damaged form, 415 for another type.
    """
    if not body:
        return None  # clients announce a type even without a body
    kind = _media_type(content_type)
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


def read_contents(content_type: str, body: bytes) -> bytes:
    """Return the file in the body of a request for the storage.

    Parameters
    ----------
    content_type
        multipart/form-data: the part `File`, or the first file. Anything else: the whole body.

    Raises
    ------
    Refused
        400 if there is none.
    """
    if _media_type(content_type) == "multipart/form-data":
        fields, files = read_form(content_type, body)
        sent = files.get("File") or [file for group in files.values() for file in group]
        if sent:
            return sent[0]["body"]
        body = b"".join(fields.get("File", [])[-1:])
    if not body:
        raise Refused(
            400, "the file is needed, as the part File of a form or as the body of the request"
        )
    return body


def check_picture(data: bytes, max_pixels: int) -> None:
    """Raise if a picture must not be decoded here; only its header is read.

    Raises
    ------
    Refused
        413 for more than `max_pixels` (a JPEG counts with the size at which it is decoded). Also
        413 if it needs more memory or time than `engine.limits` allows. 415 for a format that is
        never opened.
    UnreadableImage
        if it is not a picture.
    """
    if not data:
        raise UnreadableImage("the file is empty")
    problem = ""
    try:
        with readable(), open_lazily(io.BytesIO(data)) as image:
            try:
                check_size(image, MIN_DECODED_SIDE, max_pixels, "RGB")
            except UnreadableImage as error:
                problem = str(error).partition(" (")[0]
    except UnopenedFormat as error:
        raise Refused(415, str(error)) from error
    if problem:
        way_out = "SearchContexts.max_pixels sets the limit"
        raise Refused(413, f"the picture is refused, {problem}", way_out)


class Trial:
    """Decodes uploads in a worker process before this process does, so that it is not ended.

    The worker is kept for the next upload; it starts at the first.
    """

    def __init__(self) -> None:
        self._problems = Isolated(try_pictures, _tell)

    def check(self, data: bytes, max_pixels: int) -> None:
        """Raise UnreadableImage if decoding a picture ends a process or takes over 10 seconds.

        What else is wrong with it is no matter here: this process can find that by itself.
        """
        [problem] = self._problems([(data, max_pixels)])
        if problem:
            raise UnreadableImage(problem)

    def close(self) -> None:
        """End the worker."""
        self._problems.close()


def try_pictures(pictures: Sequence[tuple[bytes, int]]) -> list[str]:
    """Decode pictures, each with its max_pixels, in the ways that a collection does."""
    for data, max_pixels in pictures:
        with suppress(UnreadableImage, Refused):
            check_picture(data, max_pixels)
            side = MIN_DECODED_SIDE
            read_plain_jpeg(data, min_side=side, max_pixels=max_pixels)
            with readable(), open_lazily(io.BytesIO(data)) as image:
                grey_as_seen(image, min_side=side, max_pixels=max_pixels)
            open_image(io.BytesIO(data), min_side=side, max_pixels=max_pixels)
    return [""] * len(pictures)


def _tell(_picture: tuple[bytes, int], problem: str) -> str:
    return problem


def read_tag_list(content_type: str, body: bytes) -> list[str]:
    """Return the tags in a body: a JSON list, as form field `tags` or as the whole body.

    Raises
    ------
    Refused
        400 if it is not such a list, 415 for another type.
    """
    kind = _media_type(content_type)
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
        400 if it is damaged or has too many fields.
    """
    fields: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    if _media_type(content_type) == "application/x-www-form-urlencoded":
        try:  # latin-1 decodes and encodes every byte
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


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _boundary(content_type: str) -> str:
    for part in content_type.split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name.lower() == "boundary":
            return value
    return ""
