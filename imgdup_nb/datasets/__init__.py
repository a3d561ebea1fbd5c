"""Data sets with splits and labels: what a collection of pictures is used for.

- `columns`: the columns of an images table that a user adds, such as split and label
- `filters`: a source without some of its images
- `leaks`: copies across splits, and the split without them
- `conflicts`: groups of duplicates whose labels differ
"""
