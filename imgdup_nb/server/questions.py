"""Questions about the images of a context: similar ones, duplicates, tags, comparison."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..collection.collection import Collection
from .errors import Refused
from .image_calls import no_picture, read_example, read_image
from .request import Request

LOW = 70.0  # percent; below it more and more unrelated images count as similar
MAX_PAIRS_BELOW = 20_000_000  # pairs that are compared below it


def find_similar(collection: Collection, request: Request) -> dict[str, Any]:
    """Return the images most similar to a picture.

    In a context over the storage, an image of it is found, too, as the cloud service finds it.
    """
    most, image_id = request.given["maxCount"], request.given["imageId"]
    threshold = request.given["similarityThreshold"]
    found = collection.find_similar(
        read_example(collection, request), threshold=threshold, method=request.method
    )
    if request.upload is None and not request.contexts.is_over_storage(request.context_id):
        found = found[found.image != image_id]
    return _results(found.head(most) if most is not None else found)


def find_duplicates(collection: Collection, request: Request) -> dict[str, Any]:
    """Return the groups of duplicates, the original of each first."""
    threshold, n = request.given["similarityThreshold"], len(collection)
    if threshold < LOW and n * (n - 1) // 2 > MAX_PAIRS_BELOW:
        raise Refused(
            400,
            f"below {LOW:g} % nearly all pairs of {n:,} images may count as similar: too many for "
            "one answer",
            f"use similarityThreshold={LOW:g} or more",
        )
    groups = collection.find_duplicates(threshold, method=request.method)
    return groups.to_response(request.given["casing"] or "sdk")


def find_by_tags(collection: Collection, request: Request) -> dict[str, Any]:
    """Return the images most similar to the pictures of any of these tags."""
    unknown = sorted(set(request.tags) - set(collection.tags.tag))
    if unknown:
        raise Refused(
            404,
            f"no tag {unknown[0]!r} in this context",
            "POST .../addTag?tagName=... with a picture makes one",
        )
    threshold, most = request.given["similarityThreshold"], request.given["maxCount"]
    return _results(
        collection.find_by_tags(
            request.tags, threshold=threshold, max_count=most, method=request.method
        )
    )


def add_tag(collection: Collection, request: Request) -> None:
    """Keep a picture as the reference of a tag."""
    if request.upload is None:
        raise no_picture("imageData is needed: the picture that the tag stands for")
    collection.tag(request.given["tagName"], request.upload.data)


def compare(collection: Collection, request: Request) -> dict[str, Any]:
    """Return the similarity of an image of the context and another image or picture."""
    one, other = read_image(collection, request.given["imageId1"]), request.given["imageId2"]
    if request.upload is not None:
        name, picture = other or request.upload.name, request.upload.data
    elif other is not None:
        name, picture = other, read_image(collection, other)
    else:
        raise no_picture("imageId2, or the second picture as imageData, is needed")
    table = collection.compare(one, picture, methods=[request.method])
    return {"results": [{"imageId": name, "similarity": float(table.similarity[0])}]}


def _results(found: pd.DataFrame) -> dict[str, Any]:
    rows = zip(found.image, found.similarity, strict=True)
    return {
        "results": [
            {"imageId": image, "similarity": float(similarity)} for image, similarity in rows
        ]
    }
