"""The same tables, bit for bit, on each executor; a killed worker costs time, not results."""

from __future__ import annotations

import os
import shutil
import signal
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from imgdup_nb import Collection, Fingerprints, fingerprint_images, scan_images, similar_pairs
from imgdup_nb.engine import search
from imgdup_nb.engine.parallel import each, map_batches
from imgdup_nb.engine.reading import read_batch
from imgdup_nb.engine.sketches import sketches


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def cluster():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # distributed's own remarks on ports and clocks
        from distributed import Client, LocalCluster

        with (
            LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                host="127.0.0.1",
            ) as local,
            Client(local) as client,
        ):
            yield client


def all_tables(folder, executor=None):
    """Return every table, computed anew: remembered sketches would leave workers idle."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = scan_images(folder, executor=executor)
        sketches.forget()
        prints = fingerprint_images(images, orientations=True, executor=executor)
        vectors = fingerprint_images(images, method=mean_colors, executor=executor)
        tables = [
            similar_pairs(some, min_similarity=80, executor=executor) for some in (prints, vectors)
        ]
        tables.append(similar_pairs(prints, prints, min_similarity=80, executor=executor))
    return [images, prints.to_frame(), vectors.to_frame(), *tables]


def mean_colors(pictures):
    return [np.asarray(picture.resize((2, 2))).ravel() for picture in pictures]


def assert_same_tables(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        pd.testing.assert_frame_equal(one, other)
        assert one.attrs == other.attrs


@pytest.mark.filterwarnings("ignore")
def test_processes_give_the_same_tables(photos, processes):
    assert_same_tables(all_tables(photos, processes), all_tables(photos))


@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_gives_the_same_tables(photos, cluster):
    with cluster.get_executor() as executor:
        assert_same_tables(all_tables(photos, executor), all_tables(photos))


@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_decodes_each_picture_once(photos, cluster, tmp_path):
    folder = shutil.copytree(photos, tmp_path / "copies")
    with cluster.get_executor() as executor:
        images = scan_images(folder, executor=executor)
        before = fingerprint_images(images)
        for image in images.itertuples():  # nobody can decode them any more, and nobody notices
            os.chmod(image.path, 0o600)
            with open(image.path, "wb") as file:
                file.write(bytes(image.bytes))
            os.utime(image.path, ns=(image.modified.value, image.modified.value))
        after = fingerprint_images(images, executor=executor)
    assert len(after) == len(before) > 0
    assert after.problems.empty
    np.testing.assert_array_equal(after.codes, before.codes)


@pytest.mark.filterwarnings("ignore")
def test_a_killed_worker_of_a_cluster_costs_no_results(cluster):
    with cluster.get_executor() as executor:
        results = map_batches(partial(each, time.sleep), [0.02] * 60, executor=executor, size=1)
        next(results)
        os.kill(next(iter(cluster.run(os.getpid).values())), signal.SIGKILL)
        assert len(list(results)) == 59


@pytest.mark.filterwarnings("ignore:.*could not be read")
def test_a_broken_pool_of_processes_is_replaced_by_threads(photos):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(os._exit, 1)
        with pytest.warns(UserWarning, match="done in threads of this process"):
            images = scan_images(photos, executor=pool)
    pd.testing.assert_frame_equal(images, scan_images(photos))


def test_an_error_in_the_work_is_not_taken_for_a_broken_executor(processes):
    with pytest.raises(ZeroDivisionError):
        list(map_batches(partial(each, partial(divmod, 1)), [1, 0], executor=processes))


@pytest.mark.parametrize("n_views", [1, 8])
@pytest.mark.parametrize("two_sets", [False, True])
def test_tiles_give_the_pairs_of_the_whole(n_views, two_sets, processes):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2**10, (500, n_views, 1), dtype=np.uint64)
    others = codes[:77] if two_sets else None
    with patch.object(search, "TILE_ROWS", 100):
        parts = search.find_pairs(codes, 2, others=others, executor=processes)
    for ours, theirs in zip(parts, search.find_pairs(codes, 2, others=others), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_no_tile_is_larger_than_asked_and_none_is_missing():
    codes = np.zeros((130, 1, 1), np.uint64)
    tiles = search.cut_tiles(search.CodeTile(0, 0, codes, None))
    seen = np.zeros((130, 130), int)
    for tile in tiles[:]:
        columns = tile.left if tile.right is None else tile.right
        seen[tile.row : tile.row + len(tile.left), tile.column : tile.column + len(columns)] += 1
    assert (seen[np.triu_indices(130)] == 1).all()


@pytest.mark.parametrize("executor", [4, "threads", ThreadPoolExecutor])
def test_what_is_no_executor_is_refused_with_the_way_to_one(photos, executor):
    for work in (
        lambda: scan_images(photos, executor=executor),
        lambda: Collection(photos).update(executor=executor),
    ):
        with pytest.raises(
            TypeError, match=r"executor must be a concurrent\.futures\.Executor, such as"
        ):
            work()


def test_an_empty_collection_is_no_work(processes):
    prints = Fingerprints.from_bits([], np.zeros((0, 64)))
    assert similar_pairs(prints, executor=processes).empty
    assert similar_pairs(prints, prints, executor=processes).empty


# -- a worker killed while it works, and a collection ----------------------------------------------


def readings(photos, executor=None, kill=None):
    """Return each file's row and codes, read on an executor; `kill` is called after the first."""
    files = [(path.name, str(path)) for path in sorted(photos.rglob("*.*")) if path.is_file()] * 8
    work = map_batches(
        partial(read_batch, methods=["phash", "dhash"]), files, executor=executor, size=2
    )
    found = [next(work)]
    if kill:
        kill()
    return [
        (reading.row, {name: code.tolist() for name, code in reading.codes.items()})
        for reading in [*found, *work]
    ]


