"""Figures: each function takes `ax` and returns `ax`, and never shows or saves.

tables      `plot_similarities`, `plot_sweep`, `plot_matrix`, `plot_group`: the tutorial's tables
evidence    `plot_precision_recall`, `plot_calibration` and others: how right a threshold is
matches     `plot_matches`: a query picture beside the pictures found for it
sheets      `plot_pairs`, `plot_changes`: many pairs, and what joins at a lower threshold
parts       the threshold line, the legend, bars and tiles that several figures share
"""
