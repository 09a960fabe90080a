"""Calibrate: the dial of a policy, by what its queries may lose, cost, or ask of the reference.

calibration  one calibration: the queries on their sides, the choice, the report
aim, choose  what a dial is chosen for, and which one it then is
bound        the statistics of a promise
trials       what a policy gives on some queries at any setting of its dial
shape        how far the limits of tiers lie from the dial, and shaping: how these distances are found
held_out     figures with intervals, on queries that judge
crossfit     what a dial gives on queries that it was chosen without
doubt        what is said where an aim without a promise may be missed
telling      the report in words
write        the dial in the text of the policy
sweep, plot  what every setting gives, and its picture
"""
