"""Groups of duplicates whose labels differ: one picture cannot be of two classes."""

from __future__ import annotations

import html
from collections import Counter
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..engine.checks import check_pairs_table, check_table, count_of
from ..engine.copies import pixel_digests
from ..groups import Grouping
from .columns import check_rows, rows_of_names

# how sure it is that images are copies, the surest first
EVIDENCE = ["same bytes", "same pixels", "verified", "not verified"]
EXACT_COLUMNS = {"path", "sha256", "width", "height"}  # needed to tell equal bytes and pixels


@dataclass(frozen=True, eq=False)
class Conflicts:
    """Groups of duplicates whose labels differ, made by `find_conflicts`.

    Attributes
    ----------
    table
        one row per group whose labels differ, worst first: group (its number in the groups),
        relation (of the closest images with different labels: "same bytes", "same pixels",
        "verified" by alignment, "not verified"), images, vote (each label and how many images have
        it, the rarest first), majority (the most frequent label, empty if two are), suspects (how
        many images have another one).
    images
        one row per image of these groups, in the same order: group, image, label, suspect, relation
        (to the closest image with another label), path if it is known. Where no label has the
        majority, all images are suspect. An image without a label is not.
    confusion
        class x class: the groups that hold both. On the diagonal: the groups that hold only this
        one.
    by
        the column of the labels.
    n_groups
        groups with at least two labelled images.
    """

    table: pd.DataFrame
    images: pd.DataFrame
    confusion: pd.DataFrame
    by: str
    n_groups: int

    @property
    def suspects(self) -> pd.DataFrame:
        """The images whose label is probably wrong, those of the worst groups first."""
        return self.images[self.images.suspect].reset_index(drop=True)

    @property
    def advice(self) -> str:
        """What the agreement of the labels shows, and what it does not show."""
        if not self.n_groups:
            return "No group has two labelled images, so nothing can be compared."
        agree = 1 - len(self.table) / self.n_groups
        return (
            f"Labels agree in {100 * agree:.1f} % of {count_of(self.n_groups, 'group')}. If all "
            "labels are right, at most this share of the groups is right. It may be much less: "
            "two different pictures of one class agree, too."
        )

    def __len__(self) -> int:
        return len(self.table)

    def _headline(self) -> str:
        counts = Counter(self.table.relation)
        kinds = ", ".join(f"{counts[kind]:,} {kind}" for kind in EVIDENCE if counts[kind])
        return f"{count_of(len(self), 'group')} with different labels" + (
            f": {kinds}" if kinds else ""
        )

    def __repr__(self) -> str:
        body = self.table.to_string(index=False, max_rows=12) if len(self) else ""
        return "\n".join(filter(None, [f"<Conflicts: {self._headline()}. {self.advice}>", body]))

    def _repr_html_(self) -> str:
        table = self.table.to_html(index=False, max_rows=20) if len(self) else ""
        return f"<p>{html.escape(self._headline())}. {html.escape(self.advice)}</p>{table}"


