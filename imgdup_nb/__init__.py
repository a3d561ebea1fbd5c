"""Find duplicate pictures and choose the threshold: which of my pictures are duplicates, and at which threshold.

Every step is a table, and one function makes it from the one before::

    images = scan_images("photos/")          one row per file; bad files are rows with a problem
    prints = fingerprint_images(images)      a hash, or a vector, of each image
    pairs  = similar_pairs(prints)           all pairs of 70 percent similarity or more
    groups = group_duplicates(pairs, 90)     what is duplicated, the original first
    sweep  = sweep_thresholds(pairs)         how that depends on the threshold

Modules, in the direction the data flows: decode -> images -> fingerprints -> search -> pairs -> groups -> plots -> widgets.
Beside them, for local features: features -> alignment -> candidates -> local -> compare.
"""

from .compare import Comparison, compare_images
from .demo import make_demo_collection
from .fingerprints import METHODS, Fingerprints, fingerprint_images
from .groups import Grouping, group_duplicates, sweep_thresholds, threshold_changes
from .images import scan_images
from .local import verify_pairs
from .pairs import similar_pairs, similarity_matrix
from .plots import plot_group, plot_matrix, plot_similarities, plot_sweep
from .widgets import ThresholdExplorer

__version__ = "0.1.0"

__all__ = [
    "METHODS",
    "Comparison",
    "Fingerprints",
    "Grouping",
    "ThresholdExplorer",
    "compare_images",
    "fingerprint_images",
    "group_duplicates",
    "make_demo_collection",
    "plot_group",
    "plot_matrix",
    "plot_similarities",
    "plot_sweep",
    "scan_images",
    "similar_pairs",
    "similarity_matrix",
    "sweep_thresholds",
    "threshold_changes",
    "verify_pairs",
]
