"""Work on a long list in batches, in threads or on any executor, with a progress bar."""

from __future__ import annotations

import os
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import wraps
from itertools import accumulate, islice
from typing import Any, ParamSpec, TypeVar

from tqdm.auto import tqdm

Arguments = ParamSpec("Arguments")
Item = TypeVar("Item")
Result = TypeVar("Result")

THREAD_BATCH = 8  # small: pressing stop waits for the batches already begun
HAS_THREADS = sys.platform != "emscripten"  # Python in a browser cannot start any
SLOW = 20.0  # seconds; a step that takes longer is announced
EXECUTOR_BATCH = 64  # larger: each batch may have to travel to another machine


class Interrupted(KeyboardInterrupt):
    """Work was stopped by hand. The text says how far it came, and what to do next."""

    def _render_traceback_(self) -> list[str]:  # what Jupyter shows in place of a traceback
        return [str(self)]


def stoppable(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Wrap a function that may take long: stopped by hand, it ends with one sentence.

    `map_batches` has a sentence of its own; this one is for all that is done between the batches.
    """

    @wraps(function)
    def wrapped(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        try:
            return function(*args, **options)
        except Interrupted:
            raise
        except KeyboardInterrupt:
            name = function.__name__
            raise Interrupted(
                f"Stopped by hand in {name}. It has kept nothing; run it again to start anew."
            ) from None

    return wrapped


class LazySequence(Sequence[Item]):
    """A sequence whose items are made when they are asked for, to save memory.

    Examples
    --------
    >>> LazySequence(lambda place: 10 * place, [1, 2, 3])[1:]
    [20, 30]
    """

    def __init__(self, make: Callable[[Any], Item], places: Sequence[Any]) -> None:
        self.make, self.places = make, places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, which: Any) -> Any:
        return (
            [self.make(place) for place in self.places[which]]
            if isinstance(which, slice)
            else self.make(self.places[which])
        )


def map_batches(
    function: Callable[[Sequence[Item]], list[Result]],
    items: Sequence[Item],
    *,
    executor: Executor | None = None,
    describe: str = "",
    size: int | None = None,
) -> Iterator[Result]:
    """Yield `function`'s result for each item, in the order of `items`; batches run in parallel.

    Parameters
    ----------
    function
        takes a list of items and returns a list of as many results. On an executor of processes or
        machines it must be importable there.
    items
        what to work on; only a few batches are under way at any moment, so memory does not grow
        with their number.
    executor
        any `concurrent.futures.Executor`, which stays open; None works in threads of this process.
    describe
        a word for the progress bar, which appears after a second. Never a file name: bars are shown
        as HTML.
    size
        items in a batch; None takes 8 in threads and 64 on an executor.

    Raises
    ------
    TypeError
        if `executor` is not an executor, such as a number of workers or a Dask client.

    Notes
    -----
    An executor of processes breaks if one process is killed. After a warning, threads of this
    process do the rest. If the consumer stops early or is interrupted, waiting batches are
    cancelled and own threads end first, so nothing runs on in the background.
    """
    if not isinstance(executor, Executor | None):
        raise TypeError(
            "executor must be a concurrent.futures.Executor, such as ThreadPoolExecutor(4) or "
            "client.get_executor() of a Dask client, or None, not "
            f"{type(executor).__name__}"
        )
    size = size or (THREAD_BATCH if executor is None else EXECUTOR_BATCH)
    batches = (items[start : start + size] for start in range(0, len(items), size))
    workers = os.cpu_count() or 1
    pool = _Pool(function, executor, workers)
    under_way: deque[tuple[Sequence[Item], Future[list[Result]]]] = deque()
    n_done = 0
    try:
        with progress_bar(len(items), describe) as bar:
            under_way.extend((batch, pool.submit(batch)) for batch in islice(batches, 64 * workers))
            while under_way:
                batch, future = under_way.popleft()
                results = pool.result(batch, future)
                under_way.extend((batch, pool.submit(batch)) for batch in islice(batches, 1))
                bar.update(len(results))
                yield from results
                n_done += len(results)
    except KeyboardInterrupt as error:
        if isinstance(error, Interrupted):
            raise
        done = f"Stopped by hand: {describe or 'work'} {n_done:,} of {len(items):,}."
        raise Interrupted(f"{done} Run it again to start anew.") from None
    finally:
        for _, future in under_way:
            future.cancel()
        pool.close()


def announce(what: str, seconds: float, executor: Executor | None = None) -> None:
    """Say on the error output how long a step takes, if it is long.

    `seconds` are those of one processor. Of an executor it is not known how many it has.

    Examples
    --------
    >>> announce("Scoring two pairs", 0.1)
    """
    of_one, seconds = (
        ("", seconds / (os.cpu_count() or 1))
        if executor is None
        else (" of one processor", seconds)
    )
    if seconds > SLOW:
        text = f"{what} takes about {max(seconds / 60, 0.1):.1f} minutes{of_one}."
        print(text, file=sys.stderr, flush=True)


def progress_bar(total: int, describe: str) -> AbstractContextManager[tqdm[Any] | _PartOfBar]:
    """Return a progress bar, which appears after a second and disappears at the end.

    Within `one_progress_bar` it is a part of that bar.
    """
    shared = _shared_bar.get()
    return _new_bar(total=total, desc=describe) if shared is None else _PartOfBar(shared, total)


@contextmanager
def _new_bar(**options: Any) -> Iterator[tqdm[Any]]:
    """Open a bar that leaves nothing behind, also in the file of a notebook."""
    # tqdm's bar for notebooks does not heed its own switch for scripts
    quiet = os.environ.get("TQDM_DISABLE", "") not in {"", "0"}
    bar = tqdm(delay=1, leave=False, disable=quiet, **options)
    box = getattr(bar, "container", None)  # of a bar in a notebook
    erase = _erasable(box) if box is not None else lambda: None
    try:
        yield bar
    finally:
        bar.close()
        erase()


def _erasable(box: Any) -> Callable[[], None]:
    """Make a widget erasable from the notebook; return the function that does it.

    A closed widget vanishes from the screen, but its output stays in the file of the notebook.
    """
    from IPython.display import display, update_display

    bundle = box._repr_mimebundle_
    name = f"imgdup_nb-{box.model_id}"
    shown = []

    def show() -> None:
        shown.append(True)
        data = bundle()
        display(data[0] if isinstance(data, tuple) else data, raw=True, display_id=name)

    def erase() -> None:
        if shown:
            update_display({"text/plain": ""}, raw=True, display_id=name)

    box._ipython_display_ = show
    return erase


@contextmanager
def one_progress_bar(weights: Mapping[str, float]) -> Iterator[Callable[[str], None]]:
    """Show one bar for several steps, each of which may ask for bars of its own.

    Parameters
    ----------
    weights
        of each step: its share of the whole time, about.

    Yields
    ------
    a function: it takes the name of the step that begins. Steps may be left out.

    Examples
    --------
    >>> with one_progress_bar({"scan": 3, "compare": 1}) as begin:
    ...     begin("scan")
    ...     squares = list(map_batches(lambda batch: [k * k for k in batch], [1, 2, 3]))
    ...     begin("compare")
    >>> squares
    [1, 4, 9]
    """
    total = sum(weights.values()) or 1.0
    ends = dict(zip(weights, accumulate(100 * w / total for w in weights.values()), strict=True))
    with _new_bar(total=100, bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}") as bar:
        shared = _SharedBar(bar)
        token = _shared_bar.set(shared)
        try:
            yield lambda step: shared.begin(step, ends[step], 100 * weights[step] / total)
        finally:
            _shared_bar.reset(token)


class _SharedBar:
    """A bar from 0 to 100, and the step that it is in."""

    def __init__(self, bar: tqdm[Any]) -> None:
        self.bar, self.place, self.end = bar, 0.0, 0.0

    def begin(self, step: str, end: float, size: float) -> None:
        self.bar.set_description_str(step, refresh=False)
        self.move_to(end - size)
        self.end = end

    def move_to(self, place: float) -> None:
        place = min(max(place, self.place), 100.0)
        self.bar.update(place - self.place)
        self.place = place


class _PartOfBar:
    """The part of a shared bar that one loop fills: two thirds of what is left of its step."""

    def __init__(self, shared: _SharedBar, total: int) -> None:
        self.shared, self.total, self.done = shared, max(total, 1), 0
        self.start = shared.place
        self.size = (shared.end - shared.place) * 2 / 3

    def __enter__(self) -> _PartOfBar:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n: int = 1) -> None:
        self.done += n
        self.shared.move_to(self.start + self.size * self.done / self.total)


_shared_bar: ContextVar[_SharedBar | None] = ContextVar("shared_bar", default=None)


class InThisThread(Executor):
    """An executor that does all work at once, for a Python without threads.

    Examples
    --------
    >>> InThisThread().submit(max, 3, 4).result()
    4
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function, and return a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def open_threads(workers: int, name: str) -> Executor:
    """Return a pool of threads; in a browser, which has none, the work is done by the caller."""
    if not HAS_THREADS:
        return InThisThread()
    return ThreadPoolExecutor(workers, thread_name_prefix=name)


class _Pool:
    """An executor; if it breaks, threads of this process replace it, and no result is lost."""

    def __init__(
        self, function: Callable[[Any], Any], executor: Executor | None, workers: int
    ) -> None:
        self.function, self.executor = function, executor
        self.threads = open_threads(workers, "imgdup_nb")

    def submit(self, batch: Sequence[Any]) -> Future[Any]:
        if self.executor is not None:
            try:
                return self.executor.submit(self.function, batch)
            except BrokenExecutor as error:
                self._replace(error)
        return self.threads.submit(self.function, batch)

    def result(self, batch: Sequence[Any], future: Future[Any]) -> Any:
        try:
            return future.result()
        except BrokenExecutor as error:
            self._replace(error)
            return self.threads.submit(self.function, batch).result()

    def close(self) -> None:
        self.threads.shutdown(wait=True, cancel_futures=True)

    def _replace(self, error: BrokenExecutor) -> None:
        """Replace an executor that lost a worker by threads; a cluster starts a new worker."""
        if self.executor is not None:
            warnings.warn(
                f"the executor broke ({error}); what is left is done in threads of this process",
                stacklevel=2,
            )
        self.executor = None


def each(function: Callable[[Any], Any], batch: Sequence[Any]) -> list[Any]:
    """Return `function` of each item of a batch; `partial(each, function)` can be pickled."""
    return [function(item) for item in batch]
