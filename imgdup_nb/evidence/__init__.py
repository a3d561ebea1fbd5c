"""Evidence for a threshold: truth, labels and known copies -> precision and recall with intervals -> a recommendation."""