def find_conflicts(
    groups: Grouping | pd.DataFrame,
    images: pd.DataFrame,
    by: str = "label",
    *,
    pairs: pd.DataFrame | None = None,
    executor: Executor | None = None,
) -> Conflicts:
    """List the groups of duplicates whose labels differ, worst first.

    Parameters
    ----------
    groups
        made by `group_duplicates`, or a table with the columns group and image.
    images
        made by `scan_images`, with one more column that you merged in: the label of each image.
    by
        the name of that column. Images without a value there have no vote.
    pairs
        the pair table of the groups, made by `verify_pairs` or with 'aligned'. It says which images
        were aligned. None takes that from the method of the groups.
    executor
        any `concurrent.futures.Executor`, to compare pixels; None works in threads.

    Returns
    -------
    Conflicts
        same bytes come first, then same pixels, pairs verified by alignment, and pairs not
        verified. A file with two labels is always a mistake. A pair that is not verified may show
        two different pictures: most conflicts of this kind are false pairs.

    Raises
    ------
    TypeError, ValueError
        if `by` is not a column of `images`, or an image of the groups has no row there.

    Notes
    -----
    ``ThresholdExplorer(pairs, images, across="label")`` shows these groups with their pictures.
    Pictures of one size within a group with different labels are decoded, to compare their pixels.

    Examples
    --------
    >>> import pandas as pd
    >>> groups = pd.DataFrame({"group": [1, 1, 1, 2, 2], "image": ["a", "b", "c", "d", "e"]})
    >>> labels = ["meningioma", "glioma", "meningioma", "glioma", "glioma"]
    >>> images = pd.DataFrame({"image": ["a", "b", "c", "d", "e"], "label": labels})
    >>> conflicts = dup.find_conflicts(groups, images)
    >>> conflicts
    <Conflicts: 1 group with different labels: 1 not verified. Labels agree in 50.0 % ...
     group     relation  images                      vote   majority  suspects
         1 not verified       3 glioma 1 : meningioma 2 meningioma         1
    >>> conflicts.suspects[["image", "label"]]
      image   label
    0     b  glioma
    >>> conflicts.confusion
    label       glioma  meningioma
    label
    glioma           1           1
    meningioma       1           0
    """
    table = groups.table if isinstance(groups, Grouping) else groups
    check_table("groups", table, ("group", "image"), "group_duplicates(pairs, threshold)")
    images, labels = check_rows(images, by)
    places = rows_of_names(images, list(table.image.astype(object)))
    rows = pd.DataFrame(
        {"group": table.group.to_numpy(), "place": places, "code": labels.codes[places]}
    )
    voting = rows[rows.code >= 0]
    n_labels = voting.groupby("group").code.nunique()
    n_votes = voting.groupby("group").code.size()
    differing = n_labels.index[n_labels > 1]
    inside = rows[rows.group.isin(differing)].reset_index(drop=True)
    inside["relation"] = _closest_relations(inside, images, executor)
    near = (inside.relation == EVIDENCE.index("verified")).to_numpy()
    verified = _are_verified(list(images.image.iloc[inside.place]), groups, pairs)
    inside.loc[near & ~verified, "relation"] = EVIDENCE.index("not verified")
    counts = _votes(inside, labels)
    summary = pd.DataFrame(
        [_summary(group, members, counts[group]) for group, members in inside.groupby("group")],
        columns=["group", "rank", "images", "vote", "majority", "suspects", "code"],
    )
    order = np.lexsort((summary.group, -summary.suspects, summary["rank"]))
    summary = summary.iloc[order].reset_index(drop=True)
    return Conflicts(
        table=pd.DataFrame(
            {
                "group": summary.group,
                "relation": _relation_names(summary["rank"]),
                **{name: summary[name] for name in ("images", "vote", "majority", "suspects")},
            }
        ),
        images=_image_rows(inside, summary, images, labels),
        confusion=_confusion(voting, labels, by),
        by=by,
        n_groups=int((n_votes > 1).sum()),
    )


def _closest_relations(
    inside: pd.DataFrame, images: pd.DataFrame, executor: Executor | None
) -> np.ndarray:
    """Return the place in EVIDENCE of each image and the closest one with another label.

    All that are not equal are "verified" here.
    """
    relation = np.full(len(inside), EVIDENCE.index("verified"), dtype=np.int64)
    if not len(inside) or not set(images) >= EXACT_COLUMNS:
        return relation
    facts = images.iloc[inside.place]
    shape = [facts[name].to_numpy() for name in ("width", "height", "frames") if name in facts]
    maybe = _differs_within(inside, [inside.group.to_numpy(), *shape])
    maybe = maybe & (facts.width > 0).to_numpy()
    asked = np.unique(inside.place[maybe])
    digests = dict(zip(asked, pixel_digests(images, asked, executor), strict=True))
    pixels = inside.place.map(lambda place: digests.get(place, "")).to_numpy(dtype=object)
    for kind, contents in (("same pixels", pixels), ("same bytes", facts.sha256.to_numpy())):
        same = _differs_within(inside, [inside.group.to_numpy(), contents]) & (contents != "")
        relation[same] = EVIDENCE.index(kind)
    return relation


