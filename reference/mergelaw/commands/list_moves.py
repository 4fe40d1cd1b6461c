"""Elements moved between lists, pops from the first list that has something, and both where a client waits for it.

A move is one effect: nobody sees the element in neither list, or in both. It removes an element and inserts another
with the same text; so two instances that move the same element at the same time leave it in both targets.

Source: redis 7.0, `src/t_list.c`, `src/blocked.c`; Redis docs, Active-Active lists (redis_rules.md, 28-29).
"""

from __future__ import annotations

from dataclasses import dataclass

from mergelaw.commands.blocking import take_or_wait
from mergelaw.commands.errors import syntax_error
from mergelaw.commands.list_view import list_of, push, remove
from mergelaw.commands.lists import taken
from mergelaw.commands.parse import INT64_MAX, Arguments, from_text, integer, timeout_ms
from mergelaw.commands.reply import NIL_ARRAY, Reply
from mergelaw.commands.table import Call, command, numbered_keys

_MOVE_COST = "O(log(N)) where N is the length of the longer of the lists."


def _is_left(arg: bytes) -> bool:
    """Which end is meant. Raises: CommandError."""
    word = arg.upper()
    if word not in (b"LEFT", b"RIGHT"):
        raise syntax_error()
    return word == b"LEFT"


# Moving ---------------------------------------------------------------------------------------------------------------


def _move(c: Call, source: bytes, target: bytes, from_left: bool, to_left: bool) -> Reply:
    """The element moved from an end of `source` to an end of `target`; null where there is no source."""
    order = list_of(c, source)
    if order is None:
        return None
    there = list_of(c, target)
    position, text = order[0 if from_left else -1]
    if source != target:
        remove(c.tx, source, order, [position])
        push(c.tx, target, [text], there, to_left)
    elif len(order) > 1 and from_left != to_left:
        push(c.tx, source, [text], order, to_left)
        remove(c.tx, source, order, [position])
    return from_text(text)


@command(
    b"LMOVE",
    arity=5,
    flags="write denyoom",
    keys=(1, 2, 1),
    group="list",
    since="6.2.0",
    summary="Pop an element from a list, push it to another list and return it",
    complexity=_MOVE_COST,
)
def lmove(c: Call) -> Reply:
    """The element, or null. Where it stays in its place nothing is written."""
    from_left, to_left = _is_left(c.args[3]), _is_left(c.args[4])
    return _move(c, c.args[1], c.args[2], from_left, to_left)


@command(
    b"RPOPLPUSH",
    arity=3,
    flags="write denyoom",
    keys=(1, 2, 1),
    group="list",
    since="1.2.0",
    summary="Remove the last element in a list, prepend it to another list and return it",
    complexity=_MOVE_COST,
)
def rpoplpush(c: Call) -> Reply:
    """As LMOVE RIGHT LEFT."""
    return _move(c, c.args[1], c.args[2], from_left=False, to_left=True)


@dataclass(frozen=True, slots=True)
class _Moving:
    """What a client that waits wants moved."""

    target: bytes
    from_left: bool
    to_left: bool

    def __call__(self, c: Call, key: bytes) -> Reply:
        return _move(c, key, self.target, self.from_left, self.to_left)


def _move_or_wait(c: Call, from_left: bool, to_left: bool) -> Reply:
    waiting_ms = timeout_ms(c.args[-1])
    return take_or_wait(c, c.args[1:2], "list", _Moving(c.args[2], from_left, to_left), waiting_ms, None)


@command(
    b"BLMOVE",
    arity=6,
    flags="write denyoom noscript blocking",
    keys=(1, 2, 1),
    group="list",
    since="6.2.0",
    summary="Pop an element from a list, push it to another list and return it; or block until one is available",
    complexity=_MOVE_COST,
)
def blmove(c: Call) -> Reply:
    """As LMOVE; it waits where there is no source, and answers null at the time limit."""
    from_left, to_left = _is_left(c.args[3]), _is_left(c.args[4])
    return _move_or_wait(c, from_left, to_left)


