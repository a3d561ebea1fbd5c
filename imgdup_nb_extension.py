"""What Jupyter Server loads on every start: nearly nothing, until a root folder for search contexts is named.

A module of its own because importing anything of `imgdup_nb` brings numpy, pandas and more into the server's process, which
nobody has asked for yet.
"""


def _jupyter_server_extension_points():
    return [{"module": "imgdup_nb_extension"}]


def _load_jupyter_server_extension(server):
    if not server.config.get("SearchContexts", {}).get("root"):
        server.log.debug("imgdup_nb serves nothing: --SearchContexts.root=FOLDER switches it on")
        return
    from imgdup_nb.server.extension import load

    load(server)
