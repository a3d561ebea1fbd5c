"""A real JupyterLab for the browser tests, and what a test does with a notebook in it."""

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

import nbformat

SETTINGS = {
    # Every cell is in the page from the start, not only those scrolled into view.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    # No pop-up covers what a test clicks on.
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # A test's changes to a notebook are its own.
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}

# The moons that circle while JupyterLab loads are sometimes taken away twice, which is an error in
# the page.
DISABLED = {"@jupyterlab/apputils-extension:splash": True}

SERVER_OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port=0",  # a free one
    "--LabApp.expose_app_in_browser=True",  # window.jupyterapp, through which the tests speak
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
    # Should the test run be killed, the server goes by itself a little later, and its kernels
    # before it.
    "--ServerApp.shutdown_no_activity_timeout=1800",
    "--MappingKernelManager.cull_idle_timeout=600",
)

CURRENT = "window.jupyterapp?.shell.currentWidget"

IS_LOADED = f"() => {CURRENT}?.context?.isReady && {CURRENT}.sessionContext.isReady"

IS_IDLE = f"() => {CURRENT}.sessionContext.session?.kernel?.status === 'idle'"

START_RUN_ALL = """\
() => {
  window.runAllEnded = false;
  const end = () => { window.runAllEnded = true; };
  window.jupyterapp.commands.execute("notebook:run-all-cells").then(end, end);
}
"""

FIND_ERRORS = f"""\
() => {CURRENT}.content.widgets
  .filter((cell) => cell.model.type === "code")
  .filter((cell) => !(cell.model.getMetadata("tags") ?? []).includes("raises-exception"))
  .flatMap((cell) => cell.model.outputs.toJSON())
  .filter((output) => output.output_type === "error")
  .map((output) => `${{output.ename}}: ${{output.evalue}}`)
"""

EXECUTE = f"""\
async ([code, expressions]) => {{
  const request = {{ code, user_expressions: expressions, silent: true, store_history: false }};
  const reply = await {CURRENT}.sessionContext.session.kernel.requestExecute(request).done;
  return reply.content;
}}
"""


def write_notebook(path, *cells):
    """Write a notebook with these code cells, each a string; return its path."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.write(notebook, path)
    return path


class Lab:
    """A JupyterLab server on a free loopback port, with settings and state of its own.

    Parameters
    ----------
    root : pathlib.Path
        The folder it serves.
    """

    def __init__(self, root):
        self.root = Path(root)
        self.url = None
        self.token = None
        self._process = None
        self._home = Path(tempfile.mkdtemp(prefix="browser-tests-lab-"))
        self._write_settings()

    @property
    def log(self):
        """What the server has printed so far, as one string."""
        return (self._home / "server.log").read_text(encoding="utf-8", errors="replace")

    def _write_settings(self):
        for plugin, values in SETTINGS.items():
            path = self._home / "settings" / f"{plugin}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), encoding="utf-8")
        page = self._home / "config" / "labconfig" / "page_config.json"
        page.parent.mkdir(parents=True)
        page.write_text(json.dumps({"disabledExtensions": DISABLED}), encoding="utf-8")

    def _environment(self):
        """Return the environment of the server, without the user's Jupyter or IPython settings."""
        own = ("JUPYTER", "JPY_", "IPYTHON", "IMGDUP_")
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(own)
        }
        return environment | {
            "JUPYTER_CONFIG_DIR": str(self._home / "config"),
            "JUPYTER_DATA_DIR": str(self._home / "data"),
            "JUPYTER_RUNTIME_DIR": str(self._home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self._home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self._home / "workspaces"),
            "IPYTHONDIR": str(self._home / "ipython"),
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, timeout_seconds=60):
        """Start the server and wait until it answers.

        Raises
        ------
        RuntimeError
            When it ends or stays silent; the message holds its log.
        """
        with open(self._home / "server.log", "wb") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "jupyterlab",
                    *SERVER_OPTIONS,
                    f"--ServerApp.root_dir={self.root}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.root,
                env=self._environment(),
                start_new_session=True,  # its own process group, which stop() can end as a whole
            )
        end = time.monotonic() + timeout_seconds
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"JupyterLab did not start; its log:\n{self.log}")
            time.sleep(0.05)

    def _answers(self):
        """Read address and token from the file the server writes when it listens, and try them."""
        try:
            (path,) = (self._home / "runtime").glob("jpserver-*.json")
            info = json.loads(path.read_text(encoding="utf-8"))
            self.url = f"http://127.0.0.1:{info['port']}"
            self.token = info["token"]
            self.request("GET", "/api/status")
        except (ValueError, OSError):  # no such file yet, half a file, or nobody listening
            return False
        return True

    def request(self, method, path):
        """Send a request to the server's API; return its JSON answer, or None for an empty one."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            answer = response.read()
        return json.loads(answer) if answer else None

    def stop_kernels(self):
        """End every kernel and the session it belongs to."""
        for session in self.request("GET", "/api/sessions"):
            self.request("DELETE", f"/api/sessions/{session['id']}")

    def stop(self):
        """End the server and all that it started; does nothing if it never started."""
        if self._process is not None:
            self._stop_process()
        shutil.rmtree(self._home, ignore_errors=True)

    @property
    def is_running(self):
        """Whether the server, or anything that it started, still runs."""
        if self._process is None or self._process.poll() is None:
            return self._process is not None
        if not hasattr(os, "killpg"):  # on Windows
            return False
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _stop_process(self):
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if hasattr(os, "killpg"):  # not on Windows
            end_process_group(self._process.pid)
        end = time.monotonic() + 5
        while self.is_running and time.monotonic() < end:
            time.sleep(0.05)


def end_process_group(group):
    """End what is left of a process group, if anything."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


