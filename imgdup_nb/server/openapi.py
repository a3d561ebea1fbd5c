"""The table of operations as an OpenAPI description for programs."""

from __future__ import annotations

from typing import Any

from .operation import Operation, Parameter
from .operations import OPERATIONS

API_VERSION = "3.0"
KIND_SCHEMAS: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "percent": {"type": "number", "minimum": 0, "maximum": 100},
    "count": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    "flag": {"type": "boolean"},
}
NAME_SCHEMA = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9 _-]{0,98}$"}
PATH_SCHEMA = {"type": "string", "minLength": 1}
IN_PATH = {  # the parameters in paths: what they mean, and their values
    "searchContextId": (
        "returned by create; or the name of a folder of pictures below the root",
        NAME_SCHEMA,
    ),
    "storageName": ("any name: there is one storage", NAME_SCHEMA),
    "path": ("a path in the storage, `/` between folders", PATH_SCHEMA),
    "srcPath": ("the path in the storage that is copied or moved", PATH_SCHEMA),
}


def _object(needed: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(needed), "properties": {**needed, **more}}


def _list_of(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


TEXT, WHOLE_NUMBER, PERCENT = (
    {"type": "string"},
    {"type": "integer", "minimum": 0},
    KIND_SCHEMAS["percent"],
)
FLAG = KIND_SCHEMAS["flag"]
STORED = {
    "name": TEXT,
    "isFolder": FLAG,
    "modifiedDate": {"type": "string", "format": "date-time"},
    "size": WHOLE_NUMBER,
    "path": TEXT,
}
STATES = ["Idle", "ExtractingFeatures", "MatchingFeatures", "Searching"]
SCHEMAS: dict[str, Any] = {
    "SearchContextStatus": _object(
        {"id": TEXT, "searchStatus": {"type": "string", "enum": STATES}},
        done=WHOLE_NUMBER,
        total=WHOLE_NUMBER,
        method=TEXT,
    ),
    "ImageFeatures": _object(
        {
            "imageId": TEXT,
            "featuresCount": WHOLE_NUMBER,
            "featureLengthInBits": WHOLE_NUMBER,
            "features": {"type": "string", "format": "byte"},
        }
    ),
    "SearchResult": _object({"imageId": TEXT, "similarity": PERCENT}),
    "SearchResultsSet": _object({"results": _list_of("SearchResult")}),
    "ImageDuplicates": _object({"duplicateImages": _list_of("SearchResult")}),
    "SdkDuplicatesSet": _object({"duplicates": _list_of("ImageDuplicates")}),
    "TutorialResult": _object({"ImageId": TEXT, "Similarity": PERCENT}),
    "TutorialDuplicates": _object({"duplicatesInGroup": _list_of("TutorialResult")}),
    "TutorialDuplicatesSet": _object(
        {"Duplicates": _list_of("TutorialDuplicates"), "Code": WHOLE_NUMBER, "Status": TEXT}
    ),
    "ImageDuplicatesSet": {
        "oneOf": [
            {"$ref": "#/components/schemas/SdkDuplicatesSet"},
            {"$ref": "#/components/schemas/TutorialDuplicatesSet"},
        ]
    },
    "StorageFile": _object(STORED),
    "FilesList": _object({"value": _list_of("StorageFile")}),
    "FileVersion": _object({**STORED, "versionId": TEXT, "isLatest": FLAG}),
    "FileVersions": _object({"value": _list_of("FileVersion")}),
    "FilesUploadResult": _object(
        {"uploaded": {"type": "array", "items": TEXT}, "errors": _list_of("Error")}
    ),
    "ObjectExist": _object({"exists": FLAG, "isFolder": FLAG}),
    "StorageExist": _object({"exists": FLAG}),
    "DiscUsage": _object({"usedSize": WHOLE_NUMBER, "totalSize": WHOLE_NUMBER}),
    "Error": _object({"error": _object({"code": TEXT, "message": TEXT, "description": TEXT})}),
    "Token": _object({"access_token": TEXT, "expires_in": WHOLE_NUMBER, "token_type": TEXT}),
}


def describe(base_url: str, method: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description, ready for `json.dumps`.

    Parameters
    ----------
    base_url
        of the Jupyter server, with a `/` at both ends.
    method
        the method of all answers.
    """
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.verb.lower()] = _describe_operation(
            operation
        )
    for path in ("/connect/token", "/oauth2/token"):
        paths[path] = {"servers": [{"url": base_url}], "post": _describe_token(path)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Search contexts of imgdup_nb",
            "version": API_VERSION,
            "description": "Find duplicate and similar pictures in collections on this machine. "
            f"All similarities are by the method {method}.",
            "x-similarity-method": method,
        },
        "servers": [{"url": f"{base_url}v3.0"}, {"url": f"{base_url}v3"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _describe_operation(operation: Operation) -> dict[str, Any]:
    parameters = [_describe_parameter(parameter) for parameter in operation.parameters]
    for name, (meaning, schema) in IN_PATH.items():
        if f"{{{name}}}" in operation.path:
            place = {"name": name, "in": "path", "required": True}
            parameters.insert(0, {**place, "description": meaning, "schema": schema})
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.meaning,
        "parameters": parameters,
        "responses": _describe_answers(operation),
    }
    if operation.body:
        described["requestBody"] = BODIES[operation.body]
    return described


def _describe_parameter(parameter: Parameter) -> dict[str, Any]:
    schema = dict(KIND_SCHEMAS[parameter.kind])
    if parameter.choices:
        schema["enum"] = ["", *parameter.choices]
    if parameter.required and parameter.kind == "string":
        schema["minLength"] = 1
    described = {
        "name": parameter.name,
        "in": "query",
        "description": parameter.meaning,
        "schema": schema,
    }
    return described | {"required": parameter.required}


def _describe_answers(operation: Operation) -> dict[str, Any]:
    answers: dict[str, Any] = {"4XX": ERROR}
    if operation.name == "create_web_site_image_features":
        return answers
    answers["200"] = {"description": operation.meaning}
    if operation.answer == "file":
        answers["200"]["content"] = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    elif operation.answer:
        answers["200"] |= _content(operation.answer)
    if operation.name == "create_image_features":
        answers["202"] = {"description": "The folder is being indexed; status has the progress."}
    return answers


def _describe_token(path: str) -> dict[str, Any]:
    form = _object(
        {"grant_type": {"type": "string", "enum": ["client_credentials"]}, "client_secret": TEXT},
        client_id=TEXT,
    )
    return {
        "operationId": "token_for_client_library"
        if path.startswith("/connect")
        else "token_for_tutorial",
        "summary": "Exchange the Jupyter server's token (client_secret) for a bearer token.",
        "security": [],
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": form}},
        },
        "responses": {"200": {"description": "the token"} | _content("Token"), "4XX": ERROR},
    }


def _content(schema: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


ERROR = {"description": "why it was refused, and what to do"} | _content("Error")
BINARY = {"type": "string", "format": "binary"}
BODIES: dict[str, Any] = {
    "image": {
        "required": False,
        "description": "a picture",
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"imageData": BINARY}}
            },
            "application/octet-stream": {"schema": BINARY},
        },
    },
    "file": {
        "required": True,
        "description": "a file",
        "content": {
            "multipart/form-data": {"schema": _object({"File": BINARY})},
            "application/octet-stream": {"schema": BINARY},
        },
    },
    "tags": {
        "required": True,
        "description": "a JSON list of tags",
        "content": {
            "multipart/form-data": {
                "schema": _object({"tags": {"type": "string", "description": 'such as ["logo"]'}})
            },
            "application/json": {
                "schema": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "string", "minLength": 1},
                }
            },
        },
    },
}
