"""Method 'aligned': it aligns two pictures and measures how much of their overlap looks the same.

From the first file to the last, each one imports only files above it:

- `bands`: the limits behind a pair's percent
- `geometry`: affine transforms, overlaps, and parts made of blocks
- `transform_loops`, `warp_loops`, `colour_loops`, `match_loops`, `key_loops`, `page_loops`:
  compiled loops over transforms, pixels, colours, descriptors, keys of descriptors, blocks of pages
- `agreement`: two pictures and a transform -> which blocks match, and the similarity (`Alignment`)
- `casts`: copies under other light
- `colours`: the colours of blocks that match
- `flat_areas`: the colours of flat areas, and what is drawn on a plain ground
- `filters`, `perspective`, `bent`: copies that were filtered, blurred, made negatives, seen at an
  angle, or bent
- `strokes`: which pixels are equal, and whether the others are letters or lines over them
- `visible`, `overlays`: copies with something over them: their transform by what is visible, and
  whether the rest was drawn
- `upright`: few matches -> an upright transform that some of them fit
- `cut_outs`: a part of a picture on a plain ground
- `wholes`: copies whose details differ everywhere, made small
- `shades`: smooth pictures, such as skies and glows, whose colours are compared in place
- `backdrops`: pictures of one sky or other smooth backdrop, whose detail must match, too
- `registration`: the features of two pictures -> the transform, and their best `Alignment`
- `ink_blocks`: one block of two pages -> how far its ink differs, and whether by a speck of dust
- `ink`: two pages, one on the other -> how many of their blocks have other ink
- `detail`: pages that look equal are read again at a megapixel
- `feature_index`: many features, found again by the bits they share
- `best_votes`: the votes of very many pairs -> those that weigh most for an image
- `votes`: many pictures -> the votes of pairs of them, counted part by part
- `candidates`: many pictures -> the pairs that are worth aligning
- `scores`: a pair -> its row of the pair table (`Score`); the fallback to phash
- `near_hashes`: the phashes of many pictures -> the pairs that are worth aligning, and negatives
- `tiny_pairs`: pairs of tiny pictures, by method "tiny"
- `forecast`: how long the votes and scores of many images take
- `matching`: one collection or two -> all pairs above a similarity
- `verify`: `verify_pairs`, for the pairs that another method found
- `words`: an alignment as a sentence

To change how pairs are scored: raise `RECIPE` in `engine/features.py`, so that a collection's index
computes its scores again. Remove `__pycache__` after a change in `bands`.
"""
