"""The limits behind a pair's percent: what a copy is, a second photograph of a scene, and no match.

From 90 percent up a pair is a copy. From 70 to 79 it is in the scene band: two photographs of one
scene, other colours, or too little evidence. Below 70 only a part is shared.

This module imports nothing, so that compiled loops can use its numbers. After a change here, remove
`__pycache__`, because numba keeps compiled loops on disk and does not look at other files.
"""

from __future__ import annotations

# -- similarity, percent ---------------------------------------------------------------------------

MIN_SCENE_SIMILARITY, MAX_SCENE_SIMILARITY = 70.0, 79.0  # the scene band
MAX_SLIGHT_SIMILARITY = 89.0  # of the same picture, blurred or its negative, or with much over it
STOP_SIMILARITY = 90.0  # a pair with so much is a copy; nothing else is tried
# the most where one block is worse than the others, or colours are lost
MAX_IMPERFECT_SIMILARITY = 99.0
# pages of one template share much when both are zoomed, but as a whole they are not copies
MAX_PARTS_SIMILARITY = 69.0

# -- residual: the shift of matching blocks, in pixels of the grey picture, the median -------------

MAX_COPY_RESIDUAL, MIN_SCENE_RESIDUAL = 0.15, 0.22  # of a copy; of a second photograph

# -- blocks ----------------------------------------------------------------------------------------

# pixels of the grey picture; a block is 2 x 2 cells, and blocks overlap by half
LARGE_CELL, SMALL_CELL = 8, 4
MIN_LARGE_BLOCKS = 40  # an overlap with fewer large blocks is compared in small cells
MIN_VARIANCE = 9.0  # of grey levels; a block below this is flat and tells nothing
# with fewer features or textured blocks a picture has too little texture to be aligned
MIN_FEATURES, MIN_BLOCKS = 16, 8
# percent of a picture; an overlap below this needs so many textured blocks
SMALL_OVERLAP, MIN_SMALL_OVERLAP_BLOCKS = 25.0, 24
# percent that the overlap must cover of the picture it covers more of, and of both
MIN_OVERLAP_OF_ONE, MIN_OVERLAP_OF_BOTH = 20.0, 4.0
# percent; two pictures that both show more than the overlap share a part only
MIN_OVERLAP_OF_COPY = 70.0
# blocks; a shared part of so many may have a residual, if this share of them matches surely
MIN_LARGE_PART_BLOCKS, MIN_SURE_BLOCK_SHARE = 40, 0.85

# -- correlation of a block ------------------------------------------------------------------------

MIN_SURE_CORRELATION = 0.95  # a block that matches without any doubt
# a block that matches; between photographs taken a second apart, what moved is mostly below
MIN_CORRELATION = 0.85
# instead, where most blocks are nearly equal (so that one other word is found), or matches are few
MIN_STRICT_CORRELATION = 0.9
# how much less than 1 any block may have, and how many times the loss of the median besides
ALLOWED_LOSS, ALLOWED_LOSS_FACTOR = 0.02, 30
# where a copy has lost its detail, both are compared so many times smaller
COARSE_FACTOR, COARSEST_FACTOR = 2, 4
MIN_COARSE_CORRELATION, MIN_COARSEST_CORRELATION = 0.7, 0.9  # of a block there
MIN_STEP_CORRELATION = 0.5  # a block with so much helps to move the transform
# moves of the transform at most; pixels of the grey picture below which a move is the last one
MAX_STEPS, MIN_STEP_PIXELS = 4, 0.1

# -- doubt: 0 to 1, how little evidence there is; with 1 a copy is in the scene band ---------------

# share of the overlap's blocks that are textured: full doubt below, none above
SPARSE_TEXTURE_SHARE, ENOUGH_TEXTURE_SHARE = 0.3, 0.4
# share of the textured blocks with `MIN_SURE_CORRELATION`: no doubt above, full doubt below
NO_DOUBT_SHARE, DOUBT_SHARE = 0.98, 0.95
NO_DOUBT_BLOCKS, DOUBT_BLOCKS = 40, 20  # textured blocks; few match by chance, too
# grey levels by which flat blocks differ in the mean: the same ground; another one
NO_DOUBT_SHADE, DOUBT_SHADE = 20.0, 40.0
MAX_FLAT_DIFFERENCE = 30.0  # grey levels; a flat block with more shows something else
