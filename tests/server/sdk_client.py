"""Calls of the official client library: create, add, ask, tag, delete.

Run by a test as a program of its own, `sdk_client.py URL TOKEN FOLDER`, with the library on
PYTHONPATH; prints what came back as JSON.
"""

import json
import os
import sys


def pairs(results):
    return [[result.image_id, result.similarity] for result in results]


def main(url, token, folder):
    from asposeimagingcloud import ImagingApi
    from asposeimagingcloud.models import requests as ask
    from asposeimagingcloud.rest import ApiException

    def file_of(name):
        return os.path.join(folder, name)

    def status_of(call, request):
        """Return the status and the error that a call is refused with."""
        try:
            call(request)
        except ApiException as error:
            return [error.code, error.error.code]
        return [200, ""]

    api = ImagingApi(token, "anybody", base_url=url)
    context = api.create_image_search(
        ask.CreateImageSearchRequest(detector="akaze", matching_algorithm="randomBinaryTree")
    ).id
    said = {"context": context}

    for name in ["cat.png", "cat small.png", "dog.png", "dog again.png"]:
        api.add_search_image(
            ask.AddSearchImageRequest(context, image_id=name, image_data=file_of(name))
        )
    said["status"] = api.get_image_search_status(
        ask.GetImageSearchStatusRequest(context)
    ).search_status
    found = api.find_image_duplicates(ask.FindImageDuplicatesRequest(context, 90.0))
    said["duplicates"] = [pairs(group.duplicate_images) for group in found.duplicates]
    said["compare"] = pairs(
        api.compare_images(
            ask.CompareImagesRequest(context, "cat.png", image_id2="cat small.png")
        ).results
    )
    said["compare outside"] = pairs(
        api.compare_images(
            ask.CompareImagesRequest(context, "cat.png", image_data=file_of("tree.png"))
        ).results
    )
    said["similar"] = pairs(
        api.find_similar_images(
            ask.FindSimilarImagesRequest(context, 90.0, 3, image_id="cat.png")
        ).results
    )
    api.create_image_tag(ask.CreateImageTagRequest(file_of("cat.bmp"), context, "a cat"))
    said["by tag"] = pairs(
        api.find_images_by_tags(
            ask.FindImagesByTagsRequest(json.dumps(["a cat"]), context, 90.0, 5)
        ).results
    )
    features = api.get_image_features(ask.GetImageFeaturesRequest(context, "cat.png"))
    said["features"] = [
        features.image_id,
        features.features_count,
        features.feature_length_in_bits,
        features.features,
    ]
    extracted = api.extract_image_features(
        ask.ExtractImageFeaturesRequest(context, image_id="cat.png")
    )
    said["extracted alike"] = extracted.features == features.features
    with (
        open(
            api.get_search_image(ask.GetSearchImageRequest(context, "cat small.png")), "rb"
        ) as got,
        open(file_of("cat small.png"), "rb") as own,
    ):
        said["same bytes"] = got.read() == own.read()
    api.update_search_image(
        ask.UpdateSearchImageRequest(context, "cat.png", image_data=file_of("tree.png"))
    )
    said["after update"] = pairs(
        api.compare_images(
            ask.CompareImagesRequest(context, "cat.png", image_data=file_of("tree.png"))
        ).results
    )
    api.delete_image_features(ask.DeleteImageFeaturesRequest(context, "dog.png"))
    said["without features"] = status_of(
        api.get_image_features, ask.GetImageFeaturesRequest(context, "dog.png")
    )
    api.create_image_features(ask.CreateImageFeaturesRequest(context, image_id="dog.png"))
    said["with features"] = status_of(
        api.get_image_features, ask.GetImageFeaturesRequest(context, "dog.png")
    )
    api.update_image_features(ask.UpdateImageFeaturesRequest(context, "dog.png"))
    api.create_image_features(ask.CreateImageFeaturesRequest(context, images_folder="."))
    for _ in range(2):
        api.delete_search_image(ask.DeleteSearchImageRequest(context, "dog.png"))
    said["deleted"] = status_of(api.get_search_image, ask.GetSearchImageRequest(context, "dog.png"))
    said["web"] = status_of(
        api.create_web_site_image_features,
        ask.CreateWebSiteImageFeaturesRequest(context, "http://localhost"),
    )
    api.delete_image_search(ask.DeleteImageSearchRequest(context))
    said["gone"] = status_of(api.get_image_search_status, ask.GetImageSearchStatusRequest(context))
    said["version"] = api.api_client.default_headers["x-aspose-version"]
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
