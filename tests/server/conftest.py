"""A real Jupyter server on loopback, started once for all tests of the service."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

import imgdup_nb

PROJECT = Path(imgdup_nb.__file__).parent.parent
TOKEN = "a-token-for-tests"
BASE = "/v3.0/imaging/ai/imageSearch"
OTHERS = [
    "jupyterlab",
    "jupyter_lsp",
    "jupyter_server_terminals",
    "notebook_shim",
    "notebook",
]  # slow to load


class Answer:
    """What came back: status, headers and body."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The error's code and its sentence with the way out."""
        error = self.json["error"]
        assert set(error) == {"code", "message", "description"}
        return error["code"], f"{error['message']} {error['description']}"


class Service:
    """A Jupyter server with the extension, with its own settings and state."""

    def __init__(self, home: Path, root: Path, *options: str) -> None:
        self.home, self.root, self.token = home, root, TOKEN
        home.mkdir(parents=True, exist_ok=True)
        own = ("JUPYTER", "JPY_", "IPYTHON", "IMGDUP_")
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(own)
        } | {
            "JUPYTER_CONFIG_PATH": str(
                PROJECT / "jupyter-config"
            ),  # the file that an installation puts into etc/jupyter
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(PROJECT), os.environ.get("PYTHONPATH", "")])
            ),
            "TQDM_DISABLE": "1",
        }
        disabled = json.dumps(dict.fromkeys(OTHERS, False)).replace("false", "False")
        given = [
            "--no-browser",
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port=0",
            f"--ServerApp.root_dir={home}",
            f"--ServerApp.jpserver_extensions={disabled}",
            f"--IdentityProvider.token={TOKEN}",
            "--ServerApp.shutdown_no_activity_timeout=600",
            f"--SearchContexts.root={root}",
            *options,
        ]
        with open(home / "log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_server", *given],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
        self.port = self._wait_for_port()

    @property
    def log(self) -> str:
        return (self.home / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _wait_for_port(self, seconds: float = 90) -> int:
        runtime = self.home / "runtime" / f"jpserver-{self.process.pid}.json"
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                port = json.loads(runtime.read_text(encoding="utf-8"))["port"]
                socket.create_connection(("127.0.0.1", port), timeout=30).close()
                return port
            except (
                FileNotFoundError,
                ValueError,
                ConnectionRefusedError,
            ):  # not there yet, half written, not listening
                time.sleep(0.05)
        self.process.kill()
        raise RuntimeError(f"the server did not start:\n{self.log}")

    def call(
        self, verb, path, body=None, *, headers=None, token: str | None = TOKEN, **query
    ) -> Answer:
        """Send a request as it is written, `..` and all."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(verb, path + (f"?{urlencode(query)}" if query else ""), body, sent)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def ask(self, verb, path, picture: bytes | None = None, **query) -> Answer:
        """Send a request about search contexts, with a picture as the whole body."""
        headers = {} if picture is None else {"Content-Type": "application/octet-stream"}
        return self.call(verb, BASE + path, picture, headers=headers, **query)

    def create(self) -> str:
        return self.ask("POST", "/create").json["id"]

    def wait_until_idle(self, context: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while (status := self.ask("GET", f"/{context}/status").json)["searchStatus"] != "Idle":
            assert time.monotonic() < end, status
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop as a terminal or a service manager does."""
        self.process.terminate()
        self.process.wait(60)

    def kill(self) -> None:
        """Stop without a chance to tidy up."""
        self.process.kill()
        self.process.wait(60)


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """Return the server; its log must hold no fault of ours when all is done."""
    home = tmp_path_factory.mktemp("jupyter")
    (home / "root").mkdir()
    running = Service(
        home,
        home / "root",
        "--SearchContexts.method=phash",
        "--SearchContexts.max_bytes=2000000",
        "--SearchContexts.max_pixels=4000000",
    )
    yield running
    running.stop()
    assert "Traceback" not in running.log, running.log


@pytest.fixture
def context(service, photos):
    """Return the id of a context that holds the folder `photos`."""
    name = f"photos {photos.parent.name}"
    photos.rename(service.root / name)
    return name
