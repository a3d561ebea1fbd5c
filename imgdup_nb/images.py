"""A folder of files -> the `images` table: one row per file."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from .engine.addresses import name_in_address
from .engine.checks import check_above_zero, check_flag, count_of
from .engine.decode import MAX_PIXELS, NO_PICTURE, no_decoder_warnings, silence_decoders
from .engine.isolation import map_isolated
from .engine.parallel import map_batches, stoppable
from .engine.reading import _describe_batch, describe_unread
from .engine.selection import PICTURE_SUFFIXES, Selection, warn_of_folders
from .engine.sketches import sketches
from .engine.sources import Asked, Listed, list_source

UNREAD = "could not be read"

DTYPES = {
    "image": object,  # names may hold what no text encoding allows, so not pandas' string type
    "path": object,
    "bytes": "int64",
    "modified": "datetime64[ns, UTC]",
    "sha256": object,
    "format": object,
    "mode": object,
    "width": "int64",
    "height": "int64",
    "frames": "int64",
    "taken": "datetime64[s]",
    "metadata": "int64",
    "lossless": bool,
    "detail": "float64",
    "kind": object,
    "remarks": object,
    "problem": object,
}


@stoppable
def scan_images(
    source: Any,
    *,
    path: str = "path",
    image: str = "image",
    label: str | os.PathLike[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    include: str | Iterable[str] | None = None,
    max_pixels: int = MAX_PIXELS,
    executor: Executor | None = None,
    isolate: bool = False,
) -> pd.DataFrame:
    """List the pictures of a folder or of another source, and what is known of each.

    A file that cannot be read is a row with a `problem`.

    Parameters
    ----------
    source
        - a folder with all its subfolders, or a list of files and folders. Hidden files and folders
          (also notebooks' checkpoints) are passed over. A linked folder is followed once, and only
          where it leads outside. Folders of the system and of other programs are left out: recycle
          bins, thumbnails of network drives, the insides of photo libraries. So are files that
          belong to a picture beside them, such as `IMG_1.xmp`.
        - URLs that fsspec opens, also chains: `s3://bucket/photos`, `zip://*.jpg::s3://bucket/x.zip`
          (pip install "imgdup-nb[remote]").
        - a zip or tar file, a list of them, or shards of a WebDataset: "shard-{000..010}.tar". Side
          members (json, cls, txt) become columns.
        - a parquet file or a folder of them (pip install "imgdup-nb[data]").
        - a DataFrame with a column of paths. All other columns come along.
        - a `Dataset` or `DatasetDict` of Hugging Face. All columns but audio and other pictures
          come along; classes are named.
        - pictures in memory: `{"name": picture}`, an array of n x height x width (x 3), or any
          object with a length that gives pictures or (picture, label) by number. A picture is an
          array, a picture of Pillow, or the bytes of a file.
        - several sources by split: `{"train": one, "test": other}`.
    path
        of a DataFrame: the column of paths.
    image
        of parquet files, data sets and items that are dicts: the column of pictures.
    label : {None, 'folder', 'yolo'} or a path
        adds the column `label`. 'folder': the folder at the top of an image's name. If these are
        splits, such as train and test, they are the column `split`, and the next folder is the
        label. The path of a COCO file ("instances_val2017.json"), or 'yolo' for the text files of
        YOLO: the classes of the objects in a picture, sorted.
    exclude, include
        patterns on the images' names: one, or a list. `"*.png"` and `"drafts"` match a file or a
        folder anywhere, `"2023/*"` matches from the top, and `**` is any number of folders. Upper
        and lower case are the same. Images that match one of `exclude` are left out. If `include`
        is given, so are all that match none of it. It also brings in a folder of the system that
        it names: `include="$RECYCLE.BIN/**"`.
    max_pixels
        larger pictures become rows with a problem, inclusive; JPEG is judged by the reduced size it
        is decoded at.
    executor
        any `concurrent.futures.Executor`, such as `dask.distributed.Client(...).get_executor()`;
        its workers must be able to read the paths. None works in threads.
    isolate
        True reads the files in worker processes, one for each processor. A file that ends its
        worker, or takes more than 10 seconds, is a row with a problem, and all others are read as
        usual. For pictures from people you do not know. Workers cannot read pictures in memory.

    Returns
    -------
    pandas.DataFrame, one row per file, sorted by `image`:
        image (name relative to the folder, `/` between its parts), path, bytes, modified (UTC),
        sha256, format, mode, width and height (pixels, as shown: EXIF orientation applied), frames,
        taken (EXIF, local time of the camera), metadata (number of EXIF, XMP and IPTC entries,
        layout aside), lossless (does the file keep every pixel it was given?), detail (standard
        deviation of grey, 0 = blank, at most 127.5), kind ("raw" for a camera's RAW file, else
        empty), remarks (what is wrong with a file that can be shown all the same, such as a part
        that is damaged; else empty), problem (empty if the image could be read).
        Files with a problem have size 0 and detail NaN; a time that no table can hold (before 1678
        or after 2262) is NaT. Columns that come along follow; a name that the table has itself gets
        `given_` in front. `attrs["left_out"]` lists the folders of the system.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        if the folder is not there or is no folder, or nothing of a list is there. If only some of
        a list is missing, each of these is a row with a problem.
    TypeError, ValueError
        if `source` is none of these, an archive or a parquet file is damaged, or a list mixes
        URLs with paths of this machine; if max_pixels is no number above 0, or a pattern is no
        text; if there are both isolate and executor.
    RuntimeError
        with isolate=True, if no worker process can be started.

    Warns
    -----
    UserWarning
        once each, if files could not be read or none was found, and if folders were left out.

    Notes
    -----
    Each file is read and decoded once, JPEG at a fraction of its size and in grey. A 64 x 64 sketch
    of the last 60,000 images (250 MB) is remembered, so that fingerprints made right after need no
    second decode, save for `colorhash`.

    Workers of isolate=True take one to three seconds to start, and 250 MB each. A file may take
    0.8 GB more in each, with the default of max_pixels.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (30, 20), "red").save(f"{folder}/red.png")
    ...     images = dup.scan_images(folder)
    >>> images[["image", "format", "width", "height", "detail", "problem"]]
         image format  width  height  detail problem
    0  red.png    PNG     30      20     0.0
    """
    check_above_zero("max_pixels", max_pixels, "a number of pixels above 0, such as 50_000_000")
    if check_flag("isolate", isolate) and executor is not None:
        raise ValueError("isolate=True has workers of its own: leave out executor= or isolate=")
    listed = list_source(source, Asked(path, image, label, Selection.of(exclude, include)))
    in_memory = any(file.path.startswith("item://") for file in listed.files)
    if in_memory and (isolate or isinstance(executor, ProcessPoolExecutor)):
        raise ValueError(
            "other processes cannot read pictures in memory: leave out isolate= and executor="
        )
    silence_decoders()
    rows = []
    with no_decoder_warnings():
        batch = partial(_describe_batch, max_pixels=max_pixels)
        read = (
            map_isolated(batch, listed.files, describe_unread, describe="scan")
            if isolate
            else map_batches(batch, listed.files, executor=executor, describe="scan")
        )
        for row, sketch in read:
            rows.append(row)
            if sketch is not None:  # as they come: only the last sketches stay in memory
                sketches.keep((row["path"], row["bytes"], row["modified"], "L"), sketch)
    images = _with_columns(tabulate(rows), listed)
    images.attrs["left_out"] = listed.left_out
    warn_of_folders(listed.left_out)
    warn_of_unreadable(source, images)
    return images


def tabulate(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the `images` table of rows made by `describe_file`; their times are in nanoseconds."""
    columns = {
        name: pd.Series([row[name] for row in rows], dtype=DTYPES[name])
        for name in DTYPES
        if name != "modified"
    }
    modified = np.array([row["modified"] for row in rows], dtype=np.int64).view("datetime64[ns]")
    columns["modified"] = pd.Series(modified).dt.tz_localize("UTC")
    return pd.DataFrame({name: columns[name] for name in DTYPES})


