"""Stopped by hand anywhere, a cell ends with one sentence that says what was kept."""

import queue
import time

import pytest
from jupyter_client.manager import start_new_kernel
from PIL import Image

import imgdup_nb as dup
from imgdup_nb.collection import index
from imgdup_nb.engine.parallel import Interrupted
from made_pairs import pairs_of_five

STEPS = ["scan_images", "similar_pairs", "choose_keepers"]
SLOW = {  # what each of them does outside of its loops, made to last
    "scan_images": ("imgdup_nb.images", "tabulate", "dup.scan_images('photos')"),
    "similar_pairs": ("imgdup_nb.pairs", "check_made_by", "dup.similar_pairs(prints)"),
    "choose_keepers": (
        "imgdup_nb.review.keepers",
        "_members",
        "dup.choose_keepers(groups, images)",
    ),
}
PREPARE = """\
import importlib, os, time
from PIL import Image
import imgdup_nb as dup
os.mkdir("photos")
for name in ("a.png", "b.png"):
    Image.linear_gradient("L").save(f"photos/{name}")
images = dup.scan_images("photos")
prints = dup.fingerprint_images(images)
groups = dup.group_duplicates(dup.similar_pairs(prints))
"""
RUN_SLOWLY = """\
module = importlib.import_module({module!r})
fast, module.{name} = module.{name}, lambda *args, **options: (print("begun"), time.sleep(60))
try:
    {call}
finally:
    module.{name} = fast
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    manager, client = start_new_kernel(
        cwd=tmp_path_factory.mktemp("kernel"), extra_arguments=["--log-level=ERROR"]
    )
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(kernel, code, *, stop_at=None):
    """Run a cell, and press the stop button when it prints `stop_at`; return its error or None."""
    manager, client = kernel
    asked, error = client.execute(code), None
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            message = client.get_iopub_msg(timeout=1)
        except queue.Empty:
            continue
        if message["parent_header"].get("msg_id") != asked:
            continue
        content = message["content"]
        if stop_at and stop_at in content.get("text", ""):
            manager.interrupt_kernel()
        if message["msg_type"] == "error":
            error = content
        if content.get("execution_state") == "idle":
            client.get_shell_msg(timeout=10)
            return error
    raise AssertionError("the cell did not end")


def test_the_stop_button_ends_each_step_with_one_sentence(kernel):
    assert run(kernel, PREPARE) is None
    for step in STEPS:
        module, name, call = SLOW[step]
        code = RUN_SLOWLY.format(module=module, name=name, call=call)
        error = run(kernel, code, stop_at="begun")
        assert error["traceback"] == [
            f"Stopped by hand in {step}. It has kept nothing; run it again to start anew."
        ]
        assert run(kernel, "assert len(dup.scan_images('photos')) == 2") is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: dup.group_duplicates(pairs_of_five()),
        lambda: dup.sweep_thresholds(pairs_of_five()),
        lambda: dup.threshold_changes(pairs_of_five(), 95, 90),
    ],
)
def test_a_step_without_batches_says_which_it_was(monkeypatch, call):
    def stop(*_arguments, **_options):
        raise KeyboardInterrupt

    for module in ("groups", "sweep"):
        monkeypatch.setattr(f"imgdup_nb.{module}.PairGraph.read", stop)
    with pytest.raises(Interrupted, match=r"^Stopped by hand in \w+_\w+\. It has kept nothing"):
        call()


def test_an_update_that_is_stopped_says_that_the_next_one_continues(tmp_path, monkeypatch):
    def stop(*_arguments, **_options):
        raise KeyboardInterrupt

    with dup.Collection(tmp_path) as collection:
        monkeypatch.setattr(index.Index, "update", stop)
        with pytest.raises(Interrupted, match=r"What was read is kept; the next update continues"):
            collection.update()


def test_a_question_to_a_collection_that_is_stopped_says_how_far_it_came(tmp_path, monkeypatch):
    def stop(*_arguments, **_options):
        raise Interrupted("Stopped by hand: fingerprints 8 of 9. Run it again to start anew.")

    Image.linear_gradient("L").save(tmp_path / "a.png")
    with dup.Collection(tmp_path) as collection:
        monkeypatch.setattr("imgdup_nb.collection.fingerprints.fingerprint_images", stop)
        for ask in (collection.fingerprints, collection.pairs):
            with pytest.raises(Interrupted) as said:
                ask("dhash")
            assert str(said.value) == (
                "Stopped by hand: fingerprints 8 of 9. What was kept so far stays; "
                "the same call goes on from there."
            )
