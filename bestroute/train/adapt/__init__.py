"""From scored responses of a policy's own models to an adapter folder. numpy alone, seconds.

own      records to scores of every model, a row for each different query
rows     what is kept of them, so that more can be added later
line     level and slope on log-odds
ridge    many features, few queries: the dual form
steps    how far to go from the router model as it is, by cross-validation
growth   how fast quality rises with n
novelty  what own traffic looks like
sights   own scored responses as the reward model sees them
own_rewards  what own scores add to the reward model
fit      all of these: an adapter
judge    how good it is on queries that fitted nothing, and how many more would help
worth    what it saves on them, beside the static mix and the router model as it is
report   all that is found, as JSON values
make     fitted, judged, and written
telling  the report in words
picture  what more records would bring, as a picture

How an adapter is opened, and what it makes of a prediction, is in `artefacts.adapter`.
"""