def _with_columns(images: pd.DataFrame, listed: Listed) -> pd.DataFrame:
    """Return the table with the columns that come along, sorted by image."""
    columns = listed.columns
    late = listed.late()
    if late:
        columns = columns.assign(label=pd.Series(late, dtype=object).reindex(columns.index))
    if set(DTYPES) <= {*columns, "image", "path"}:  # an images table, scanned again
        columns = columns.drop(columns=list(DTYPES), errors="ignore")
    columns = columns.rename(columns=lambda name: f"given_{name}" if name in DTYPES else name)
    if not images.image.is_monotonic_increasing:
        order = images.image.argsort(kind="stable")
        images, columns = images.iloc[order], columns.iloc[order]
    return pd.concat([images.reset_index(drop=True), columns.reset_index(drop=True)], axis=1)


def are_no_pictures(images: pd.DataFrame) -> np.ndarray:
    """Tell which files are no pictures by their first bytes and by their suffix, bool, n_images.

    A text called `a.jpg` is not among them: it may be a picture that was damaged.
    """
    is_other = (images.problem == NO_PICTURE).to_numpy(dtype=bool, copy=True)
    for place in np.flatnonzero(is_other):
        suffix = os.path.splitext(name_in_address(images.path.iloc[place]))[1].lower()
        is_other[place] = suffix != "" and suffix not in PICTURE_SUFFIXES
    return is_other


# -- problems --------------------------------------------------------------------------------------


def warn_of_unreadable(folder: Any, images: pd.DataFrame) -> None:
    """Give one summary warning: how many files, and why."""
    if images.empty:
        named = isinstance(folder, str | os.PathLike | list)
        shown = repr(str(folder)) if named else f"the {type(folder).__name__}"
        warnings.warn(f"no files found in {shown}", stacklevel=3)
        return
    others = are_no_pictures(images)
    reasons = Counter(images.problem[(images.problem != "") & ~others])
    n_others = int(others.sum())
    if n_others == len(images):
        warnings.warn(f"none of the {count_of(n_others, 'file')} is a picture", stacklevel=3)
    elif reasons:
        most = "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(3))
        more = f"; and {count_of(len(reasons) - 3, 'other reason')}" if len(reasons) > 3 else ""
        besides = f", besides {count_of(n_others, 'file')} without a picture" if n_others else ""
        warnings.warn(
            f"{reasons.total()} of {len(images)} files {UNREAD}{besides} ({most}{more}); "
            "see images[images.problem != '']",
            stacklevel=3,
        )
