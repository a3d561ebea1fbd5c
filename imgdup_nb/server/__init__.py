"""A Jupyter Server extension that answers the tutorial's REST calls from collections on this machine.

`extension` has the settings, `contexts` the collections below one root folder, `uploads` what
clients send, `work` what is done for each call, and `operations` the table of calls, from which
`handlers` and `openapi` are made. Nothing here runs until a root folder is named.
"""
