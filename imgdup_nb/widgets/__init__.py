"""Tools to see and to touch: each is a state that runs without a notebook, and a view that shows it in one."""

from .explorer import ThresholdExplorer
from .labeler import PairLabeler
from .review_state import ReviewState
from .reviewer import GroupReviewer
from .state import ThresholdState
from .viewer import PairViewer

__all__ = [
    "GroupReviewer",
    "PairLabeler",
    "PairViewer",
    "ReviewState",
    "ThresholdExplorer",
    "ThresholdState",
]
