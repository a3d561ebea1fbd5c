"""All calls that are answered."""

from __future__ import annotations

from .search_operations import SEARCH_OPERATIONS
from .storage_operations import STORAGE_OPERATIONS

OPERATIONS = SEARCH_OPERATIONS + STORAGE_OPERATIONS
