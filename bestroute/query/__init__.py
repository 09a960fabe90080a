"""Query: what is routed. Messages in, and the cheap facts that rules and costs look at.

query     the value, and what may be made into one
request   a whole Chat Completions request, and which of its fields go on to the model
parts     what messages hold: texts, images, sound, files, calls of tools; what each needs and is billed
session   which model holds a conversation, and whether another may go on with it
features  whether a text looks like code or mathematics
read      files of queries

What is known of a text alone, whatever it is of, is in `bestroute.text`.
"""

from bestroute.query.parts import Message
from bestroute.query.query import Query, QueryLike
from bestroute.query.read import read_queries
from bestroute.query.request import ChatRequest, RequestLike
from bestroute.query.session import Session

__all__ = ["ChatRequest", "Message", "Query", "QueryLike", "RequestLike", "Session", "read_queries"]
