"""Sets. An add wins over a concurrent remove, which takes away what it has seen. Algebra on sets: `set_algebra.py`.

SADD of a member that is there already is an add too: beside a concurrent SREM it keeps the member. SREM of one that is
not there writes nothing. A command that names several members, or two keys, is one effect.

Source: redis 7.0, `src/t_set.c`; Redis docs, Active-Active sets (redis_rules.md, 23); spec/mergelaw/types/or_set.crdt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mergelaw.commands.collection import always, chosen, drawn, table_of, views
from mergelaw.commands.errors import CommandError, syntax_error
from mergelaw.commands.hashes import MOST_DRAWN
from mergelaw.commands.parse import INT64_MAX, from_text, integer, positive, to_text
from mergelaw.commands.reply import Reply, SetReply
from mergelaw.commands.scan import parse_cursor, parse_options
from mergelaw.commands.table import Call, command

Members = Mapping[str, Any]
"""The members of a set, as keys."""


def members_of(c: Call, key: bytes) -> Members | None:
    """The set at `key`; None iff the key is absent. Raises: CommandError (WRONGTYPE)."""
    entry = c.typed(key, "set")
    return None if entry is None else table_of(c.db, entry.value, "members")


# Writing --------------------------------------------------------------------------------------------------------------


@command(
    b"SADD",
    arity=-3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="set",
    summary="Add one or more members to a set",
    complexity="O(1) for each element added, so O(N) to add N elements when the command is called with multiple "
    "arguments.",
)
def sadd(c: Call) -> Reply:
    """How many of them are new."""
    key = c.args[1]
    if len(c.args) == 3:
        member, tx = (to_text(c.args[2]),), c.tx
        if tx.repeats(key, "add", member):
            return 0
        held = members_of(c, key)
        tx.update(key, "add", *member)
        tx.remember(key, "add", member)
        return 1 if held is None or member[0] not in held else 0
    held = members_of(c, key)
    names = dict.fromkeys(map(to_text, c.args[2:]))
    for name in names:
        c.tx.update(key, "add", name)
    return len(names) if held is None else sum(name not in held for name in names)


@command(
    b"SREM",
    arity=-3,
    flags="write fast",
    keys=(1, 1, 1),
    group="set",
    summary="Remove one or more members from a set",
    complexity="O(N) where N is the number of members to be removed.",
)
def srem(c: Call) -> Reply:
    """How many of them there were."""
    key = c.args[1]
    held = members_of(c, key)
    if held is None:
        return 0
    names = [name for name in dict.fromkeys(map(to_text, c.args[2:])) if name in held]
    _remove(c, key, held, names)
    return len(names)


def _remove(c: Call, key: bytes, held: Members, names: list[str]) -> None:
    """Takes `names`, all of which are in it, out of the set."""
    if len(names) == len(held):
        c.tx.delete(key)
        return
    for name in names:
        c.tx.update(key, "remove", name)


@command(
    b"SMOVE",
    arity=4,
    flags="write fast",
    keys=(1, 2, 1),
    group="set",
    summary="Move a member from one set to another",
)
def smove(c: Call) -> Reply:
    """1 if it was in the source. Both changes are one effect: nobody sees the member in neither set, or in both."""
    source, target, name = c.args[1], c.args[2], to_text(c.args[3])
    held = members_of(c, source)
    if held is None:
        return 0
    members_of(c, target)
    if name not in held:
        return 0
    if source != target:
        c.tx.update(source, "remove", name)
        c.tx.update(target, "add", name)
    return 1


@command(
    b"SPOP",
    arity=-2,
    flags="write fast",
    keys=(1, 1, 1),
    group="set",
    summary="Remove and return one or multiple random members from a set",
    complexity="Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
)
def spop(c: Call) -> Reply:
    """A member, or null; with a count the set of so many. Two instances may pop the same member at the same time."""
    key = c.args[1]
    if len(c.args) > 3:
        raise syntax_error()
    count = positive(c.args[2]) if len(c.args) == 3 else None
    held = members_of(c, key)
    if held is None:
        return None if count is None else SetReply([])
    if count is not None and count >= len(held):
        picked = list(held)
    else:
        picked = chosen(
            views(c.db).names(key, "members", held, always), 1 if count is None else count, c.server.randomness
        )
    _remove(c, key, held, picked)
    return from_text(picked[0]) if count is None else SetReply([from_text(name) for name in picked])


# Reading --------------------------------------------------------------------------------------------------------------


@command(
    b"SCARD",
    arity=2,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="set",
    summary="Get the number of members in a set",
)
def scard(c: Call) -> Reply:
    """How many members there are."""
    return len(members_of(c, c.args[1]) or ())


@command(
    b"SISMEMBER",
    arity=3,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="set",
    summary="Determine if a given value is a member of a set",
)
def sismember(c: Call) -> Reply:
    """1 if it is one."""
    return int(to_text(c.args[2]) in (members_of(c, c.args[1]) or ()))


@command(
    b"SMISMEMBER",
    arity=-3,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="set",
    since="6.2.0",
    summary="Returns the membership associated with the given elements for a set",
    complexity="O(N) where N is the number of elements being checked for membership",
)
def smismember(c: Call) -> Reply:
    """For each 1 if it is a member."""
    held = members_of(c, c.args[1]) or {}
    return [int(to_text(name) in held) for name in c.args[2:]]


@command(
    b"SMEMBERS",
    arity=2,
    flags="readonly",
    keys=(1, 1, 1),
    group="set",
    summary="Get all the members in a set",
    complexity="O(N) where N is the set cardinality.",
)
def smembers(c: Call) -> Reply:
    """The members."""
    return SetReply([from_text(name) for name in members_of(c, c.args[1]) or ()])


@command(
    b"SRANDMEMBER",
    arity=-2,
    flags="readonly",
    keys=(1, 1, 1),
    group="set",
    summary="Get one or multiple random members from a set",
    complexity="Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.",
)
def srandmember(c: Call) -> Reply:
    """A member, or null; with a count an array of different ones; of ones that may come twice, if it is negative.

    Raises: CommandError, also for a count below -1,000,000.
    """
    key = c.args[1]
    if len(c.args) > 3:
        raise syntax_error()
    count = integer(c.args[2], low=-INT64_MAX) if len(c.args) == 3 else None
    held = members_of(c, key)
    if held is None or count == 0:
        return None if count is None else []
    if count is not None and count < -MOST_DRAWN:
        raise CommandError("ERR value is out of range")
    if count is not None and count >= len(held):
        return [from_text(name) for name in held]
    names = views(c.db).names(key, "members", held, always)
    if count is None:
        return from_text(drawn(names, 1, c.server.randomness)[0])
    picked = chosen(names, count, c.server.randomness) if count > 0 else drawn(names, -count, c.server.randomness)
    return [from_text(name) for name in picked]


@command(
    b"SSCAN",
    arity=-3,
    flags="readonly",
    keys=(1, 1, 1),
    group="set",
    since="2.8.0",
    summary="Incrementally iterate Set elements",
    complexity="O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to "
    "return back to 0. N is the number of elements inside the collection..",
)
def sscan(c: Call) -> Reply:
    """The next cursor (0: done) and some members: each member that is there all the time comes once at least."""
    cursor = parse_cursor(c.args[2])
    held = members_of(c, c.args[1])
    if held is None:
        return [b"0", []]
    options = parse_options(c.args, 3)
    following, names = views(c.db).scan(c.args[1], "members", held, cursor, options.count)
    shown = (from_text(name) for name in names)
    return [b"%d" % following, [member for member in shown if options.matches(member)]]