class Notebook:
    """A notebook open in JupyterLab.

    Parameters
    ----------
    page : playwright.sync_api.Page
        The browser's page; use it for everything that a person would do.
    lab : Lab
        The server.
    path : pathlib.Path
        The notebook, below the server's root.
    """

    def __init__(self, page, lab, path):
        self.page = page
        self._lab = lab
        self._path = Path(path)

    def open(self, timeout_seconds=60):
        """Show the notebook alone, without side bars, and wait until its kernel is idle."""
        path = urllib.parse.quote(self._path.relative_to(self._lab.root).as_posix())
        self.page.goto(f"{self._lab.url}/doc/tree/{path}?token={self._lab.token}&reset")
        self.page.wait_for_function(IS_LOADED, timeout=timeout_seconds * 1000)
        self.page.wait_for_function(IS_IDLE, timeout=timeout_seconds * 1000)

    def run_all(self, timeout_seconds=120):
        """Run every cell and wait for the last.

        Raises
        ------
        AssertionError
            When a cell ended in an error and is not tagged ``raises-exception``.
        """
        self.page.evaluate(START_RUN_ALL)
        self.page.wait_for_function("() => window.runAllEnded", timeout=timeout_seconds * 1000)
        errors = self.page.evaluate(FIND_ERRORS)
        assert not errors, f"{self._path.name}: {'; '.join(errors)}"
        self.page.wait_for_function(IS_IDLE, timeout=timeout_seconds * 1000)

    def cell(self, index):
        """Return the locator of a cell, the first being 0, prose included."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def evaluate(self, expression):
        """Return the value of a Python expression in the kernel; JSON must be able to hold it.

        Raises
        ------
        AssertionError
            When it raises.
        """
        carrier = f"__import__('json').dumps({expression})"
        reply = self.page.evaluate(EXECUTE, ["", {"value": carrier}])
        value = reply["user_expressions"]["value"]
        assert value["status"] == "ok", (
            f"{expression} raised {value.get('ename')}: {value.get('evalue')}"
        )
        return json.loads(ast.literal_eval(value["data"]["text/plain"]))

    def execute(self, code):
        """Run Python statements in the kernel, outside of any cell.

        Raises
        ------
        AssertionError
            When they raise.
        """
        reply = self.page.evaluate(EXECUTE, [code, {}])
        assert reply["status"] == "ok", (
            f"the kernel raised {reply.get('ename')}: {reply.get('evalue')}"
        )

    def wait_until(self, expression, timeout_seconds=30):
        """Wait until a Python expression is true in the kernel.

        Raises
        ------
        AssertionError
            When it is still false after ``timeout_seconds``.
        """
        end = time.monotonic() + timeout_seconds
        while not self.evaluate(f"bool({expression})"):
            assert time.monotonic() < end, f"{expression} is still false after {timeout_seconds} s"
            self.page.wait_for_timeout(50)
