"""The engine: how pictures are read, compared and grouped fast and safely. Nothing here is public.

Everything outside asks for tables (images, fingerprints, pairs, groups). The wall keeps inside what
they are made with: decoders and their limits, threads and executors, compiled loops, and the arrays
behind a table. The engine imports nothing of the package but `methods`.

Files and pictures:

- `files`: where files are, on this disk or at a URL; which files of a folder are listed
- `addresses`: what a path may address: members of archives, rows of tables, pictures in memory
- `archives`: members of zip and tar archives
- `parquet`: rows of parquet files
- `held`: pictures in the memory of this process
- `sources`: what `scan_images` takes becomes names and addresses, with labels and splits
- `selection`: which files and folders a scan leaves out; which files belong to a picture
- `formats`: which formats are opened
- `limits`: the memory and time that one file may take
- `decode`: a file becomes a picture as a person sees it
- `jpeg`: what the header of a JPEG says; JPEGs read without Pillow
- `profiles`: the colours that a colour profile gives to a picture's numbers
- `modes`: each of Pillow's modes becomes 8 bits a channel
- `raw`: RAW files of cameras, known by their structure
- `damage`: what is wrong with a file whose picture can still be shown
- `frames`: how many frames or pages a file has, and each of them
- `pixels`: a digest of all that a picture shows
- `reading`: one look at a file gives its row of the images table and its hashes
- `shrink`: a picture becomes small, with the pixels of Pillow
- `sketches`: the small square that hash methods see, and a memory of all, which goes on in a file
- `annotations`: labels from COCO's and YOLO's files
- `variations`: the changes that make test copies of a picture
- `everyday`: the same for what people do: messengers, screenshots, photos of a screen
- `paths`: what is inside a folder, what is a safe name, how a file is written

Fingerprints:

- `hashing`: the bits of imagehash, for many sketches at once
- `tiny_pictures`: the pixels of tiny pictures, and their similarity at the best shift and zoom
- `tiny_vectors`: the texture of tiny pictures as vectors, at some shifts and zooms
- `features`: the local features of a picture, and how they are packed
- `feature_file`: those of very many pictures, in a temporary file

Pairs and groups:

- `search`: all pairs of codes within a distance, in numpy; this is the definition
- `pair_counts`, `count_loops`: how many pairs there are, expected from a sample or counted
- `multi_index`: the same pairs of many bit codes, with fewer comparisons
- `copies`: same bytes, same pixels; sets of very many copies
- `own_pairs`: pairs that another program found
- `pair_graph`: the pair table as arrays; components; names found
- `group_loops`: pairs become groups
- `chains`: the chain of pairs that connects two images of a group

For all of them:

- `checks`: numbers, choices and tables that a user passes in
- `figures`: figures for light and dark pages, with an alt text
- `parallel`: a long list in batches, in threads or on any executor
- `isolation`: worker processes that a file may end without harm
- `cache`: the values used last, of at most so many bytes
- `jit`: how a loop is compiled

To add a decoder: name its Pillow plugin in `FORMATS` (in `formats`). It must decode the pixels in
this process, raise an error for a file that it cannot read, and never write beyond its buffer. Add
a file of the format to the tests of `decode`.

To add a hash: add a `Method` to `METHODS` (in `methods`), and its bits to `hash_sketches` (in
`hashing`). The search, the groups and the widgets need no change. Raise `RECIPE` in `hashing`
whenever a bit of any hash changes, so that a collection's index makes its hashes again.

To add a loop: write it in Python under `@compiled` (in `jit`). Import it inside the function that
uses it: `import imgdup_nb` must not import numba. Loops that call each other stay in one file,
because numba's cache does not see changes in other files. Test the loop against a plain version in
numpy, for sizes from zero.
"""