@pytest.mark.filterwarnings("ignore")
def test_a_worker_of_a_cluster_killed_while_it_reads_costs_no_results(photos, cluster):
    def kill():
        os.kill(next(iter(cluster.run(os.getpid).values())), signal.SIGKILL)

    with cluster.get_executor() as executor:
        assert str(readings(photos, executor, kill)) == str(
            readings(photos)
        )  # as text, where NaN equals NaN


def test_a_process_killed_while_it_reads_costs_no_results(photos):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        process = pool.submit(os.getpid).result()
        with pytest.warns(UserWarning, match="done in threads of this process"):
            found = readings(photos, pool, lambda: os.kill(process, signal.SIGKILL))
    assert str(found) == str(readings(photos))


@pytest.mark.filterwarnings("ignore")
def test_a_collection_kept_with_the_help_of_a_cluster_is_the_same(photos, cluster, tmp_path):
    with cluster.get_executor() as executor, Collection(photos, index=tmp_path / "there") as there:
        there.update(executor=executor)
        given = {"orientations": True, "executor": executor}
        theirs = [
            there.images,
            there.pairs("dhash", min_similarity=60, executor=executor),
            there.groups(90, **given).table,
        ]
    with Collection(photos, index=tmp_path / "here") as here:
        ours = [
            here.images,
            here.pairs("dhash", min_similarity=60),
            here.groups(90, orientations=True).table,
        ]
    assert_same_tables(theirs, ours)


def test_an_interrupt_ends_with_one_sentence_and_no_traceback():
    def stop(batch):
        if 20 in batch:
            raise KeyboardInterrupt
        return batch

    with pytest.raises(KeyboardInterrupt) as caught:
        list(map_batches(stop, list(range(32)), describe="scan", size=4))
    assert caught.value._render_traceback_() == [
        "Stopped by hand: scan 20 of 32. Run it again to start anew."
    ]


def test_a_bar_of_a_notebook_leaves_nothing_in_the_saved_file(tmp_path, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)  # for the kernel
    notebook = new_notebook()
    notebook.cells = [
        new_code_cell(
            "import time\nfrom imgdup_nb.engine.parallel import progress_bar\n"
            "with progress_bar(3, 'scan') as bar:\n"
            "    for _ in range(3):\n        time.sleep(0.6)\n        bar.update()\n"
            "print('done')"
        )
    ]
    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = notebook.cells[0].outputs
    assert any(output.output_type == "display_data" for output in outputs)  # it was there
    assert "scan" not in str(outputs)
    assert "widget-view" not in str(outputs)
