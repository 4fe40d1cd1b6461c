"""Intersections, unions and differences of sets, shown or stored.

What *STORE writes is computed from the sets as this instance sees them, and is a fresh set: it takes away what is known
of the target, of whatever type, and adds the result. A concurrent add to the target stays.

Source: redis 7.0, `src/t_set.c`; stores.md, rule 22.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from mergelaw.commands.copying import Copy, place
from mergelaw.commands.errors import CommandError, syntax_error
from mergelaw.commands.parse import from_text, integer
from mergelaw.commands.reply import Reply, SetReply
from mergelaw.commands.sets import Members, members_of
from mergelaw.commands.table import Call, command, numbered_keys

_Algebra = Callable[[list[Members | None]], Iterable[str]]
"""From the sets, None for an absent key, to the members of the result, each once."""


def _intersection(sets: list[Members | None]) -> Iterator[str]:
    held = [s for s in sets if s is not None]
    if len(held) < len(sets):
        return
    smallest, *others = sorted(held, key=len)
    for name in smallest:
        if all(name in other for other in others):
            yield name


def _union(sets: list[Members | None]) -> Iterable[str]:
    found: dict[str, None] = {}
    for held in sets:
        found.update(dict.fromkeys(held or ()))
    return found


def _difference(sets: list[Members | None]) -> Iterator[str]:
    first, *others = sets
    present = [s for s in others if s is not None]
    for name in first or ():
        if not any(name in other for other in present):
            yield name


def _sets(c: Call, keys: list[bytes]) -> list[Members | None]:
    """Raises: CommandError (WRONGTYPE)."""
    return [members_of(c, key) for key in keys]


def _shown(c: Call, algebra: _Algebra) -> Reply:
    return SetReply([from_text(name) for name in algebra(_sets(c, c.args[1:]))])


def _stored(c: Call, algebra: _Algebra) -> Reply:
    found = sorted(algebra(_sets(c, c.args[2:])))
    if found:
        place(c.tx, c.args[1], Copy("members", found, None))
    else:
        c.tx.delete(c.args[1])
    return len(found)


_INTERSECTED = "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets."
_TOGETHER = "O(N) where N is the total number of elements in all given sets."


def _register(name: bytes, summary: str, complexity: str, algebra: _Algebra) -> None:
    command(name, arity=-2, flags="readonly", keys=(1, -1, 1), group="set", summary=summary, complexity=complexity)(
        lambda c: _shown(c, algebra)
    )
    command(
        name + b"STORE",
        arity=-3,
        flags="write denyoom",
        keys=(1, -1, 1),
        group="set",
        summary=summary + " and store the resulting set in a key",
        complexity=complexity,
    )(lambda c: _stored(c, algebra))


_register(b"SINTER", "Intersect multiple sets", _INTERSECTED, _intersection)
_register(b"SUNION", "Add multiple sets", _TOGETHER, _union)
_register(b"SDIFF", "Subtract multiple sets", _TOGETHER, _difference)


@command(
    b"SINTERCARD",
    arity=-3,
    flags="readonly",
    keys=numbered_keys(1),
    group="set",
    since="7.0.0",
    summary="Intersect multiple sets and return the cardinality of the result",
    complexity=_INTERSECTED,
)
def sintercard(c: Call) -> Reply:
    """How many members all sets have, LIMIT at most."""
    count = integer(c.args[1], "ERR numkeys should be greater than 0", low=1)
    if count > len(c.args) - 2:
        raise CommandError("ERR Number of keys can't be greater than number of args")
    limit = 0
    at = 2 + count
    while at < len(c.args):
        if c.args[at].upper() != b"LIMIT" or at + 1 >= len(c.args):
            raise syntax_error()
        limit = integer(c.args[at + 1], "ERR LIMIT can't be negative", low=0)
        at += 2
    found = _intersection(_sets(c, c.args[2 : 2 + count]))
    return sum(1 for _ in islice(found, limit or None))