@command(
    b"BRPOPLPUSH",
    arity=4,
    flags="write denyoom noscript blocking",
    keys=(1, 2, 1),
    group="list",
    since="2.2.0",
    summary="Pop an element from a list, push it to another list and return it; or block until one is available",
    complexity=_MOVE_COST,
)
def brpoplpush(c: Call) -> Reply:
    """As BLMOVE RIGHT LEFT."""
    return _move_or_wait(c, from_left=False, to_left=True)


# Popping --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Popping:
    """What a client takes from the first list that has something."""

    left: bool
    count: int | None
    """None: one element, which is answered by itself."""

    def __call__(self, c: Call, key: bytes) -> Reply:
        order = list_of(c, key)
        if order is None:
            return None
        found = taken(c, key, order, self.left, self.count or 1)
        return [key, found[0] if self.count is None else found]


def _parsed(c: Call, at: int) -> tuple[list[bytes], _Popping]:
    """The keys and what is taken, where the number of keys stands at position `at`. Raises: CommandError."""
    count = integer(c.args[at], "ERR numkeys should be greater than 0", 1, INT64_MAX)
    after = at + 1 + count
    if after >= len(c.args):
        raise syntax_error()
    left = _is_left(c.args[after])
    wanted: int | None = None
    options = Arguments(c.args, after + 1)
    while options:
        match options.keyword():
            case b"COUNT" if options and wanted is None:
                wanted = integer(options.next(), "ERR count should be greater than 0", 1, INT64_MAX)
            case _:
                raise syntax_error()
    return c.args[at + 1 : after], _Popping(left, wanted or 1)


@command(
    b"LMPOP",
    arity=-4,
    flags="write",
    keys=numbered_keys(1),
    group="list",
    since="7.0.0",
    summary="Pop elements from a list",
    complexity="O(N+M) where N is the number of provided keys and M is the number of elements returned.",
)
def lmpop(c: Call) -> Reply:
    """The first key that has a list, and its elements; null where none has."""
    keys, pop = _parsed(c, 1)
    for key in keys:
        found = pop(c, key)
        if found is not None:
            return found
    return NIL_ARRAY


@command(
    b"BLMPOP",
    arity=-5,
    flags="write blocking",
    keys=numbered_keys(2),
    group="list",
    since="7.0.0",
    summary="Pop elements from a list, or block until one is available",
    complexity="O(N+M) where N is the number of provided keys and M is the number of elements returned.",
)
def blmpop(c: Call) -> Reply:
    """As LMPOP; it waits where there is no list."""
    keys, pop = _parsed(c, 2)
    return take_or_wait(c, keys, "list", pop, timeout_ms(c.args[1]), NIL_ARRAY)


def _pop_or_wait(c: Call, left: bool) -> Reply:
    waiting_ms = timeout_ms(c.args[-1])
    return take_or_wait(c, c.args[1:-1], "list", _Popping(left, None), waiting_ms, NIL_ARRAY)


@command(
    b"BLPOP",
    arity=-3,
    flags="write noscript blocking",
    keys=(1, -2, 1),
    group="list",
    since="2.0.0",
    summary="Remove and get the first element in a list, or block until one is available",
    complexity="O(N) where N is the number of provided keys.",
)
def blpop(c: Call) -> Reply:
    """The first key that has a list, and its first element; null at the time limit."""
    return _pop_or_wait(c, left=True)


@command(
    b"BRPOP",
    arity=-3,
    flags="write noscript blocking",
    keys=(1, -2, 1),
    group="list",
    since="2.0.0",
    summary="Remove and get the last element in a list, or block until one is available",
    complexity="O(N) where N is the number of provided keys.",
)
def brpop(c: Call) -> Reply:
    """As BLPOP, from the end."""
    return _pop_or_wait(c, left=False)
