"""Hashes: fields that hold strings or counters. Their times to live: `hash_expiry.py`.

A field behaves as a string key does: of concurrent HSETs the latest wins, HINCRBYs add up. Adding or updating a field
wins over a concurrent HDEL, which takes away what it has seen. A command that names several fields is one effect.

Source: redis 7.0, `src/t_hash.c`; spec/mergelaw/types/hash.crdt.
"""

from __future__ import annotations

from mergelaw.commands.collection import chosen, drawn, views
from mergelaw.commands.counters import counted, summed
from mergelaw.commands.errors import CommandError, syntax_error, wrong_arity
from mergelaw.commands.fields import fields_now, fields_of, names_in
from mergelaw.commands.parse import INT64_MAX, from_text, from_value, integer, number_bytes, real, to_text, to_value
from mergelaw.commands.reply import OK, Reply
from mergelaw.commands.scan import parse_cursor, parse_options
from mergelaw.commands.table import Call, command

MOST_DRAWN = 1_000_000
"""So many names are drawn at once at most, where names may come twice: other clients wait meanwhile."""


# Writing --------------------------------------------------------------------------------------------------------------


def _set_fields(c: Call) -> int:
    """Sets the fields that the arguments name; how many of them are new."""
    assert c.command is not None
    if len(c.args) % 2:
        raise wrong_arity(c.command.name)
    key = c.args[1]
    found = fields_of(c, key)
    created = 0
    for at in range(2, len(c.args), 2):
        name = to_text(c.args[at])
        created += found is None or name not in found
        c.tx.update(key, "hash_set", name, to_value(c.args[at + 1]))
        if at + 2 < len(c.args):
            found = fields_now(c, key)
    return created


@command(
    b"HSET",
    arity=-4,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="hash",
    since="2.0.0",
    summary="Set the string value of a hash field",
    complexity="O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called "
    "with multiple field/value pairs.",
)
def hset(c: Call) -> Reply:
    """How many of the fields are new."""
    args = c.args
    if len(args) != 4:
        return _set_fields(c)
    key, tx = args[1], c.tx
    field = to_text(args[2]), to_value(args[3])
    if tx.replaced(key, "hash_set", field):
        return 0
    entry = c.typed(key, "hash")
    created = 1 if entry is None or not c.db.field_visible(entry, field[0], c.now_ms) else 0
    tx.update(key, "hash_set", *field)
    tx.remember(key, "hash_set", field)
    return created


@command(
    b"HMSET",
    arity=-4,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="hash",
    since="2.0.0",
    summary="Set multiple hash fields to multiple values",
    complexity="O(N) where N is the number of fields being set.",
)
def hmset(c: Call) -> Reply:
    """OK."""
    _set_fields(c)
    return OK


@command(
    b"HSETNX",
    arity=4,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="hash",
    since="2.0.0",
    summary="Set the value of a hash field, only if the field does not exist",
)
def hsetnx(c: Call) -> Reply:
    """1 if it was set. Only this instance is asked; of two that set at the same time the latest wins."""
    found = fields_of(c, c.args[1])
    name = to_text(c.args[2])
    if found is not None and name in found:
        return 0
    c.tx.update(c.args[1], "hash_set", name, to_value(c.args[3]))
    return 1


@command(
    b"HDEL",
    arity=-3,
    flags="write fast",
    keys=(1, 1, 1),
    group="hash",
    since="2.0.0",
    summary="Delete one or more hash fields",
    complexity="O(N) where N is the number of fields to be removed.",
)
def hdel(c: Call) -> Reply:
    """How many fields there were. A field that is not there is no business of HDEL: nothing is written."""
    found = fields_of(c, c.args[1])
    removed = 0
    for name in names_in(c.args[2:]):
        if found is None:
            break
        if name in found:
            c.tx.update(c.args[1], "hash_remove", name)
            removed += 1
            found = fields_now(c, c.args[1])
    return removed


@command(
    b"HINCRBY",
    arity=4,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="hash",
    since="2.0.0",
    summary="Increment the integer value of a hash field by the given number",
)
def hincrby(c: Call) -> Reply:
    """The sum, as this instance sees it; a result has at most 59 bits, see `counters.py`. The time to live stays."""
    key, name = c.args[1], to_text(c.args[2])
    amount = integer(c.args[3])
    found = fields_of(c, key)
    total = counted(None if found is None else found.value(name), amount, "ERR hash value is not an integer")
    c.tx.update(key, "hash_increase", name, amount, c.tx.accumulator(key, name))
    return total


@command(
    b"HINCRBYFLOAT",
    arity=4,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="hash",
    since="2.6.0",
    summary="Increment the float value of a hash field by the given amount",
)
def hincrbyfloat(c: Call) -> Reply:
    """The sum, as this instance sees it, in decimal without exponent. The time to live stays."""
    key, name = c.args[1], to_text(c.args[2])
    amount = real(c.args[3])
    if isinstance(amount, float):
        raise CommandError("ERR value is NaN or Infinity")
    found = fields_of(c, key)
    value = None if found is None else found.value(name)
    total, change = summed(value, amount, "ERR hash value is not a float")
    if change is None:
        c.tx.update(key, "hash_set_keeping", name, (1, total))
    else:
        c.tx.update(key, "hash_increase", name, change, c.tx.accumulator(key, name))
    return number_bytes(total)


# Reading --------------------------------------------------------------------------------------------------------------


