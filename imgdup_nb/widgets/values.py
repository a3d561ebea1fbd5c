"""Traits that take the numbers of numpy too: a threshold often comes out of a table."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import traitlets as t


class Number(t.Float):
    """A float trait.

    Examples
    --------
    >>> class Slider(t.HasTraits):
    ...     threshold = Number()
    >>> Slider(threshold=np.int64(90)).threshold
    90.0
    """

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value as a float, or raise a TraitError."""
        return super().validate(obj, float(value) if isinstance(value, Real) and not isinstance(value, bool) else value)


class Switch(t.Bool):
    """A yes or no, also numpy's."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value as a bool, or raise a TraitError."""
        return super().validate(obj, bool(value) if isinstance(value, np.bool_) else value)
