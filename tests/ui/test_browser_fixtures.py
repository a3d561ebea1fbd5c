"""The browser-test kit itself, tried on a small counter."""

import time

import anywidget
import pytest
import traitlets
from playwright.sync_api import expect

from labkit import write_notebook

COUNTER_MODULE = """\
function render({ model, el }) {
  const button = document.createElement("button");
  const bytes = document.createElement("output");
  const paint = () => { button.textContent = `clicked ${model.get("clicks")} times`; };
  button.addEventListener("click", () => {
    model.set("clicks", model.get("clicks") + 1);
    model.save_changes();
  });
  button.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    const { buffer } = Uint8Array.of(1, 2, 3);
    model.send({ wish: "reverse" }, undefined, [buffer]);
  });
  model.on("msg:custom", (content, [view]) => {
    const values = [0, 1, 2].map((place) => view.getUint8(place));
    bytes.textContent = `${content.done}: ${values}`;
  });
  model.on("change:clicks", paint);
  paint();
  bytes.textContent = `picture of ${model.get("picture").byteLength} bytes`;
  el.append(button, bytes);
  return () => document.body.append("cleaned up");
}
export default { render };
"""


class Counter(anywidget.AnyWidget):
    """A button that counts its clicks up to five, and reverses bytes."""

    _esm = COUNTER_MODULE
    _css = "button { color: rgb(1, 2, 3); }"
    clicks = traitlets.Int(0).tag(sync=True)
    picture = traitlets.Bytes(b"\x00\xff\x00\xff").tag(sync=True)

    def __init__(self, **traits):
        super().__init__(**traits)
        self.on_msg(self._reverse)

    @traitlets.validate("clicks")
    def _at_most_five(self, proposal):
        return min(proposal["value"], 5)

    def _reverse(self, _widget, content, buffers):
        done = {"reverse": "reversed"}[content["wish"]]
        self.send({"done": done}, [bytes(buffers[0])[::-1]])


# The cell of a notebook that shows a Counter: the class above, written out once more for the
# kernel.
COUNTER_CELL = f"""\
import anywidget
import traitlets

class Counter(anywidget.AnyWidget):
    _esm = {COUNTER_MODULE!r}
    clicks = traitlets.Int(0).tag(sync=True)
    picture = traitlets.Bytes(b"1234").tag(sync=True)

counter = Counter()
counter
"""


@pytest.fixture
def counter():
    return Counter()


def test_the_first_view_shows_the_state_with_its_bytes_and_style(mount, counter):
    counter.clicks = 2
    view = mount(counter).view()
    expect(view.get_by_role("button")).to_have_text("clicked 2 times")
    expect(view.get_by_role("button")).to_have_css("color", "rgb(1, 2, 3)")
    expect(view.get_by_role("status")).to_have_text("picture of 4 bytes")


def test_a_click_in_the_page_reaches_the_python_object(mount, counter):
    bridge = mount(counter)
    bridge.view().get_by_role("button").click()
    bridge.wait_until(lambda: counter.clicks == 1)
    assert bridge.received[0]["data"]["state"] == {"clicks": 1}


def test_a_value_set_in_python_reaches_the_page(mount, counter):
    view = mount(counter).view()
    counter.clicks = 4
    expect(view.get_by_role("button")).to_have_text("clicked 4 times")


def test_a_value_that_python_corrects_comes_back_corrected(mount, counter):
    counter.clicks = 5
    view = mount(counter).view()
    view.get_by_role("button").click()
    expect(view.get_by_role("button")).to_have_text("clicked 5 times")
    assert counter.clicks == 5


def test_custom_messages_carry_bytes_both_ways(mount, counter):
    view = mount(counter).view()
    view.get_by_role("button").click(button="right")
    expect(view.get_by_role("status")).to_have_text("reversed: 3,2,1")


def test_two_views_of_one_model_stay_in_step_and_go_one_by_one(mount, counter, page):
    bridge = mount(counter)
    second = bridge.add_view()
    bridge.view().get_by_role("button").click()
    expect(second.get_by_role("button")).to_have_text("clicked 1 times")
    bridge.close_view(0)
    expect(bridge.view()).to_have_count(0)
    expect(page.locator("body")).to_contain_text("cleaned up")
    counter.clicks = 3
    expect(second.get_by_role("button")).to_have_text("clicked 3 times")


def test_an_exception_in_a_python_callback_is_a_problem(mount, counter, problems):
    bridge = mount(counter)
    counter.on_msg(lambda *_: 1 / 0)
    bridge.view().get_by_role("button").click(button="right")
    bridge.wait_until(lambda: problems)
    assert "ZeroDivisionError" in problems.pop()


def wait_for_problems(page, problems, count):
    """Wait until the page has told as many problems; they arrive only while Playwright works."""
    end = time.monotonic() + 30
    while len(problems) < count and time.monotonic() < end:
        page.wait_for_timeout(10)


def test_errors_in_the_page_and_on_its_console_are_problems(page, problems):
    page.evaluate(
        "() => { console.error('shown'); setTimeout(() => { throw new Error('thrown'); }); }"
    )
    wait_for_problems(page, problems, 2)
    console, thrown = sorted(problems)
    assert console == "console: shown"
    assert thrown.startswith("error in the page: Error: thrown\n")  # and where
    problems.clear()


@pytest.mark.parametrize("url", ["http://example.org/picture.png", "ws://example.org/talk"])
def test_a_request_to_another_machine_is_a_problem(page, problems, url):
    page.evaluate(
        "(url) => { url.startsWith('ws') ? new WebSocket(url) : (new Image().src = url); }", url
    )
    wait_for_problems(page, problems, 2)  # the console tells of it, too
    assert f"request to another machine: {url}" in problems
    problems.clear()


def test_a_widget_in_jupyterlab_talks_to_its_kernel(notebook, tmp_path):
    opened = notebook(write_notebook(tmp_path / "counter.ipynb", COUNTER_CELL))
    button = opened.page.get_by_role("button", name="clicked")
    button.click()
    expect(button).to_have_text("clicked 1 times")
    opened.wait_until("counter.clicks == 1")
    opened.execute("counter.clicks = 7")
    expect(button).to_have_text("clicked 7 times")
    assert opened.evaluate("[counter.clicks, counter.picture.decode()]") == [7, "1234"]


def test_a_cell_that_fails_fails_the_test_with_its_error(notebook, tmp_path):
    opened = notebook(
        write_notebook(tmp_path / "broken.ipynb", "1 + 1", "1 / 0", "2 + 2"), run=False
    )
    with pytest.raises(AssertionError, match="ZeroDivisionError: division by zero"):
        opened.run_all()
    expect(opened.cell(0)).to_contain_text("2")
    with pytest.raises(AssertionError, match="NameError"):
        opened.evaluate("missing")
