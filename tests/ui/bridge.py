"""Mount a widget in a bare page: its real ES module, wired to the real Python object.

No Jupyter server and no kernel take part, so a test takes a fraction of a second. The widget gets a
comm (Jupyter's word for the channel between a widget's two halves) whose other end is ``bridge.js``
in the page: trait values, custom messages and binary buffers travel both ways as they do in a
notebook. Widgets inside widgets are not supported.
"""

import base64
import logging
import threading
import time
from pathlib import Path

BRIDGE_MODULE = Path(__file__).with_name("bridge.js")

# answered by the test itself; a loopback name, so the page counts as secure
ORIGIN = "http://bridge.localhost"

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<title>bridge</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/widget.css">
</head>
<body></body>
</html>
"""

OPEN_BRIDGE = """\
async (firstMessage) => {
  const { Bridge } = await import("/bridge.js");
  window.bridge = await Bridge.open("/widget.js", firstMessage, window.callPython);
}
"""


class PageComm:
    """The widget's end of the channel: keeps what the widget sends until the page takes it.

    Parameters
    ----------
    comm_id : str
        Name of the channel; ipywidgets uses it as the model's name.
    on_send : callable
        Called without arguments after each message from the widget.
    """

    def __init__(self, comm_id, on_send):
        self.comm_id = comm_id
        self.outbox = []
        self._on_send = on_send
        self._handle = None

    def on_msg(self, handle):
        """Remember who handles messages from the page; ipywidgets calls this."""
        self._handle = handle

    def send(self, data=None, metadata=None, buffers=None):
        """Queue a message for the page; ipywidgets calls this."""
        encoded = [base64.b64encode(buffer).decode("ascii") for buffer in buffers or []]
        self.outbox.append({"data": data, "buffers": encoded})
        self._on_send()

    def receive(self, message):
        """Hand a message from the page to the widget."""
        buffers = [memoryview(base64.b64decode(text)) for text in message["buffers"]]
        self._handle({"content": {"data": message["data"]}, "buffers": buffers})

    def close(self, *_args, **_options):
        """Do nothing: the page ends with its test; ipywidgets calls this."""

    def take_outbox(self):
        """Return the queued messages, oldest first, and empty the queue."""
        messages, self.outbox = self.outbox, []
        return messages


class WarningsToList(logging.Handler):
    """Log handler that appends each warning to a list.

    ipywidgets catches an exception in a callback and logs it; a test must not pass over it.
    """

    def __init__(self, lines):
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record):
        """Append the record as text, with its traceback."""
        self._lines.append("python: " + logging.Formatter().format(record))


class Bridge:
    """A widget in a page; ``open()`` shows it.

    Parameters
    ----------
    page : playwright.sync_api.Page
        The page; it is navigated away from whatever it showed.
    widget : anywidget.AnyWidget
        The real Python object.
    problems : list of str
        Exceptions in the widget's Python callbacks are appended here.

    Attributes
    ----------
    received : list of dict
        Every message from the page, oldest first; ``message["data"]["method"]`` is ``"update"`` or
        ``"custom"``.
    """

    def __init__(self, page, widget, problems):
        self.page = page
        self.widget = widget
        self.received = []
        self._n_views = 1
        self._is_listening = False  # whether the page can be sent a message now
        self._thread = threading.current_thread()
        self._log_handler = WarningsToList(problems)
        self._former_comm = widget.comm
        self._comm = PageComm(widget.model_id, on_send=self.deliver)

    def open(self):
        """Load the widget's module in the page, hand over the state, show the first view."""
        self.widget.log.addHandler(self._log_handler)
        self.widget.comm = self._comm
        self.page.expose_function("callPython", self._receive)
        self.page.route(f"{ORIGIN}/**", self._serve)
        self.page.goto(f"{ORIGIN}/")
        self.widget.send_state()
        (first_message,) = self._comm.take_outbox()
        state = first_message["data"]["state"]
        public_state = {name: value for name, value in state.items() if not name.startswith("_")}
        first_message["data"]["state"] = (
            public_state  # the page loads the module, a private trait, as a file
        )
        self.page.evaluate(OPEN_BRIDGE, first_message)
        self._is_listening = True
        self.deliver()

    def _serve(self, route):
        files = {
            "/": ("text/html", PAGE),
            "/bridge.js": ("text/javascript", BRIDGE_MODULE.read_text(encoding="utf-8")),
            "/widget.js": ("text/javascript", str(self.widget._esm)),
            "/widget.css": ("text/css", str(getattr(self.widget, "_css", ""))),
        }
        content_type, body = files.get(route.request.url.removeprefix(ORIGIN), (None, None))
        if body is None:
            route.fulfill(status=404)
        else:
            route.fulfill(content_type=f"{content_type}; charset=utf-8", body=body)

    def _receive(self, message):
        """Answer a message from the page with all that the widget has to say to it."""
        self.received.append(message)
        was_listening = self._is_listening
        # Playwright runs this inside its own event loop, where the page cannot be called: the
        # answer carries it all.
        self._is_listening = False
        self._comm.receive(message)
        self._is_listening = was_listening
        return self._comm.take_outbox()

    def deliver(self):
        """Send the page what the widget sent by itself, such as after ``widget.threshold = 80``.

        This happens by itself, but for messages from another thread, which Playwright cannot take:
        they wait for the next call from the test's own thread.
        """
        if self._is_listening and self._comm.outbox and threading.current_thread() is self._thread:
            self.page.evaluate(
                "(messages) => window.bridge.receive(messages)", self._comm.take_outbox()
            )

    def view(self, number=0):
        """Return the locator of a view's element; the first is number 0."""
        return self.page.locator(f"#view-{number}")

    def add_view(self):
        """Show the same model once more, as a second cell does; return the view's locator."""
        number = self._n_views
        self._n_views += 1
        self.page.evaluate("(number) => window.bridge.addView(number)", number)
        return self.view(number)

    def close_view(self, number=0):
        """Remove a view and run its cleanup, as deleting its cell does."""
        self.page.evaluate("(number) => window.bridge.closeView(number)", number)

    def wait_until(self, condition, timeout_seconds=30):
        """Wait until ``condition()`` is true in Python.

        What the page sends arrives only while Playwright works, so right after a click the widget
        may not know yet.

        Raises
        ------
        AssertionError
            When it is still false after ``timeout_seconds``.
        """
        end = time.monotonic() + timeout_seconds
        while not condition():
            assert time.monotonic() < end, f"still not true after {timeout_seconds} s"
            self.deliver()
            self.page.wait_for_timeout(10)

    def close(self):
        """Close every view and give the widget its former comm back."""
        if self._is_listening:
            self.page.evaluate("() => window.bridge.close()")
        self._is_listening = False
        if self.widget.comm is self._comm:  # with a comm, a closed widget would be open again
            self.widget.comm = self._former_comm
        self.widget.log.removeHandler(self._log_handler)
