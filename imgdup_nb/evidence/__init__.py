"""Evidence for a threshold: true duplicates, labels and known copies.

- `labels`: a person's answers about pairs, kept in a CSV file
- `sampling`: the random order of the questions, and the answers that are evidence
- `label_scores`: precision at each threshold by answers, with hints beside them
- `hints`: agreement of classes, folders and times, and a second opinion by `aligned`
- `betting`: claims that answers refute, valid at any moment
- `support`: the thresholds that answers support, and how many answers are missing
- `questions`: what a labeler asks next
- `banded`: answers of files that an earlier version wrote
- `cannot_link`: pairs called different leave the pair table
- `evaluate`: precision and recall by a truth
- `calibrate`: recall of known copies of your own pictures
- `known_copies`: how these copies are made and scored
- `false_pairs`: the rate of false pairs among unrelated images
- `not_looked_for`: copies that a hash does not look for, by a sample
- `intervals`: confidence intervals for all of these
- `price`: the cost of mistakes -> the threshold that costs least
- `requirements`: what is asked of a threshold, and which levels the evidence supports
- `recommend`: requirements and evidence -> a threshold
- `wording`: a recommendation in words
- `combine`: a rule over two methods makes one pair table
- `tune`: examples -> a method and a threshold
- `bursts`: photographs of one burst, told by their times
- `tool_defaults`: the default thresholds of other tools
- `decision`: a record of what was decided, to compare with later
"""
