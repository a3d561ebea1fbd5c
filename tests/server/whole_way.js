// The whole way with the official Node client, as `whole_way.py` goes it with the Python client.
// node whole_way.js URL TOKEN FOLDER, with the folder of the client's package in NODE_PATH.

const fs = require("fs");
const path = require("path");
const cloud = require("@asposecloud/aspose-imaging-cloud");

const pairs = (results) => results.map((result) => [result.imageId, result.similarity]);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function main(url, token, folder) {
    const api = new cloud.ImagingApi(token, "anybody", url);
    const { id: searchContextId } = await api.createImageSearch(
        new cloud.CreateImageSearchRequest({ detector: "akaze", matchingAlgorithm: "randomBinaryTree" }),
    );
    const said = {};
    const isStored = async (name) =>
        (await api.objectExists(new cloud.ObjectExistsRequest({ path: name }))).exists;

    const names = fs.readdirSync(folder).sort();
    const added = names.pop();
    for (const name of names) {
        const file = fs.readFileSync(path.join(folder, name));
        await api.uploadFile(new cloud.UploadFileRequest({ path: `node/${name}`, file }));
    }
    const listed = await api.getFilesList(new cloud.GetFilesListRequest({ path: "node" }));
    said.listed = listed.value.map((file) => [file.name, file.isFolder]);

    const imageData = fs.readFileSync(path.join(folder, added));
    const imageId = `node/${added}`;
    await api.addSearchImage(new cloud.AddSearchImageRequest({ searchContextId, imageId, imageData }));
    said["added is stored"] = await isStored(imageId);
    await api.createImageFeatures(
        new cloud.CreateImageFeaturesRequest({ searchContextId, imagesFolder: "node" }),
    );
    const status = new cloud.GetImageSearchStatusRequest({ searchContextId });
    while ((await api.getImageSearchStatus(status)).searchStatus !== "Idle") {
        await pause(100);
    }

    for (const similarityThreshold of [95, 90, 80]) {
        const found = await api.findImageDuplicates(
            new cloud.FindImageDuplicatesRequest({ searchContextId, similarityThreshold }),
        );
        said[`duplicates ${similarityThreshold}`] = found.duplicates.map((group) =>
            pairs(group.duplicateImages),
        );
    }
    const compared = await api.compareImages(
        new cloud.CompareImagesRequest({
            searchContextId,
            imageId1: "node/cat.png",
            imageId2: "node/cat 30.png",
        }),
    );
    said.compare = pairs(compared.results);
    const similar = await api.findSimilarImages(
        new cloud.FindSimilarImagesRequest({
            searchContextId,
            similarityThreshold: 80,
            maxCount: 3,
            imageId: "node/cat.png",
        }),
    );
    said.similar = pairs(similar.results);
    await api.createImageTag(
        new cloud.CreateImageTagRequest({ searchContextId, tagName: "a temple", imageData }),
    );
    const tagged = await api.findImagesByTags(
        new cloud.FindImagesByTagsRequest({
            searchContextId,
            tags: JSON.stringify(["a temple"]),
            similarityThreshold: 60,
            maxCount: 5,
        }),
    );
    said["by tag"] = pairs(tagged.results);
    await api.deleteSearchImage(new cloud.DeleteSearchImageRequest({ searchContextId, imageId }));
    said["deleted is stored"] = await isStored(imageId);
    await api.deleteImageSearch(new cloud.DeleteImageSearchRequest({ searchContextId }));
    await api.getImageSearchStatus(status).catch((error) => {
        said.after = error.statusCode;
    });
    await api.deleteFolder(new cloud.DeleteFolderRequest({ path: "node", recursive: true }));
    said["folder is stored"] = await isStored("node");
    console.log(JSON.stringify(said));
}

main(...process.argv.slice(2)).catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
