"""Where a pair's percent comes from: the limits between a copy, another photograph of the scene, and look-alikes.

This module imports nothing, so that compiled loops can use its numbers. numba keeps compiled loops
on disk and does not look at other files: after a change here, remove `__pycache__`.
"""

from __future__ import annotations

MAX_COPY_RESIDUAL, MIN_SCENE_RESIDUAL = (
    0.15,
    0.22,
)  # pixels that what agrees is apart, in the median: a copy; another shot
MIN_SCENE_SIMILARITY, MAX_SCENE_SIMILARITY = (
    70.0,
    79.0,
)  # percent; the band of other shots of one scene
MIN_SURE_CORRELATION, NO_DOUBT_SHARE, DOUBT_SHARE = (
    0.95,
    0.98,
    0.95,
)  # correlation, and shares of blocks with it, where few are textured: no doubt; doubt
