"""The whole way with the official Python client: from an empty context to its deletion.

Run by a test as a program of its own, `whole_way.py URL TOKEN FOLDER`, with the library on
PYTHONPATH; prints what came back as JSON. `whole_way.js` does the same with the Node client.
"""

import json
import os
import sys
import time


def pairs(results):
    return [[result.image_id, result.similarity] for result in results]


def main(url, token, folder):
    from asposeimagingcloud import ImagingApi
    from asposeimagingcloud.models import requests as ask
    from asposeimagingcloud.rest import ApiException

    api = ImagingApi(token, "anybody", base_url=url)
    context = api.create_image_search(
        ask.CreateImageSearchRequest(detector="akaze", matching_algorithm="randomBinaryTree")
    ).id
    said = {}

    *stored, added = sorted(os.listdir(folder))
    for name in stored:
        api.upload_file(ask.UploadFileRequest(f"python/{name}", os.path.join(folder, name)))
    listed = api.get_files_list(ask.GetFilesListRequest("python")).value
    said["listed"] = [[file.name, file.is_folder] for file in listed]

    whole = os.path.join(folder, added)
    api.add_search_image(
        ask.AddSearchImageRequest(context, image_id=f"python/{added}", image_data=whole)
    )
    said["added is stored"] = api.object_exists(ask.ObjectExistsRequest(f"python/{added}")).exists
    api.create_image_features(ask.CreateImageFeaturesRequest(context, images_folder="python"))
    status = ask.GetImageSearchStatusRequest(context)
    while api.get_image_search_status(status).search_status != "Idle":
        time.sleep(0.1)

    for threshold in (95, 90, 80):
        found = api.find_image_duplicates(ask.FindImageDuplicatesRequest(context, threshold))
        said[f"duplicates {threshold}"] = [
            pairs(group.duplicate_images) for group in found.duplicates
        ]
    said["compare"] = pairs(
        api.compare_images(
            ask.CompareImagesRequest(context, "python/cat.png", image_id2="python/cat 30.png")
        ).results
    )
    said["similar"] = pairs(
        api.find_similar_images(
            ask.FindSimilarImagesRequest(context, 80, 3, image_id="python/cat.png")
        ).results
    )
    api.create_image_tag(ask.CreateImageTagRequest(whole, context, "a temple"))
    said["by tag"] = pairs(
        api.find_images_by_tags(
            ask.FindImagesByTagsRequest(json.dumps(["a temple"]), context, 60, 5)
        ).results
    )
    api.delete_search_image(ask.DeleteSearchImageRequest(context, f"python/{added}"))
    said["deleted is stored"] = api.object_exists(ask.ObjectExistsRequest(f"python/{added}")).exists
    api.delete_image_search(ask.DeleteImageSearchRequest(context))
    try:
        api.get_image_search_status(status)
    except ApiException as error:
        said["after"] = error.code
    api.delete_folder(ask.DeleteFolderRequest("python", recursive=True))
    said["folder is stored"] = api.object_exists(ask.ObjectExistsRequest("python")).exists
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
