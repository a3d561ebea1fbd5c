"""The command line: `imgdup find`, `leaks`, `conflicts`, `compare`, `clean`, `undo`, `lab`.

Exit codes: 0 fine; 1 something was found above a limit, or left undone; 2 an error; 130 stopped.
Results are on the standard output. Warnings, errors and progress are on the error output.
"""

from __future__ import annotations

import glob
import io
import math
import os
import re
import shlex
import subprocess
import sys
import traceback
import warnings
from ast import literal_eval
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from functools import reduce
from typing import Any

import click
import numpy as np
import pandas as pd

from .compare import compare_images
from .console import (
    complain,
    escape,
    rows_as_dicts,
    say,
    say_json,
    say_table,
    show_warning,
    write_csv,
)
from .datasets.conflicts import find_conflicts
from .datasets.leaks import find_leaks
from .engine.checks import check_percent, count_of
from .engine.decode import UnreadableImage
from .engine.parallel import one_progress_bar
from .find import STEPS, WHY_UNREAD, Duplicates, confirm_pairs, find_duplicates
from .fingerprints import fingerprint_images
from .images import are_no_pictures, scan_images, warn_of_unreadable
from .lab import FIRST_NOTEBOOK, copy_notebooks, open_lab
from .methods import METHODS
from .pairs import similar_pairs
from .review.apply import JOURNAL_NAME, apply_plan, read_log, undo

FINE, FOUND, HAS_ERROR, STOPPED = 0, 1, 2, 130
PATH_COLUMNS = ("path", "file", "filename", "file_name", "image")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors are one sentence on the error output."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a letter shows its code
            stream.reconfigure(errors="backslashreplace")
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = show_warning
        try:
            code = program.main(arguments, prog_name="imgdup", standalone_mode=False)
            sys.stdout.flush()
            return FINE if code is None else int(code)
        except click.Abort as stop:
            click.echo(escape(_in_commands(str(stop.__cause__ or ""))) or "Stopped.", err=True)
            return STOPPED
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return HAS_ERROR
        except click.ClickException as error:
            complain("Error", error.format_message())
            return HAS_ERROR
        except BrokenPipeError:  # as in `imgdup find photos | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return HAS_ERROR
        except (OSError, ValueError, ImportError, KeyError, UnreadableImage) as error:
            complain("Error", error)
            return HAS_ERROR
        except Exception:  # a mistake of this program: its place is worth more than one sentence
            traceback.print_exc()
            return HAS_ERROR


def _in_commands(text: str) -> str:
    """Return what Python says of a run that was stopped, with the commands for its calls.

    Examples
    --------
    >>> _in_commands("No file is lost. resume('a b') continues it, undo('a b') goes back.")
    "No file is lost. The same command continues it, imgdup undo 'a b' goes back."
    """
    undo_it = re.compile(r"\bundo\(((['\"]).*?\2)\)(?= continues| goes)")
    text = re.sub(r"\bresume\(.*?\) continues it", "The same command continues it", text)
    return undo_it.sub(lambda found: f"imgdup undo {_quoted(literal_eval(found[1]))}", text)


def _quoted(path: str) -> str:
    """Return a path as it is typed in this system's terminal."""
    return subprocess.list2cmdline([path]) if sys.platform == "win32" else shlex.quote(path)


# -- the commands ----------------------------------------------------------------------------------


# statuses of files that a run moved, and that were not brought back
MOVED = {"done", "cut short", "undo cut short", "not restored"}


class _NewFile(click.Path):
    """A file to write. Its folder must exist: that is said before the work and not after it."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        path = super().convert(value, param, ctx)
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            self.fail(f"Directory {folder!r} does not exist.", param, ctx)
        return path


class _Journal(click.Path):
    """The journal of a run, or a folder: the newest journal there with files to bring back."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        path = str(super().convert(value, param, ctx))
        if not os.path.isdir(path):
            return path
        found = glob.glob(os.path.join(glob.escape(path), f"{JOURNAL_NAME}*.jsonl"))
        if not found:
            self.fail(f"{path!r} has no journal of imgdup clean.", param, ctx)
        # a name holds the time; a later run of the same moment has a number, too
        found.sort(key=lambda each: each.removesuffix(".jsonl"), reverse=True)
        return next(filter(_can_be_undone, found), found[0])


