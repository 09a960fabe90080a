"""From records by name to the LLMs that a router model knows. numpy alone, minutes.

read  records to the scores of every class and LLM, a row for each different query
fit   how an LLM's quality follows from that of its nearest class and the features
make  fitted, and written into the router model's folder

How the columns are opened, and what they make of a prediction, is in `artefacts.known`.
"""
