"""A Jupyter Server extension: the tutorial's REST calls, answered from local collections.

Nothing here runs until a root folder is named.

- `extension`: the settings, and the entry point for Jupyter Server
- `contexts`: the collections below the root folder
- `storage`: the folder of files that clients store, and its rules
- `uploads`: reads and limits what clients send
- `request`: one call, and the kinds of answers
- `image_calls`, `questions`, `storage_calls`: what each call does
- `operation`, `search_operations`, `storage_operations`, `operations`: the tables of calls
- `handlers`: HTTP: token, limits, parameters, answers
- `routes`: which path is answered by which of them
- `openapi`: the description of the calls for programs
- `errors`: errors as an HTTP status and a sentence
"""