def _can_be_undone(journal: str) -> bool:
    """Whether files of a run are to be brought back, or its journal cannot be read."""
    try:
        return bool(read_log(journal).status.isin(MOVED).any())
    except (OSError, ValueError):
        return True


def _check_share(_: Any, __: Any, share: float) -> float:
    if math.isnan(share):  # no share is above it, so the gate would be open for ever
        raise click.BadParameter("nan is not in the range 0<=x<=1.")
    return share


FOLDER = click.Path(exists=True, file_okay=False)
FILE = click.Path(exists=True, dir_okay=False)
JOURNAL = _Journal(exists=True)
NEW_FILE = _NewFile(dir_okay=False, writable=True)
AS_CSV = click.option("--csv", "csv", type=NEW_FILE, help="Write the table to this file.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
PATTERN_OPTIONS = (
    click.option(
        "--exclude",
        multiple=True,
        metavar="PATTERN",
        help="Leave out what matches, such as 'tmp/**'; may be repeated.",
    ),
    click.option(
        "--include",
        multiple=True,
        metavar="PATTERN",
        help="Look only at what matches, such as '*.jpg'; may be repeated.",
    ),
)


def _options(*more: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a decorator that adds the options of all commands that search, and `more` options."""
    options = [
        click.option(
            "--threshold", type=float, default=90.0, show_default=True, help="Percent, inclusive."
        ),
        click.option(
            "--method",
            type=click.Choice([*METHODS]),
            default="phash",
            show_default=True,
            help="How pictures are compared.",
        ),
        click.option(
            "--verify/--no-verify",
            default=None,
            help="Align the pairs of a hash, or do not. By default they are, if OpenCV is there.",
        ),
        *more,
    ]
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


def _find_in(
    folder: str, exclude: tuple[str, ...], include: tuple[str, ...], **search: Any
) -> Duplicates:
    """Find the duplicates of the images that the patterns ask for."""
    result = find_duplicates(folder, exclude=exclude or None, include=include or None, **search)
    warn_of_unreadable(folder, result.images)
    return result


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(sys.modules[__package__].__version__, prog_name="imgdup")
def program() -> None:
    """Find duplicate pictures, leaks between data sets, and contradicting labels."""


@program.command()
@click.argument("folder", type=FOLDER)
@_options(*PATTERN_OPTIONS)
@AS_CSV
@click.option("--html", "page", type=NEW_FILE, help="Write the plan as a page with pictures.")
@AS_JSON
def find(folder: str, csv: str | None, page: str | None, as_json: bool, **search: Any) -> int:
    """List the groups of duplicates in FOLDER."""
    result = _find_in(folder, **search)
    table = _group_rows(result)
    write_csv(csv, table)
    if page:
        path = os.path.abspath(page)
        write = path if path.lower().endswith((".html", ".csv", ".json")) else f"{path}.html"
        result.report(write)
    if as_json:
        say_json(
            {
                "threshold": result.threshold,
                "method": result.method,
                "verified": result.verified,
                "images": len(result.images),
                "unreadable": int((result.images.problem != "").sum()),
                "other_files": int(are_no_pictures(result.images).sum()),
                "redundant": result.groups.n_redundant,
                "groups": [
                    rows_as_dicts(rows.drop(columns="group")) for _, rows in _by_group(table)
                ],
            }
        )
        return FINE
    _say_result(result)
    say_table(table[["group", "image", "similarity", "original"]])
    return FINE


def _say_result(result: Duplicates) -> None:
    found, missed, _ = result._lines()
    missed = missed.replace("method='aligned'", "--method aligned")
    missed = missed.removesuffix(f" {WHY_UNREAD}")
    say(f"{found}.\n{missed}")


def _by_group(table: pd.DataFrame) -> Any:
    return table.groupby("group")


def _group_rows(result: Duplicates) -> pd.DataFrame:
    """Return the table of the groups, with the path of each image."""
    paths = dict(zip(result.images.image, result.images.path, strict=True))
    table = result.groups.table
    # objects: a path may hold what is no Unicode
    of_table = pd.Series([paths[image] for image in table.image], table.index, dtype=object)
    return table.assign(path=of_table)


@program.command()
@click.argument("train", type=FOLDER)
@click.argument("test", type=FOLDER)
@_options()
@click.option(
    "--max-share",
    type=click.FloatRange(0, 1),
    callback=_check_share,
    default=0.0,
    show_default=True,
    help="Share of TEST that may have a copy in TRAIN, inclusive.",
)
@AS_CSV
@AS_JSON
def leaks(
    train: str, test: str, max_share: float, csv: str | None, as_json: bool, **search: Any
) -> int:
    """Count the images of TEST that have a copy in TRAIN. The exit code is 1 above --max-share."""
    images, pairs = _scan_and_compare(train, test, **search)
    found = find_leaks(pairs, images, threshold=search["threshold"])
    row = found.shares.loc["test"]
    is_leak = bool(row.share > max_share)
    write_csv(csv, found.table)
    if as_json:
        numbers = found.shares.loc[["test"]].reset_index(drop=True)
        answer = {"leak": is_leak, "max_share": max_share, "pairs": rows_as_dicts(found.table)}
        say_json(rows_as_dicts(numbers)[0] | answer)
        return FOUND if is_leak else FINE
    say(
        f"{row.leaked:,.0f} of {count_of(int(row.images), 'image')} of TEST have a copy in TRAIN: "
        f"{100 * row.share:.2f} % ({row.exact:,.0f} exact, {row.near:,.0f} near; interval "
        f"{100 * row.low:.2f} to {100 * row.high:.2f} %)."
    )
    say(f"{'Above' if is_leak else 'Within'} the limit of {100 * max_share:g} %.")
    say_table(found.table[["left", "right", "similarity", "relation"]])
    return FOUND if is_leak else FINE


def _scan_and_compare(
    train: str, test: str, *, threshold: float, method: str, verify: bool | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the images of both folders, and the pairs of one of TRAIN and one of TEST."""
    threshold = check_percent("threshold", threshold)
    with one_progress_bar(STEPS) as begin:
        begin("scan")
        images = scan_images([train, test])
        _mark_splits(images, train, test)
        begin("fingerprints")
        first, second = (
            fingerprint_images(images[images.split == split], method) for split in ("train", "test")
        )
        begin("pairs")
        pairs = similar_pairs(first, second, min_similarity=threshold)
        begin("align")
        return images, confirm_pairs(pairs, images, threshold, verify)[0]


def _mark_splits(images: pd.DataFrame, train: str, test: str) -> None:
    """Add the column `split`."""
    inside = [_lies_inside(images, folder) for folder in (train, test)]
    if (inside[0] & inside[1]).any():
        raise ValueError("TRAIN and TEST must be two folders, and one is inside the other")
    images["split"] = np.where(inside[0], "train", "test")
    for split in ("train", "test"):
        if not (images.problem[images.split == split] == "").any():
            raise ValueError(f"{split.upper()} holds no picture that can be read")


def _lies_inside(images: pd.DataFrame, folder: str) -> np.ndarray:
    root = os.path.join(os.path.abspath(folder), "")
    return images.path.str.startswith(root).to_numpy(dtype=bool)


@program.command()
@click.argument("source", type=click.Path(exists=True))
@_options()
@click.option("--label", default="label", show_default=True, help="Column of a CSV file.")
@click.option(
    "--max-groups",
    type=click.IntRange(0),
    help="The exit code is 1 if more groups have different labels.",
)
@AS_CSV
@AS_JSON
def conflicts(
    source: str, label: str, max_groups: int | None, csv: str | None, as_json: bool, **search: Any
) -> int:
    """List duplicates in SOURCE that have different labels.

    SOURCE is a folder with one folder per class, or a CSV file with columns for path and label.
    """
    images = _labelled_folder(source) if os.path.isdir(source) else _labelled_csv(source, label)
    result = find_duplicates(images, sample=0, **search)
    found = find_conflicts(result.groups, images, pairs=result.pairs)
    write_csv(csv, found.images)
    is_above = max_groups is not None and len(found) > max_groups
    if as_json:
        say_json(
            {
                "groups": rows_as_dicts(found.table),
                "images": rows_as_dicts(found.images),
                "compared": found.n_groups,
            }
        )
    else:
        say(f"{found._headline()}.\n{found.advice}")
        say_table(found.table)
        say_table(found.suspects[["group", "image", "label", "relation"]])
    return FOUND if is_above else FINE


def _labelled_folder(folder: str) -> pd.DataFrame:
    images = scan_images(folder)
    parts = images.image.str.partition("/")
    if not (parts[1] == "/").any():
        raise ValueError(f"{folder} must have one folder per class, or be a CSV file with labels")
    return images.assign(label=parts[0].where(parts[1] == "/", ""))


def _labelled_csv(source: str, label: str) -> pd.DataFrame:
    """Return the images that a CSV file lists; its paths start at its own folder."""
    listed = _read_csv(source)
    column = next((name for name in PATH_COLUMNS if name in listed), None)
    if column is None or label not in listed:
        missing = repr(label) if column else f"one of {', '.join(map(repr, PATH_COLUMNS))}"
        has = ", ".join(map(repr, listed.columns))
        raise ValueError(
            f"{source} must have a column {missing} (commas between columns), and has {has}"
        )
    nameless = listed[column].str.strip() == ""
    if nameless.any():
        row = int(np.argmax(nameless)) + 1
        raise ValueError(f"{source} has no {column} in row {row} below its header")
    home = os.path.dirname(os.path.abspath(source))
    paths = [os.path.normpath(os.path.join(home, path)) for path in listed[column]]
    twice = pd.Series(paths, dtype=object).duplicated()
    if twice.any():
        raise ValueError(f"{source} lists {paths[int(np.argmax(twice))]!r} twice")
    folder = next(filter(os.path.isdir, paths), None)
    if folder is not None:
        raise ValueError(f"{source} must list files, and {folder!r} is a folder")
    images = scan_images(paths)
    labels = dict(zip(paths, listed[label], strict=True))
    return images.assign(label=[labels.get(path, "") for path in images.path])


def _read_csv(source: str) -> pd.DataFrame:
    try:
        return pd.read_csv(source, dtype=str, keep_default_na=False)
    except OSError:
        raise
    except Exception as error:  # also what unpacking raises, such as zipfile.BadZipFile
        raise ValueError(f"{source} is not a CSV file in UTF-8: {error}") from error


@program.command("compare")
@click.argument("left", type=FILE)
@click.argument("right", type=FILE)
@AS_JSON
def compare_command(left: str, right: str, as_json: bool) -> int:
    """Say whether LEFT and RIGHT are copies. List what each method scores."""
    found = compare_images(left, right)
    scores = found.scores.reset_index()
    if as_json:
        say_json(
            {
                "left": found.left,
                "right": found.right,
                "relation": found.relation,
                "sentence": found.sentence,
                "scores": rows_as_dicts(scores),
            }
        )
    else:
        say(found.sentence)
        say_table(scores)
    return FINE


@program.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--to", "to", required=True, type=click.Path(file_okay=False), help="Where files are moved to."
)
@click.option(
    "--dry-run/--yes",
    "is_dry",
    default=True,
    help="Only list the files, or move them. The default is --dry-run, which changes nothing.",
)
@_options(*PATTERN_OPTIONS)
@AS_JSON
def clean(folder: str, to: str, is_dry: bool, as_json: bool, **search: Any) -> int:
    """Move the redundant files of FOLDER to another folder. Without --yes only list them."""
    result = _find_in(folder, sample=0, **search)
    plan = result.plan()
    printed = io.StringIO() if is_dry else _JournalOnly()
    with redirect_stdout(printed):  # what `apply_plan` prints names calls of Python
        log = apply_plan(plan, to=to, dry_run=is_dry)
    acted = log[log.status != "kept"]
    done = acted.status.isin(["done", "would be done"])
    journal = log.attrs.get("journal")
    doubtful = plan[(plan.action == "keep") & (plan.flag != "")][["group", "image", "flag"]]
    code = FINE if done.all() else FOUND
    if as_json:
        files = rows_as_dicts(pd.DataFrame(acted[["group", "image", "status", "target", "note"]]))
        answer = {"dry_run": is_dry, "journal": journal or None, "files": files}
        say_json(answer | {"to_look_at": rows_as_dicts(doubtful)})
        return code
    _say_result(result)
    would = "would be moved. Nothing was changed" if is_dry else "moved"
    kept = count_of(len(log) - len(acted), "file")
    say(f"{count_of(int(done.sum()), 'file')} {would}; {kept} kept.")
    say_table(acted[["group", "image", "status", "note"]])
    if len(doubtful):
        stay = "stays" if len(doubtful) == 1 else "stay"
        say(f"{count_of(len(doubtful), 'file')} of these groups {stay} until you have looked.")
        say_table(doubtful)
        say("To see them beside the better file: imgdup find FOLDER --html review.html")
    if is_dry:
        say("Add --yes to move them.")
        return FINE
    if journal:
        say(f"To go back: imgdup undo {_quoted(journal)}")
    return code


class _JournalOnly(io.StringIO):
    """Passes on the line that names the journal, at once: a killed run leaves nothing else."""

    def write(self, text: str) -> int:
        if text.startswith("Journal: "):
            click.echo(escape(text.strip()), err=True)
        return len(text)


@program.command("undo")
@click.argument("log", type=JOURNAL)
@AS_JSON
def undo_command(log: str, as_json: bool) -> int:
    """Bring back the files that `clean` moved.

    LOG is the journal of a run. It may also be the folder that files were moved to: then the
    newest run there is undone that still has files to bring back.
    """
    n_before = int((read_log(log).status == "restored").sum())
    with redirect_stdout(io.StringIO()):
        restored = undo(log)
    if as_json:
        acted = restored[restored.status.isin(["restored", "not restored"])]
        say_json({"files": rows_as_dicts(pd.DataFrame(acted[["image", "status", "note"]]))})
    else:
        say(f"{count_of(int((restored.status == 'restored').sum()) - n_before, 'file')} restored.")
        if n_before:
            say(f"{count_of(n_before, 'file')} restored before.")
        say_table(restored[["image", "status", "note"]][restored.status == "not restored"])
    return FOUND if (restored.status == "not restored").any() else FINE


@program.command()
@click.argument("folder", type=click.Path(file_okay=False), default="imgdup-notebooks")
@click.option(
    "--photos", type=FOLDER, help="Pictures that the notebooks use instead of the demo's."
)
@click.option("--copy-only", is_flag=True, help="Copy the notebooks, and do not open JupyterLab.")
@AS_JSON
def lab(folder: str, photos: str | None, copy_only: bool, as_json: bool) -> int:
    """Copy the notebooks into FOLDER and open them in JupyterLab. Files that are there stay."""
    copied = copy_notebooks(folder)
    if as_json:
        say_json({"folder": os.path.abspath(folder), "copied": [str(path) for path in copied]})
    else:
        what = count_of(len(copied), "notebook")
        say(f"{what} copied into {folder}: {FIRST_NOTEBOOK} is the first.")
    if not copy_only:
        open_lab(folder, photos or "")
    return FINE
