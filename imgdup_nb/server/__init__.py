"""A Jupyter Server extension: the tutorial's REST calls, answered from local collections.

Nothing here runs until a root folder is named.

- `extension`: the settings, and the entry point for Jupyter Server
- `contexts`: the collections below the root folder
- `uploads`: reads and limits what clients send
- `work`: what each call does
- `operations`: the table of calls
- `handlers`: HTTP: token, limits, parameters, answers
- `openapi`: the description of the calls for programs
- `errors`: errors as an HTTP status and a sentence
"""
