"""Tools to see and to touch: each is a state that runs without a notebook, and a view that shows it in one."""

from .explorer import ThresholdExplorer
from .state import ThresholdState

__all__ = ["ThresholdExplorer", "ThresholdState"]