def _are_verified(
    names: list[str], groups: Grouping | pd.DataFrame, pairs: pd.DataFrame | None
) -> np.ndarray:
    """Tell of each image whether it was aligned with another one, bool."""
    method = groups.method if isinstance(groups, Grouping) else groups.attrs.get("method", "")
    if pairs is None:
        return np.full(len(names), method == "aligned")
    check_pairs_table("pairs", pairs)
    if "scored_by" not in pairs:
        return np.zeros(len(names), dtype=bool)
    aligned = pairs[pairs.scored_by == "aligned"]
    known = set(aligned.left.astype(object)) | set(aligned.right.astype(object))
    return np.array([name in known for name in names], dtype=bool)


def _differs_within(inside: pd.DataFrame, keys: list[np.ndarray]) -> np.ndarray:
    """Tell of each labelled row whether rows of the same keys have different labels."""
    labels = inside.code.where(inside.code >= 0)
    return ((labels.groupby(keys).transform("nunique") > 1) & labels.notna()).to_numpy()


def _votes(inside: pd.DataFrame, labels: pd.Categorical) -> dict[int, list[tuple[str, int, int]]]:
    """Return of each group its labels, how many images have them, and their codes; rarest first."""
    votes = {}
    for group, codes in inside[inside.code >= 0].groupby("group").code:
        counted = Counter(codes.tolist())
        votes[group] = sorted(
            ((str(labels.categories[code]), n, code) for code, n in counted.items()),
            key=lambda vote: (vote[1], vote[0]),
        )
    return votes


def _summary(group: int, members: pd.DataFrame, votes: list[tuple[str, int, int]]) -> list[object]:
    """Return a row of the summary; the code of the majority is -1 if there is none."""
    tied = votes[-1][1] == votes[-2][1]
    majority, code = ("", -1) if tied else (votes[-1][0], votes[-1][2])
    suspects = sum(n for _, n, of in votes if of != code)
    vote = " : ".join(f"{label} {n}" for label, n, _ in votes)
    return [group, int(members.relation.min()), len(members), vote, majority, suspects, code]


def _image_rows(
    inside: pd.DataFrame, summary: pd.DataFrame, images: pd.DataFrame, labels: pd.Categorical
) -> pd.DataFrame:
    place_of_group = dict(zip(summary.group, summary.index, strict=True))
    majority = inside.group.map(dict(zip(summary.group, summary.code, strict=True)))
    order = np.argsort(inside.group.map(place_of_group).to_numpy(dtype=np.int64), kind="stable")
    facts = images.iloc[inside.place]
    rows = {
        "group": inside.group.to_numpy(),
        "image": facts.image.to_numpy(dtype=object),
        "label": np.asarray(labels, dtype=object)[inside.place],
        "suspect": ((inside.code >= 0) & (inside.code != majority)).to_numpy(),
        "relation": _relation_names(inside.relation),
    }
    if "path" in facts:
        rows["path"] = pd.Series(list(facts.path), dtype=object)  # may hold what is no Unicode
    return pd.DataFrame(rows).iloc[order].reset_index(drop=True)


def _relation_names(codes: pd.Series) -> np.ndarray:
    return np.array(EVIDENCE, dtype=object)[codes.to_numpy(dtype=np.int64)]


def _confusion(voting: pd.DataFrame, labels: pd.Categorical, by: str) -> pd.DataFrame:
    """Return class x class, the groups that hold both; on the diagonal those of one class only."""
    n = len(labels.categories)
    counts = np.zeros((n, n), dtype=np.int64)
    for _, codes in voting.groupby("group").code:
        held = np.unique(codes)
        if len(held) > 1:
            one, other = np.triu_indices(len(held), 1)
            np.add.at(counts, (held[one], held[other]), 1)
            np.add.at(counts, (held[other], held[one]), 1)
        elif len(codes) > 1:
            counts[held[0], held[0]] += 1
    names = pd.Index(labels.categories, name=by)
    return pd.DataFrame(counts, index=names, columns=names)
