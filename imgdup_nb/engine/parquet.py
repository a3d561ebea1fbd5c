"""Rows of parquet files: pictures in a column of bytes, or of Hugging Face's struct.

Rows are read in blocks of about 8 MB. The blocks used last stay in memory, 128 MB of them.
"""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from .addresses import UnreadableMember
from .cache import ByteCache

ROWS_BYTES = 8 * 2**20
OPEN_FILES = 16  # files


def import_pyarrow() -> Any:
    """Return `pyarrow.parquet`, or say what to install."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError('parquet files need pyarrow: pip install "imgdup-nb[data]"') from error
    return pyarrow.parquet


class ParquetPictures:
    """A parquet file and the column of its pictures; threads may share it.

    Raises
    ------
    ValueError
        if it is damaged, or has no such column.
    """

    def __init__(self, path: str, column: str) -> None:
        self.path, self.modified = path, os.stat(path).st_mtime_ns
        self._lock = threading.Lock()
        parquet = import_pyarrow()
        try:
            self.file = parquet.ParquetFile(path, memory_map=True)
        except Exception as error:
            reason = " ".join(str(error).split())[:160]
            raise ValueError(f"the parquet file {path!r} is damaged: {reason}") from error
        self.schema = self.file.schema_arrow
        self.column = self._find_column(column)
        self.is_struct = _is_struct(self.schema.field(self.column).type)
        counts = [self.file.metadata.row_group(k).num_rows for k in range(self.file.num_row_groups)]
        self.starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._cursors: dict[int, tuple[int, Iterator[Any]]] = {}

    def __len__(self) -> int:
        return int(self.starts[-1])

    def content(self, row: int) -> bytes:
        """Return the bytes of the picture in a row."""
        group = int(np.searchsorted(self.starts, row, side="right")) - 1
        if not 0 <= row < len(self):
            raise UnreadableMember("the parquet file holds no such row")
        size = self._block_rows(group)
        block, place = divmod(row - int(self.starts[group]), size)
        values = self._block(group, block, size)
        content = values[place].as_py()
        if content is None:
            raise UnreadableMember("there is no picture in this row")
        return content

    def columns(self) -> pd.DataFrame:
        """Return the other columns, classes by name; bytes are left out."""
        names = [
            field.name
            for field in self.schema
            if field.name != self.column and not _holds_bytes(field.type)
        ]
        table = self.file.read(columns=names) if names else None
        frame = table.to_pandas() if table is not None else pd.DataFrame(index=range(len(self)))
        for name, classes in self._classes().items():
            if name in frame:
                frame[name] = name_classes(frame[name], classes)
        return frame.reset_index(drop=True)

    def _classes(self) -> dict[str, list[str]]:
        """Return the names of classes that Hugging Face writes into the file."""
        try:
            known = json.loads((self.schema.metadata or {})[b"huggingface"])["info"]["features"]
            return {name: one["names"] for name, one in known.items() if "names" in one}
        except (KeyError, ValueError, TypeError):
            return {}

    def _find_column(self, wanted: str) -> str:
        with_bytes = [field.name for field in self.schema if _holds_bytes(field.type)]
        if wanted in with_bytes:
            return wanted
        if len(with_bytes) == 1:
            return with_bytes[0]
        raise ValueError(
            f"image must be the column of {self.path!r} that holds pictures as bytes: "
            f"{', '.join(map(repr, with_bytes)) or 'it has none'}"
        )

    def _block_rows(self, group: int) -> int:
        known = self.file.metadata.row_group(group)
        parts = [known.column(k) for k in range(known.num_columns)]
        name = self.column + "."
        n_bytes = sum(
            part.total_uncompressed_size
            for part in parts
            if (part.path_in_schema + ".").startswith(name)
        )
        return max(1, min(1024, ROWS_BYTES * max(known.num_rows, 1) // max(n_bytes, 1)))

    def _block(self, group: int, block: int, size: int) -> Any:
        key = (self.path, self.modified, self.column, group, block)
        values = _blocks.get(key)
        if values is not None:
            return values
        with self._lock:
            values = _blocks.get(key)
            if values is not None:
                return values
            at, batches = self._cursors.pop(group, (0, None))
            if batches is None or at > block:
                at, batches = 0, self._read_group(group, size)
            for values in batches:
                _blocks.keep((*key[:4], at), values)
                at += 1
                if at > block:
                    break
            self._cursors = {group: (at, batches)}
            return values

    def _read_group(self, group: int, size: int) -> Iterator[Any]:
        columns = [f"{self.column}.bytes"] if self.is_struct else [self.column]
        batches = self.file.iter_batches(
            batch_size=size, row_groups=[group], columns=columns, use_threads=False
        )
        for batch in batches:
            values = batch.column(0)
            yield values.field("bytes") if self.is_struct else values


def open_parquet(path: str, column: str) -> ParquetPictures:
    """Return a parquet file, opened once for all of its rows until it changes."""
    key = (path, column, os.stat(path).st_mtime_ns)
    with _files_lock:
        if key not in _files:
            _files[key] = ParquetPictures(path, column)
            while len(_files) > OPEN_FILES:
                _files.popitem(last=False)
        _files.move_to_end(key)
        return _files[key]


def name_classes(numbers: pd.Series, names: list[str]) -> pd.Series:
    """Return classes by name; what has no name, such as -1 for none, stays as it is."""
    return numbers.map(dict(enumerate(names))).where(
        lambda named: named.notna(), numbers.astype(object)
    )


_files: OrderedDict[tuple[str, str, int], ParquetPictures] = OrderedDict()
_files_lock = threading.Lock()
_blocks: ByteCache[Any, Any] = ByteCache(128 * 2**20, lambda values: values.nbytes)


def _is_struct(kind: Any) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_struct(kind))


def _holds_bytes(kind: Any) -> bool:
    import pyarrow

    types = pyarrow.types
    if types.is_struct(kind):
        return any(field.name == "bytes" and _holds_bytes(field.type) for field in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))
