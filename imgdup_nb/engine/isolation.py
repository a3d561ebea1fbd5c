"""Reads files in worker processes, so that a file that ends its process ends nothing else.

A worker is a fresh Python that imports this package, on every system the same. It never imports
the user's `__main__`, so scripts need no guard and notebooks work. Parent and worker send each
other pickles through the worker's standard input and output.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Generic

import numpy as np

from .decode import silence_decoders
from .parallel import Item, Result, map_batches
from .sketches import sketch_image

SECONDS_ALONE = 10.0  # that one file may take in a worker
ENDED = "reading this file ended the program that read it"
TOO_LONG = "reading this file took more than {:g} seconds"
START = (
    "import sys; sys.path[:] = sys.argv[1:]; from imgdup_nb.engine.isolation import serve; serve()"
)
EASY_TO_END = "500"  # of 1000: where memory runs out, Linux ends a worker and not the notebook


def map_isolated(
    function: Callable[[Sequence[Item]], list[Result]],
    items: Sequence[Item],
    explain: Callable[[Item, str], Result],
    *,
    describe: str = "",
    max_seconds: float = SECONDS_ALONE,
) -> Iterator[Result]:
    """Yield `function`'s result for each item in order, made in one worker for each processor.

    Parameters
    ----------
    function
        takes a list of items and returns as many results; both can be pickled. It is importable.
    explain
        makes the result of an item that ended its worker, from the item and a sentence.
    describe
        a word for the progress bar.
    max_seconds
        of each item; one that takes longer ends its worker, too.

    Raises
    ------
    RuntimeError
        if no worker can be started.
    """
    workers = os.cpu_count() or 1
    with (
        ThreadPoolExecutor(workers, thread_name_prefix="imgdup_nb-isolated") as threads,
        Isolated(function, explain, max_seconds=max_seconds, max_idle=workers) as isolated,
    ):
        # one by one: each has its own seconds; sending it costs little
        yield from map_batches(isolated, items, executor=threads, describe=describe, size=1)


class Isolated(Generic[Item, Result]):
    """A function of a batch that runs in workers; may be called by several threads at once.

    If a batch ends its worker, each of its items is tried again alone. So only an item that ends a
    worker alone is explained, and all others get their results.

    Parameters
    ----------
    function, explain, max_seconds
        as for `map_isolated`.
    max_idle
        workers that are kept for the next call; each takes about 250 MB.
    """

    def __init__(
        self,
        function: Callable[[Sequence[Item]], list[Result]],
        explain: Callable[[Item, str], Result],
        *,
        max_seconds: float = SECONDS_ALONE,
        max_idle: int = 1,
    ) -> None:
        self.function, self.explain = function, explain
        self.max_seconds, self.max_idle = max_seconds, max_idle
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._lock = threading.Lock()
        self._is_closed = False

    def __enter__(self) -> Isolated[Item, Result]:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __call__(self, batch: Sequence[Item]) -> list[Result]:
        """Return the results of a batch.

        Raises
        ------
        RuntimeError
            if no worker can be started, or if this was closed meanwhile.
        Exception
            what `function` raised.
        """
        worker = self._take()
        try:
            return worker.ask(self.function, batch, self.max_seconds)
        except _WorkerEnded as ended:
            if len(batch) == 1 and not self._is_closed:
                return [self.explain(batch[0], ended.sentence)]
        finally:
            self._give_back(worker)
        return [result for item in batch for result in self([item])]

    def close(self) -> None:
        """End all workers, also those that are busy; calls under way raise RuntimeError."""
        with self._lock:
            self._is_closed = True
            workers = [*self._idle, *self._busy]
            self._idle.clear()
        for worker in workers:
            worker.end()

    def _take(self) -> _Worker:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        worker = worker or _Worker()
        with self._lock:
            self._busy.add(worker)
            is_closed = self._is_closed
        if is_closed:
            self._give_back(worker)
            raise RuntimeError("the workers were closed")
        return worker

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            self._busy.discard(worker)
            keeps = not (worker.is_spent or self._is_closed) and len(self._idle) < self.max_idle
            if keeps:
                self._idle.append(worker)
        if not keeps:
            worker.end()


class _WorkerEnded(Exception):
    """A worker ended before it answered."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class _Worker:
    """One process that answers one call after the other."""

    def __init__(self) -> None:
        self.is_spent = True  # until it is ready, and while it answers
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.end = weakref.finalize(self, _end, self._process)  # also when Python exits
        try:
            self._receive()
        except EOFError as error:
            self.end()
            raise RuntimeError(
                f"no worker process could be started by {sys.executable!r}; without isolate=True "
                "files are read in this process"
            ) from error
        self.is_spent = False

    def ask(self, function: Callable[[Any], Any], batch: Sequence[Any], max_seconds: float) -> Any:
        """Return `function` of a batch, worked out in the process."""
        call = pickle.dumps((function, batch, max_seconds))
        self.is_spent, start = True, time.monotonic()
        try:
            self._send(call)
            answer, error = self._receive()
        except (EOFError, OSError) as ended:
            # the worker's own clock begins later, so what it ended took at least that long here
            took_long = time.monotonic() - start >= max_seconds
            raise _WorkerEnded(TOO_LONG.format(max_seconds) if took_long else ENDED) from ended
        self.is_spent = False
        if error is not None:
            raise error
        return answer

    def _send(self, message: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(message)
        self._process.stdin.flush()

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        try:
            return pickle.load(self._process.stdout)
        except Exception as error:  # half a message of a worker that ended
            raise EOFError("the worker ended") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a worker and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what could not be sent to a dead worker
                pipe.close()


# -- in the worker ---------------------------------------------------------------------------------


def serve() -> None:
    """Answer calls until the parent closes the pipe or ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted, and ends its workers
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write(EASY_TO_END)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (open as long as the worker)
    _get_ready()
    for descriptor in (1, 2):  # what C libraries print must not get between the answers
        os.dup2(nowhere.fileno(), descriptor)
    _reply(answers, True)
    while True:
        try:
            function, batch, max_seconds = pickle.load(requests)
        except EOFError:
            return
        # a thread in C, which also ends loops in C
        faulthandler.dump_traceback_later(max_seconds, exit=True, file=nowhere)
        try:
            reply: tuple[Any, Exception | None] = function(batch), None
        except Exception as error:
            reply = None, error
        faulthandler.cancel_dump_traceback_later()
        _reply(answers, reply)


def _get_ready() -> None:
    """Do what the first picture would wait for: imports, and loading the compiled loops."""
    warnings.simplefilter("ignore")  # of decoders: the tables hold what is wrong with a file
    silence_decoders()
    sketch_image(np.zeros((2, 2), np.uint8))


def _reply(answers: Any, message: Any) -> None:
    answers.write(pickle.dumps(message))
    answers.flush()
