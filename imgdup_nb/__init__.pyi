from .aligned.verify import verify_pairs
from .collection.collection import Collection
from .collection.index import Stopped, UnknownImage
from .collection.store import DamagedIndex
from .compare import Comparison, compare_images
from .datasets.conflicts import find_conflicts
from .datasets.leaks import find_leaks, remove_leaks
from .demo import make_demo_collection
from .embeddings import OnnxEmbedding
from .engine.decode import UnreadableImage
from .evidence.bursts import mark_bursts
from .evidence.calibrate import calibrate
from .evidence.cannot_link import apply_labels
from .evidence.combine import combine_pairs
from .evidence.decision import compare_decisions, record_decision
from .evidence.evaluate import score_thresholds
from .evidence.label_scores import score_labels
from .evidence.labels import Labels
from .evidence.recommend import recommend_threshold
from .evidence.tool_defaults import compare_tool_defaults
from .evidence.tune import tune_from_examples
from .find import find_duplicates
from .fingerprints import Fingerprints, fingerprint_images
from .groups import Grouping, group_duplicates
from .images import scan_images
from .methods import METHODS
from .pairs import similar_pairs, similarity_matrix
from .plots.evidence import (
    plot_calibration,
    plot_costs,
    plot_label_scores,
    plot_precision_recall,
    plot_tool_defaults,
    plot_true_and_false,
)
from .plots.matches import plot_matches
from .plots.sheets import plot_changes, plot_pairs
from .plots.tables import plot_group, plot_matrix, plot_similarities, plot_sweep
from .review.apply import apply_plan, read_log, resume, undo
from .review.keepers import choose_keepers
from .sweep import sweep_thresholds, threshold_changes
from .widgets import GroupReviewer, PairLabeler, PairViewer, ThresholdExplorer
from .widgets.report import write_report

__version__: str

__all__ = [
    "METHODS",
    "Collection",
    "Comparison",
    "DamagedIndex",
    "Fingerprints",
    "GroupReviewer",
    "Grouping",
    "Labels",
    "OnnxEmbedding",
    "PairLabeler",
    "PairViewer",
    "Stopped",
    "ThresholdExplorer",
    "UnknownImage",
    "UnreadableImage",
    "apply_labels",
    "apply_plan",
    "calibrate",
    "choose_keepers",
    "combine_pairs",
    "compare_decisions",
    "compare_images",
    "compare_tool_defaults",
    "find_conflicts",
    "find_duplicates",
    "find_leaks",
    "fingerprint_images",
    "group_duplicates",
    "make_demo_collection",
    "mark_bursts",
    "plot_calibration",
    "plot_changes",
    "plot_costs",
    "plot_group",
    "plot_label_scores",
    "plot_matches",
    "plot_matrix",
    "plot_pairs",
    "plot_precision_recall",
    "plot_similarities",
    "plot_sweep",
    "plot_tool_defaults",
    "plot_true_and_false",
    "read_log",
    "recommend_threshold",
    "record_decision",
    "remove_leaks",
    "resume",
    "scan_images",
    "score_labels",
    "score_thresholds",
    "similar_pairs",
    "similarity_matrix",
    "sweep_thresholds",
    "threshold_changes",
    "tune_from_examples",
    "undo",
    "verify_pairs",
    "write_report",
]
