"""A collection that is kept: a folder, one SQLite file, and what changed since."""
