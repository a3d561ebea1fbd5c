"""Find duplicate pictures, and choose the threshold from which pictures count as duplicates.

Every step is a table. One function makes each table from the table before it::

    images = scan_images("photos/")          one row per file; bad files are rows with a problem
    prints = fingerprint_images(images)      a hash, or a vector, of each image
    pairs  = similar_pairs(prints)           all pairs of 70 percent similarity or more
    groups = group_duplicates(pairs, 90)     what is duplicated, the original first
    sweep  = sweep_thresholds(pairs)         how that depends on the threshold
    scores = score_thresholds(pairs, truth)  how right each threshold is
    plan   = choose_keepers(groups, images)  which image of each group stays, and why
    log    = apply_plan(plan, to="spare/")   what would be done; dry_run=False does it
    undo(log)                                everything is back in its place

`Collection("photos/")` keeps these tables in one file and updates them when files change. The
widgets show them. `docs/architecture.md` lists the modules, `docs/exceptions.md` the exceptions.
"""

import sys

import lazy_loader

if sys.argv[:1] == ["-m"]:  # for `python -m imgdup_nb` Python imports this before `__main__`
    import imgdup_nb_command

    imgdup_nb_command.end_on_ctrl_c()

from . import pairs as _pairs  # noqa: F401  with it every kind of method knows its work

__version__ = "0.2.0"

# the public names and where they are stand in `__init__.pyi`; each is imported when it is used
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
