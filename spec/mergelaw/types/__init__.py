"""The library of types: one `.crdt` file a data type, its comments being its documentation.

`kernel/` holds the parts that others are composed of, `classics/` the types that everybody knows, and this folder the
Redis types. Files import each other by their path below this folder.
"""
