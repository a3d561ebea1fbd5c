"""Evidence for a threshold: true duplicates, labels and known copies.

- `labels`: a person's answers about pairs, kept in a CSV file
- `sampling`: which pairs to ask about, and precision by the answers
- `cannot_link`: pairs called different leave the pair table
- `evaluate`: precision and recall by a truth
- `calibrate`: recall of known copies of your own pictures
- `false_pairs`: the rate of false pairs among unrelated images
- `not_looked_for`: copies that a hash does not look for, by a sample
- `intervals`: confidence intervals for all of these
- `recommend`: requirements and evidence -> a threshold
- `tune`: examples -> a method and a threshold
- `bursts`: photographs of one burst, told by their times
- `tool_defaults`: the default thresholds of other tools
- `decision`: a record of what was decided, to compare with later
"""
