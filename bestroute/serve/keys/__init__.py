"""Callers' keys: who may ask, for how much.

guard    a request and its key: let in, limited, charged
ring     the keys that hold now, found by a key's hash
ledger   what each key has used, in this process or in Redis
load     a key file, or the environment, to keys; a new key
schema   the values a key file becomes

The key itself is kept nowhere: what a request sends is hashed, and the hash is looked up.
"""