@command(
    b"HGET",
    arity=3,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="hash",
    since="2.0.0",
    summary="Get the value of a hash field",
)
def hget(c: Call) -> Reply:
    """The value, or null."""
    found = fields_of(c, c.args[1])
    return None if found is None else found.read(to_text(c.args[2]))


@command(
    b"HMGET",
    arity=-3,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="hash",
    since="2.0.0",
    summary="Get the values of all the given hash fields",
    complexity="O(N) where N is the number of fields being requested.",
)
def hmget(c: Call) -> Reply:
    """The values, null for fields that are not there."""
    found = fields_of(c, c.args[1])
    return [None if found is None else found.read(name) for name in names_in(c.args[2:])]


@command(
    b"HGETALL",
    arity=2,
    flags="readonly",
    keys=(1, 1, 1),
    group="hash",
    since="2.0.0",
    summary="Get all the fields and values in a hash",
    complexity="O(N) where N is the size of the hash.",
)
def hgetall(c: Call) -> Reply:
    """Fields and values."""
    found = fields_of(c, c.args[1])
    return {} if found is None else dict(found.items())


@command(
    b"HKEYS",
    arity=2,
    flags="readonly",
    keys=(1, 1, 1),
    group="hash",
    since="2.0.0",
    summary="Get all the fields in a hash",
    complexity="O(N) where N is the size of the hash.",
)
def hkeys(c: Call) -> Reply:
    """The fields."""
    found = fields_of(c, c.args[1])
    return [] if found is None else [name for name, _ in found.items()]


@command(
    b"HVALS",
    arity=2,
    flags="readonly",
    keys=(1, 1, 1),
    group="hash",
    since="2.0.0",
    summary="Get all the values in a hash",
    complexity="O(N) where N is the size of the hash.",
)
def hvals(c: Call) -> Reply:
    """The values."""
    found = fields_of(c, c.args[1])
    return [] if found is None else [value for _, value in found.items()]


@command(
    b"HLEN",
    arity=2,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="hash",
    since="2.0.0",
    summary="Get the number of fields in a hash",
)
def hlen(c: Call) -> Reply:
    """How many fields there are; those whose time has come are not counted, so a hash with such times is looked
    through.
    """
    found = fields_of(c, c.args[1])
    return 0 if found is None else len(found.row())


@command(
    b"HSTRLEN",
    arity=3,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="hash",
    since="3.2.0",
    summary="Get the length of the value of a hash field",
)
def hstrlen(c: Call) -> Reply:
    """The bytes of the value; 0 where there is none."""
    found = fields_of(c, c.args[1])
    return 0 if found is None else len(found.read(to_text(c.args[2])) or b"")


@command(
    b"HEXISTS",
    arity=3,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="hash",
    since="2.0.0",
    summary="Determine if a hash field exists",
)
def hexists(c: Call) -> Reply:
    """1 if there is such a field."""
    found = fields_of(c, c.args[1])
    return int(found is not None and to_text(c.args[2]) in found)


@command(
    b"HRANDFIELD",
    arity=-2,
    flags="readonly",
    keys=(1, 1, 1),
    group="hash",
    since="6.2.0",
    summary="Get one or multiple random fields from a hash",
    complexity="O(N) where N is the number of fields returned",
)
def hrandfield(c: Call) -> Reply:
    """One field at random, or null; with a count an array of different fields; of fields that may come twice, if it is
    negative. Raises: CommandError, also for a count below -1,000,000.
    """
    if len(c.args) == 2:
        found = fields_of(c, c.args[1])
        return None if found is None else from_text(drawn(found.row(), 1, c.server.randomness)[0])
    count = integer(c.args[2], low=-INT64_MAX)
    if len(c.args) > 4 or len(c.args) == 4 and c.args[3].upper() != b"WITHVALUES":
        raise syntax_error()
    with_values = len(c.args) == 4
    if with_values and not -INT64_MAX // 2 < count <= INT64_MAX // 2:
        raise CommandError("ERR value is out of range")
    found = fields_of(c, c.args[1])
    if found is None or count == 0:
        return []
    if count < -MOST_DRAWN:
        raise CommandError("ERR value is out of range")
    picked = (
        chosen(found.row(), count, c.server.randomness)
        if count > 0
        else drawn(found.row(), -count, c.server.randomness)
    )
    if not with_values:
        return [from_text(name) for name in picked]
    pairs = [[from_text(name), found.read(name)] for name in picked]
    return pairs if c.client.protocol >= 3 else [item for pair in pairs for item in pair]


@command(
    b"HSCAN",
    arity=-3,
    flags="readonly",
    keys=(1, 1, 1),
    group="hash",
    since="2.8.0",
    summary="Incrementally iterate hash fields and associated values",
    complexity="O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to "
    "return back to 0. N is the number of elements inside the collection..",
)
def hscan(c: Call) -> Reply:
    """The next cursor (0: done) and some fields with their values, or without."""
    cursor = parse_cursor(c.args[2])
    found = fields_of(c, c.args[1])
    if found is None:
        return [b"0", []]
    options = parse_options(c.args, 3, no_values=True)
    following, names = views(c.db).scan(c.args[1], "hash", found.held, cursor, options.count)
    shown: list[Reply] = []
    for name in names:
        if not options.matches(from_text(name)):
            continue
        value = found.value(name)
        if value is not None:
            shown.append(from_text(name))
            if not options.no_values:
                shown.append(from_value(value))
    return [b"%d" % following, shown]
