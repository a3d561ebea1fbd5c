"""`Collection`: a folder of pictures with an index file, so that nothing is computed twice.

- `collection`: the class, all its methods on one page
- `index`: the folder while it is open: its images, updates, and what is being done
- `store`: the SQLite file: schema, transactions, damage, where it lies
- `pointer`: an index whose pictures lie in another folder
- `rescan`: which files are new, changed, moved or gone
- `intake`: files are read and written into the index
- `files`: files that users add and take out
- `fingerprints`: fingerprints that are kept, and what they are made with
- `pairs`: pairs that are kept; only new images are compared
- `queries`: questions about single pictures, and tags
- `labels`: labels and tags as rows of the index
- `as_labels`: a collection wherever `Labels` are taken
"""
