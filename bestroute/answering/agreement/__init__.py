"""Agreement: what a response answers, and which responses give the same answer.

One rule: a false agreement is worse than a missed one. The whole stated answer is compared; a word or a sign
is left out only where that cannot make another answer of it.

How a response becomes a key:

1. `stated` finds the last statement, thinking off: `{"answer": ...}`, boxes, tags, "the answer is"
   (`places`, `boxes`, `cues`, `sentences`);
2. `tokens` cuts it into numbers, words and signs in one spelling (`markdown`, `characters`, `symbols`,
   `numbers`);
3. `reading` reads all tokens, as a number with its unit (`quantities`, `units`), letters (`choices`), a
   Python or JSON value (`literals`), equations, a set, a list (`brackets`); else they stay as they are;
4. the `Answer` (`values`) has what must be equal, and what may be missing in another, such as the unit;
5. `group` compares: equal answers are one group; `compare` does so with a right answer that is known.

In place of words, tool calls are compared (`calls`). A `token` is what `tokens` cuts; `words` have meanings.
"""

from bestroute.answering.agreement.group import Grouping, Same, group
from bestroute.answering.agreement.values import KINDS, Answer, Kind

__all__ = ["KINDS", "Answer", "Grouping", "Kind", "Same", "group"]
