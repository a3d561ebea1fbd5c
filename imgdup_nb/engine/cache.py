"""A memory of the values used last, of at most so many bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ByteCache(Generic[Key, Value]):
    """Values by key; if they are too many bytes, those used longest ago are forgotten.

    Threads may share it.

    Parameters
    ----------
    max_bytes
        of all values together.
    size_of
        returns the bytes of a value.

    Examples
    --------
    >>> cache = ByteCache(max_bytes=5, size_of=len)
    >>> cache.keep("a", b"123")
    >>> cache.keep("b", b"456")
    >>> cache.get("a"), cache.get("b"), cache.n_bytes
    (None, b'456', 3)
    """

    def __init__(self, max_bytes: int, size_of: Callable[[Value], int]) -> None:
        self.max_bytes, self.size_of = max_bytes, size_of
        self.n_bytes = 0
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Key) -> Value | None:
        """Return the value of a key, None if it is not there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def keep(self, key: Key, value: Value) -> None:
        """Remember a value."""
        with self._lock:
            if key in self._values:
                self.n_bytes -= self.size_of(self._values.pop(key))
            self._values[key] = value
            self.n_bytes += self.size_of(value)
            while self.n_bytes > self.max_bytes:
                self.n_bytes -= self.size_of(self._values.popitem(last=False)[1])

    def forget(self) -> None:
        """Forget all values."""
        with self._lock:
            self._values.clear()
            self.n_bytes = 0
