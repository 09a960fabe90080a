"""Query: what is routed. Messages in, and the cheap facts that rules and costs look at.

query     the value, and what may be made into one
parts     what messages hold: texts, images, sound, files, calls of tools; what each needs and is billed
session   which model holds a conversation, and whether another may go on with it
features  whether a text looks like code or mathematics
read      files of queries

What is known of a text alone, whatever it is of, is in `bestroute.text`.
"""

from bestroute.query.parts import Message
from bestroute.query.query import Query, QueryLike
from bestroute.query.read import read_queries
from bestroute.query.session import Session

__all__ = ["Message", "Query", "QueryLike", "Session", "read_queries"]
