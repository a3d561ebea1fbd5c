"""Figures: each function takes `ax` and returns `ax`, and never shows or saves.

tables      `plot_similarities`, `plot_sweep`, `plot_matrix`, `plot_group`: the tutorial's tables
evidence    `plot_precision_recall`, `plot_calibration` and others: how right a threshold is
matches     `plot_matches`: a query picture beside the pictures found for it
sheets      `plot_pairs`, `plot_changes`: many pairs, and what joins at a lower threshold
parts       the threshold line, the legend, bars and tiles that several figures share

Without `ax` a figure has no ground and grey text, so that light and dark pages can show it. If you
have chosen colours of matplotlib, such as ``style.use("dark_background")``, it has those. Each
function gives its figure an alt text, also on your own `ax` (`engine.figures`).
"""
