"""After detection: which image stays and why, acts on files that can be undone, and their report."""
