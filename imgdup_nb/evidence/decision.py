"""A record of what was decided, by which evidence and about which files; later runs compare."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from ..engine.checks import check_images_table, check_made_by, check_path
from ..engine.pair_graph import WHERE_FROM, check_unique_images
from ..engine.paths import write_whole
from ..groups import Grouping
from .labels import Labels, labels_table
from .recommend import Recommendation

FORMAT = 1
SETTINGS = ["threshold", "linkage", "method", "floor"]
PACKAGES = ["imgdup-nb", "imagehash", "numpy", "pillow", "scipy"]

Decision = dict[str, Any]


def record_decision(
    groups: Grouping,
    images: pd.DataFrame,
    *,
    recommendation: Recommendation | None = None,
    labels: Labels | pd.DataFrame | None = None,
    note: str = "",
    path: str | os.PathLike[str] | None = None,
) -> Decision:
    """Record what was decided: threshold, method, groups, evidence and files.

    Parameters
    ----------
    groups
        made by `group_duplicates`.
    images
        the table they come from.
    recommendation, labels
        the evidence, if there is any.
    note
        your own comment.
    path
        a JSON file to write. It is replaced as a whole, or not at all.

    Returns
    -------
    dict, ready for `json.dumps`:
        - format, made (UTC), note, threshold, linkage, method, floor, versions;
        - counts: images, unreadable, pairs, groups, in groups, redundant;
        - evidence: the recommended threshold, reason, requirements or price, intervals, and the
          table they come from; the number of labels of each kind;
        - inputs: one SHA-256 for all files, and the first 16 hexadecimal digits of each file's;
        - groups: lists of names, the original first.

    Raises
    ------
    KeyError, ValueError
        if `images` lacks an image of the groups, or has two of one name.

    Examples
    --------
    >>> import imgdup_nb as dup
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 62 + [False] * 2])
    >>> groups = dup.group_duplicates(dup.similar_pairs(prints), 95)
    >>> decision = dup.record_decision(groups, prints.images, note="first try")
    >>> decision["threshold"], decision["counts"]["groups"], decision["groups"]
    (95.0, 1, [['a', 'b']])
    """
    check_made_by("groups", groups, Grouping, "group_duplicates(pairs, threshold)")
    images = check_images_table("images", images, ("image",))
    if recommendation is not None:
        check_made_by("recommendation", recommendation, Recommendation, "recommend_threshold(...)")
    check_unique_images(images)
    missing = set(groups.table.image) - set(images.image)
    if missing:
        raise KeyError(f"images has no row for {min(missing)!r}, which is in a group; {WHERE_FROM}")
    digests = images.sha256 if "sha256" in images else [""] * len(images)
    files = {
        str(name): str(digest) for name, digest in sorted(zip(images.image, digests, strict=True))
    }
    record: Decision = {
        "format": FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "note": note,
        "threshold": groups.threshold,
        "linkage": groups.linkage,
        "method": groups.method,
        "floor": groups.floor,
        "versions": _versions(),
        "counts": {
            "images": groups.n_images,
            "unreadable": int((images.problem != "").sum()) if "problem" in images else 0,
            "pairs": groups.n_pairs,
            "groups": len(groups),
            "in groups": len(groups.table),
            "redundant": groups.n_redundant,
        },
        "evidence": _evidence(recommendation, labels),
        "inputs": {
            "sha256": hashlib.sha256(json.dumps(files).encode()).hexdigest(),
            "files": {name: digest[:16] for name, digest in files.items()},
        },
        "groups": [list(map(str, group)) for group in groups],
    }
    if path is not None:
        text = json.dumps(record, indent=1) + "\n"
        write_whole(check_path("path", path, "decision.json"), text.encode())
    return record


def compare_decisions(
    old: Decision | str | os.PathLike[str], new: Decision | str | os.PathLike[str]
) -> pd.DataFrame:
    """List what changed from one decision to another.

    Parameters
    ----------
    old, new
        records made by `record_decision`, or the JSON files they were written to.

    Returns
    -------
    pandas.DataFrame, one row per change, empty if nothing changed:
        what ("threshold", "linkage", "method", "floor", "version of ...", "count of ...", "file",
        "group", "evidence"), change ("new", "gone" or "changed"), old, new. A group is "changed" if
        some of its images were in a group before.

    Raises
    ------
    ValueError
        if one of them is not such a record, or is of a later format.

    Examples
    --------
    >>> import imgdup_nb as dup
    >>> prints = dup.Fingerprints.from_bits(["a", "b"], [[True] * 64, [True] * 62 + [False] * 2])
    >>> strict, loose = (dup.group_duplicates(dup.similar_pairs(prints), t) for t in (100, 95))
    >>> old = dup.record_decision(loose, prints.images)
    >>> new = dup.record_decision(strict, prints.images)
    >>> dup.compare_decisions(old, new)[["what", "change", "old", "new"]]
                     what   change     old    new
    0           threshold  changed    95.0  100.0
    1      count of pairs  changed       1      0
    2     count of groups  changed       1      0
    3  count of in groups  changed       2      0
    4  count of redundant  changed       1      0
    5               group     gone  [a, b]   None
    """
    one, other = _read_record("old", old), _read_record("new", new)
    rows = [
        (name, "changed", one[name], other[name]) for name in SETTINGS if one[name] != other[name]
    ]
    for what, part in (("version of {}", "versions"), ("count of {}", "counts")):
        rows += [
            (what.format(name), change, before, after)
            for name, change, before, after in _changed_entries(one[part], other[part])
        ]
    if one["evidence"] != other["evidence"]:
        rows.append(("evidence", "changed", one["evidence"], other["evidence"]))
    rows += [
        ("file", change, name if before is not None else None, name if after is not None else None)
        for name, change, before, after in _changed_entries(
            one["inputs"]["files"], other["inputs"]["files"]
        )
    ]
    rows += _changed_groups(one["groups"], other["groups"])
    return pd.DataFrame(rows, columns=["what", "change", "old", "new"], dtype=object)


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from its sources, which have no version
            found[package] = "not installed"
    return found


def _evidence(
    recommendation: Recommendation | None, labels: Labels | pd.DataFrame | None
) -> Decision:
    evidence: Decision = {}
    if recommendation is not None:
        evidence["recommended"] = recommendation.threshold
        evidence["reason"] = recommendation.reason
        is_price = "cost_false" in recommendation.requirements
        evidence["price" if is_price else "requirements"] = recommendation.requirements
        evidence["confidence"] = recommendation.confidence
        evidence["intervals"] = {
            name: list(span) for name, span in recommendation.intervals.items()
        }
        evidence["table"] = json.loads(recommendation.evidence.to_json(orient="records"))
    if labels is not None:
        table = labels_table(labels)
        answers = sorted(
            [*sorted((str(row.left), str(row.right))), row.label] for row in table.itertuples()
        )
        evidence["labels"] = dict(sorted(Counter(table.label).items()))
        evidence["labels sha256"] = hashlib.sha256(json.dumps(answers).encode()).hexdigest()
    return evidence


def _read_record(name: str, decision: Decision | str | os.PathLike[str]) -> Decision:
    if not isinstance(decision, Mapping | str | os.PathLike):
        raise TypeError(
            f"{name} must be a record made by record_decision(groups, images), or the path of its "
            f"file, not {type(decision).__name__}"
        )
    if not isinstance(decision, Mapping) and not os.path.isfile(decision):
        raise FileNotFoundError(f"{name} names {os.fspath(decision)!r}, and there is no such file")
    record = decision if isinstance(decision, Mapping) else _parse_file(Path(decision))
    if not isinstance(record, Mapping) or record.get("format") != FORMAT:
        found = record.get("format") if isinstance(record, Mapping) else type(record).__name__
        raise ValueError(
            f"a decision must be a record of format {FORMAT} made by record_decision, and this one "
            f"has {found!r}"
        )
    evidence = dict(record.get("evidence", {}))
    if "wish" in evidence:  # as the first records named the requirements
        evidence["requirements"] = evidence.pop("wish")
    return {**record, "evidence": evidence}


def _parse_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is not a decision that record_decision wrote: it is not JSON ({error})"
        ) from error


def _changed_entries(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> list[tuple[str, str, Any, Any]]:
    """Return (name, change, before, after) of each entry that differs, old entries first."""
    rows = []
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name), new.get(name)
        if before != after:
            change = "new" if name not in old else "gone" if name not in new else "changed"
            rows.append((name, change, before, after))
    return rows


def _changed_groups(old: list[list[str]], new: list[list[str]]) -> list[tuple[str, str, Any, Any]]:
    kept = set(map(tuple, old)) & set(map(tuple, new))
    left = [group for group in old if tuple(group) not in kept]
    of_image = {image: k for k, group in enumerate(left) for image in group}
    rows, followed = [], set()
    for group in new:
        if tuple(group) in kept:
            continue
        sources = sorted({of_image[image] for image in group if image in of_image})
        followed.update(sources)
        before = [image for k in sources for image in left[k]]
        rows.append(("group", "changed" if before else "new", before or None, group))
    gone = [("group", "gone", group, None) for k, group in enumerate(left) if k not in followed]
    return rows + gone
