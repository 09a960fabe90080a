"""What a policy gives and costs on records, beside what a sceptic would set against it.

seen           which records judge, and which may only fit: no artefact was trained on the former
replay, kept   what every arm would have given and cost, and which of n responses would be kept
routed         the router that serves, at every setting of its dial
planned        plans that are played on recorded responses
names          under which responses stand in records, and that a policy does not know
processes      several at once, that start with all that is in memory
remembering    a posterior for such plays, which judges nothing twice
matched        the same predictions under a threshold on match, as published
fixed          strategies that look at no query: each arm alone, mixes, and the oracle, which looks at all
baselines/     learned strategies that a router must beat
curve          the cost and quality of a strategy, and the areas under it
saving         the saving at a drop, chosen on one half and judged on the other
weights        means over queries, sources counting equally
predictions    how good predictions are
report         all of it, as JSON values
plot, picture  the frontier as a picture, and what all pictures share

Choosing a dial is in `retune.calibrate`, training in `train`.
"""
