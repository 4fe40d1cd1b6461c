"""Which updates of the Redis types a replica runs at once (`semantics.compile.local`), and what is known of them."""

from __future__ import annotations

WRITES = frozenset(
    {
        "set",
        "set_for",
        "set_keeping",
        "increase",
        "hash_set",
        "hash_set_keeping",
        "hash_increase",
        "add",
        "score",
        "score_infinite",
        "score_increase",
        "list_insert",
        "list_set",
        "push_right",
    }
)
"""They leave the key present and of their type, give fields no time to live, and cancel no counter parts."""

REMOVALS = frozenset({"remove", "pull", "unscore", "hash_remove"})
"""They cancel no counter parts either."""

EMPTIED = {"string": "string", "set": "members", "list": "list"}
"""What TYPE tells -> the field of `Key` that a DEL empties at once."""
