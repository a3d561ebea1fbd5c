"""A Jupyter Server extension that answers the tutorial's REST calls from collections on this machine.

`extension` has the settings, `contexts` the collections below one root folder, `uploads` what clients send, `operations` what can
be asked, as one table; `handlers` and `openapi` are made from that table. Nothing here runs until a root folder is named.
"""
