"""Query: what is routed. Messages in, and the cheap facts that rules and costs look at.

query     the value, and what may be made into one
parts     what messages hold: texts, images, sound, files, calls of tools; what each needs and is billed
features  whether a text looks like code or mathematics
read      files of queries

What is known of a text alone, whatever it is of, is in `bestroute.text`.
"""

from bestroute.query.parts import Message
from bestroute.query.query import Query, QueryLike
from bestroute.query.read import read_queries

__all__ = ["Message", "Query", "QueryLike", "read_queries"]
