"""After detection: which image stays and why, and acts that can be undone.

The decision:

- `keepers`: groups -> the plan; which images stay.
- `group_decision`: one group: its keeper, what is removed, and why.
- `holdings`: what a file holds: pixels, depth, colours, frames, quality, notes, damage.
- `notes`: what a file says about its picture: date, GPS, camera, caption, rating.
- `sidecar`: notes that only a leaving file has, as an XMP file for its keeper.
- `dominance`: whether one file holds at least as much as another, and what it lacks.
- `derivatives`: whether a picture is a crop, turned or grey.
- `names`: which of two equal files is the original, by time and name.
- `marks`: what somebody marked in a page without a kernel.
- `plan`: the table of the plan, and its summary.

The acts:

- `apply`: `apply_plan`, `resume`, `undo` and `read_log`.
- `tasks`: a plan -> the rows of a journal, with side files and links.
- `run`: each row forward: look again, announce, act, note.
- `restore`: each row back.
- `files`: acts on single files that may be cut short anywhere.
- `journal`, `journal_format`: the file that says how far a run came, and what it may say.
- `lock`: one run at a time on the same files.

The results:

- `log`: the table of what was done, and its summary.
"""
