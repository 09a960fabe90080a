"""Calibrate: the dial of a policy, by what its queries may lose, cost, or ask of the reference.

calibration  start here: one calibration, from queries on their sides to the dial and the report
aim          what every aim has, and what comes of one
promise      the aim with a promise: MaxDrop; bound has its statistics
within       aims without: Budget, ReferenceShare, ModelShare; doubt says where one may be missed
trials       what a policy gives on some queries at any setting of its dial
shape        how far the limits of tiers lie from the dial, and shaping: how these distances are found
held_out     figures with intervals, on queries that judge
crossfit     what a dial gives on queries that it was chosen without
everyday     the dial of a first policy, by share, before there is any record
telling      the report in words
write        the dial in the text of the policy
sweep, plot  what every setting gives, and its picture
"""
