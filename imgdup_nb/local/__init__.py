"""Local features: which patches two pictures share, how one lies on the other, and what then agrees."""
