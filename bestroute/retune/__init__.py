"""What a person does to a policy that is in use.

dry_run        a policy on a file of queries: shares, costs, gaps
conversations  the same turn by turn, with sessions and without
diff/          two policies on the same queries: what moves, what it costs, what it risks
probes/        what a policy must decide, as executable expectations
calibrate/     the dial from labelled records, by what it may lose or cost
watch          a router that follows its policy file while it serves

How a policy fares on records beside baselines is in `evaluate`; what a policy may say is in `policy`.
"""
