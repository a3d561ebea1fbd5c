"""The table of calls about the storage; a path comes before a wider one that it matches too."""

from __future__ import annotations

from .operation import Operation, Parameter
from .request import in_storage
from .storage_calls import (
    disc_usage,
    file_versions,
    list_stored,
    make_folder,
    object_exists,
    read_file,
    remove_file,
    remove_folder,
    storage_exists,
    store_file,
    transfer,
)

ANY_STORAGE = "accepted and ignored: there is one storage"
STORAGE_NAME = Parameter("storageName", "string", ANY_STORAGE)
VERSION_ID = Parameter("versionId", "string", "`latest`: each file has one version")
TARGET = Parameter("destPath", "string", "the new path in the storage", required=True)
TWO_STORAGES = (
    Parameter("srcStorageName", "string", ANY_STORAGE),
    Parameter("destStorageName", "string", ANY_STORAGE),
)
TOP = "/imaging/storage"

STORAGE_OPERATIONS = (
    Operation(
        "copy_file",
        "PUT",
        f"{TOP}/file/copy/{{srcPath}}",
        "Copy a file; one that has the new name is moved aside.",
        in_storage(transfer(folder=False, move=False)),
        (TARGET, *TWO_STORAGES, VERSION_ID),
    ),
    Operation(
        "move_file",
        "PUT",
        f"{TOP}/file/move/{{srcPath}}",
        "Move a file; one that has the new name is moved aside.",
        in_storage(transfer(folder=False, move=True)),
        (TARGET, *TWO_STORAGES, VERSION_ID),
    ),
    Operation(
        "download_file",
        "GET",
        f"{TOP}/file/{{path}}",
        "Return a file, byte by byte.",
        in_storage(read_file),
        (STORAGE_NAME, VERSION_ID),
        answer="file",
    ),
    Operation(
        "upload_file",
        "PUT",
        f"{TOP}/file/{{path}}",
        "Store a file; one of that name is moved aside.",
        in_storage(store_file),
        (STORAGE_NAME,),
        body="file",
        answer="FilesUploadResult",
    ),
    Operation(
        "delete_file",
        "DELETE",
        f"{TOP}/file/{{path}}",
        "Move a file aside; a second time does nothing.",
        in_storage(remove_file),
        (STORAGE_NAME, VERSION_ID),
    ),
    Operation(
        "copy_folder",
        "PUT",
        f"{TOP}/folder/copy/{{srcPath}}",
        "Copy a folder to a name that is free.",
        in_storage(transfer(folder=True, move=False)),
        (TARGET, *TWO_STORAGES),
    ),
    Operation(
        "move_folder",
        "PUT",
        f"{TOP}/folder/move/{{srcPath}}",
        "Move a folder to a name that is free.",
        in_storage(transfer(folder=True, move=True)),
        (TARGET, *TWO_STORAGES),
    ),
    Operation(
        "get_files_list",
        "GET",
        f"{TOP}/folder/{{path}}",
        "List a folder; an empty path is the whole storage.",
        in_storage(list_stored),
        (STORAGE_NAME,),
        answer="FilesList",
    ),
    Operation(
        "create_folder",
        "PUT",
        f"{TOP}/folder/{{path}}",
        "Make a folder, and those above it.",
        in_storage(make_folder),
        (STORAGE_NAME,),
    ),
    Operation(
        "delete_folder",
        "DELETE",
        f"{TOP}/folder/{{path}}",
        "Move a folder aside; a second time does nothing.",
        in_storage(remove_folder),
        (
            STORAGE_NAME,
            Parameter("recursive", "flag", "true removes a folder that holds something, too"),
        ),
    ),
    Operation(
        "object_exists",
        "GET",
        f"{TOP}/exist/{{path}}",
        "Tell whether there is a file or folder.",
        in_storage(object_exists),
        (STORAGE_NAME, VERSION_ID),
        answer="ObjectExist",
    ),
    Operation(
        "get_file_versions",
        "GET",
        f"{TOP}/version/{{path}}",
        "Return the versions of a file: there is one.",
        in_storage(file_versions),
        (STORAGE_NAME,),
        answer="FileVersions",
    ),
    Operation(
        "get_disc_usage",
        "GET",
        f"{TOP}/disc",
        "Return how full the disk of the storage is.",
        in_storage(disc_usage),
        (STORAGE_NAME,),
        answer="DiscUsage",
    ),
    Operation(
        "storage_exists",
        "GET",
        f"{TOP}/{{storageName}}/exist",
        "Tell that there is a storage; it answers to every name.",
        in_storage(storage_exists),
        answer="StorageExist",
    ),
)
