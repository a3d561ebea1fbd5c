"""The table of calls about search contexts, from which routes and their description are made."""

from __future__ import annotations

from .image_calls import (
    add_image,
    create,
    create_features,
    delete,
    delete_features,
    delete_image,
    extract_features,
    get_features,
    get_image,
    put_features,
    put_image,
    refuse_web_site,
    status,
)
from .operation import Operation, Parameter
from .questions import add_tag, compare, find_by_tags, find_duplicates, find_similar
from .request import in_context

IMAGE_ID = Parameter("imageId", "string", "path of the image in the storage, or in its context")
NEEDED_ID = Parameter("imageId", "string", IMAGE_ID.meaning, required=True)
THRESHOLD = Parameter(
    "similarityThreshold", "percent", "similarity in percent, inclusive", required=True
)
MAX_COUNT = Parameter(
    "maxCount", "count", "number of results, the most similar first; all if not sent"
)
CASING = Parameter(
    "casing",
    "string",
    "sdk: as client libraries read it; tutorial: as the tutorial prints it",
    choices=("sdk", "tutorial"),
)
CONTEXT = "/imaging/ai/imageSearch/{searchContextId}"

SEARCH_OPERATIONS = (
    Operation(
        "create_image_search",
        "POST",
        "/imaging/ai/imageSearch/create",
        "Make an empty search context.",
        create,
        (
            Parameter(
                "detector",
                "string",
                "accepted and ignored: the setting SearchContexts.method decides",
            ),
            Parameter(
                "matchingAlgorithm", "string", "accepted and ignored: all pairs are searched"
            ),
        ),
        answer="SearchContextStatus",
    ),
    Operation(
        "get_image_search_status",
        "GET",
        f"{CONTEXT}/status",
        "Return what a context is doing, and its progress.",
        status,
        answer="SearchContextStatus",
    ),
    Operation(
        "delete_image_search",
        "DELETE",
        CONTEXT,
        "Move a context aside; later calls on it fail.",
        delete,
    ),
    Operation(
        "add_search_image",
        "POST",
        f"{CONTEXT}/image",
        "Store a picture and index it.",
        in_context(add_image, "ExtractingFeatures"),
        (IMAGE_ID,),
        body="image",
    ),
    Operation(
        "get_search_image",
        "GET",
        f"{CONTEXT}/image",
        "Return a picture, byte by byte.",
        in_context(get_image),
        (NEEDED_ID,),
        answer="file",
    ),
    Operation(
        "update_search_image",
        "PUT",
        f"{CONTEXT}/image",
        "Store a picture in place of the one before, or as a new one.",
        in_context(put_image, "ExtractingFeatures"),
        (IMAGE_ID,),
        body="image",
    ),
    Operation(
        "delete_search_image",
        "DELETE",
        f"{CONTEXT}/image",
        "Remove an image; delete its file if it was uploaded.",
        in_context(delete_image),
        (NEEDED_ID,),
    ),
    Operation(
        "create_image_features",
        "POST",
        f"{CONTEXT}/features",
        "Index one image, or a folder in the background.",
        create_features,
        (
            IMAGE_ID,
            Parameter(
                "imagesFolder", "string", "a folder of the storage or context, `.` for all of it"
            ),
        ),
        body="image",
    ),
    Operation(
        "create_web_site_image_features",
        "POST",
        f"{CONTEXT}/features/web",
        "Always refused: this server fetches nothing.",
        refuse_web_site,
        (Parameter("imagesSource", "string", "address of a web site"),),
    ),
    Operation(
        "get_image_features",
        "GET",
        f"{CONTEXT}/features",
        "Return the fingerprint of an image.",
        in_context(get_features),
        (NEEDED_ID,),
        answer="ImageFeatures",
    ),
    Operation(
        "update_image_features",
        "PUT",
        f"{CONTEXT}/features",
        "Read an image again, or take the features of a picture that is sent.",
        in_context(put_features, "ExtractingFeatures"),
        (IMAGE_ID,),
        body="image",
    ),
    Operation(
        "delete_image_features",
        "DELETE",
        f"{CONTEXT}/features",
        "Remove an image from the context and keep its file.",
        in_context(delete_features),
        (NEEDED_ID,),
    ),
    Operation(
        "extract_image_features",
        "GET",
        f"{CONTEXT}/image2features",
        "Return the fingerprint of a picture without adding it.",
        in_context(extract_features, "ExtractingFeatures"),
        (IMAGE_ID,),
        body="image",
        answer="ImageFeatures",
    ),
    Operation(
        "find_similar_images",
        "GET",
        f"{CONTEXT}/findSimilar",
        "Find the images most similar to a picture.",
        in_context(find_similar),
        (THRESHOLD, MAX_COUNT, IMAGE_ID),
        body="image",
        answer="SearchResultsSet",
    ),
    Operation(
        "find_image_duplicates",
        "GET",
        f"{CONTEXT}/findDuplicates",
        "Compare all images with all, and group the duplicates.",
        in_context(find_duplicates, "MatchingFeatures"),
        (THRESHOLD, CASING),
        answer="ImageDuplicatesSet",
    ),
    Operation(
        "find_images_by_tags",
        "POST",
        f"{CONTEXT}/findByTags",
        "Find the images most similar to the pictures of tags.",
        in_context(find_by_tags),
        (THRESHOLD, MAX_COUNT),
        body="tags",
        answer="SearchResultsSet",
    ),
    Operation(
        "create_image_tag",
        "POST",
        f"{CONTEXT}/addTag",
        "Keep a picture as the reference of a tag.",
        in_context(add_tag),
        (
            Parameter(
                "tagName",
                "string",
                "name of the tag; one that exists gets the new picture",
                required=True,
            ),
        ),
        body="image",
    ),
    Operation(
        "compare_images",
        "POST",
        f"{CONTEXT}/compare",
        "Compare an image with another one.",
        in_context(compare),
        (
            Parameter("imageId1", "string", "an image of the context", required=True),
            Parameter("imageId2", "string", "another image, or send a picture"),
        ),
        body="image",
        answer="SearchResultsSet",
    ),
)
