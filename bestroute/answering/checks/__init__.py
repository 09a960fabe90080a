"""What can be checked of a response before a reward is asked: what the query asks for in so many words.

values     verdicts, demands, and counts that may be read in two ways
asked      the sentences of a query that ask for something; quotations are taken out first
amounts    how many of something a sentence asks for
counts     how many words, sentences, paragraphs, ... a response has
keywords   words that must be there, so often, or not at all
ends       how a response begins and ends
letters    small letters, capital letters, commas
form       JSON, a title in << >>, code that parses
language   the language asked for, or that of the query
table      the checks by name, and what a query asks of each response

One rule stands above all: where a check cannot tell, it says so. A false "failed" throws a right answer away.
"""

from bestroute.answering.checks.table import Checked, Checks
from bestroute.answering.checks.values import Checker, Verdict

__all__ = ["Checked", "Checker", "Checks", "Verdict"]
