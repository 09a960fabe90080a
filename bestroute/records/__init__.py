"""From prompts to labelled records.

record    one query with every model's responses and their scores
lines     records and preferences as lines of a file: read, checked, written
quality   what recorded responses are worth as the best of n, exactly: order statistics
journal   work that is paid for once, kept whatever byte a kill stops at
collect/  from prompts to records: every model asked for n responses
score/    from records to labelled ones: oracles score, the reward model rewards

What is made of records is in `train` and `evaluate`.
"""
