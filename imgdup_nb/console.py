"""What the command line prints: text with escaped names, tables, JSON; and the CSV files.

A file name cannot change the screen: characters that a terminal obeys are shown by their codes.
"""

from __future__ import annotations

import json
from typing import Any

import click
import numpy as np
import pandas as pd

from .engine.checks import shorten_middle
from .engine.paths import write_result

MAX_LISTED = 20  # rows of a table on the screen; files have all
MAX_WIDTH = 100  # characters of a name there, or one long name makes every row as long


def escape(text: Any) -> str:
    r"""Return a text on one line, with the code of each character that a terminal obeys.

    Examples
    --------
    >>> print(escape("caf\u00e9 \x1b[31m\n.jpg"))
    café \x1b[31m\n.jpg
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in str(text)
    )


def say(text: str) -> None:
    """Print lines, escaped."""
    click.echo("\n".join(map(escape, text.split("\n"))))


def complain(kind: str, what: Any) -> None:
    """Print an error or a warning on one line of the error output."""
    words = what.args[0] if isinstance(what, KeyError) and what.args else what
    line = escape(" ".join(str(words).split("\n")))
    click.echo(f"{kind}: {line}" if line else f"{kind}.", err=True)


def show_warning(message: Any, *_: Any, **__: Any) -> None:
    """Print a warning as `warnings.showwarning` gets it."""
    complain("Warning", str(message).partition("; see ")[0])  # what follows is Python


def say_table(table: pd.DataFrame) -> None:
    """Print the first rows of a table, with escaped names; long ones are cut in the middle."""
    if not len(table):
        return
    shown = table.head(MAX_LISTED)
    for name in shown.columns:
        if not pd.api.types.is_numeric_dtype(shown[name]):
            short = [shorten_middle(escape(value), MAX_WIDTH) for value in shown[name]]
            shown = shown.assign(**{name: short})
    lines = shown.round(2).to_string(index=False).split("\n")
    click.echo("\n".join(line.rstrip() for line in lines))
    if len(table) > MAX_LISTED:
        click.echo(f"... and {len(table) - MAX_LISTED:,} more rows")


def say_json(values: dict[str, Any]) -> None:
    """Print values as JSON on one line."""
    click.echo(json.dumps(values, default=_plain_value))


def _plain_value(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


def rows_as_dicts(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return the rows of a table as dicts; what is missing is None."""
    rows = table.astype(object).where(table.notna(), None)
    return rows.to_dict("records")


def write_csv(path: str | None, table: pd.DataFrame) -> None:
    """Write a table to a CSV file, if there is a path."""
    if path:
        text = table.to_csv(index=False, lineterminator="\n")
        write_result(path, text.encode("utf-8", "backslashreplace"))
