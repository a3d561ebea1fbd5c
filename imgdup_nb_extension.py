"""What Jupyter Server loads at every start: nearly nothing, until a root folder is named.

It is outside the package (D29): importing anything of `imgdup_nb` would load numpy, pandas and more
into every server, also where nobody uses the service.
"""


def _jupyter_server_extension_points():
    return [{"module": "imgdup_nb_extension"}]


def _load_jupyter_server_extension(server):
    if not server.config.get("SearchContexts", {}).get("root"):
        server.log.debug("imgdup_nb serves nothing: --SearchContexts.root=FOLDER switches it on")
        return
    from imgdup_nb.server.extension import load

    load(server)
