"""Lists: pushing, popping and reading. Changes inside: `list_edits.py`; moves and pops that wait: `list_moves.py`.

Each element has a position of its own. What is inserted at one place at the same time comes out in one order
everywhere, the elements of one command side by side. A removal takes away what it has seen; a concurrent LSET of an
element keeps it. A pop is a removal, so two instances may pop the same element at the same time.

Source: redis 7.0, `src/t_list.c`; Redis docs, Active-Active lists (redis_rules.md, 27-30); spec/mergelaw/types/
list.crdt.
"""

from __future__ import annotations

from itertools import islice

from mergelaw.commands.errors import CommandError, syntax_error, wrong_arity
from mergelaw.commands.list_view import Order, list_of, push, remove
from mergelaw.commands.parse import INT64_MIN, Arguments, from_text, integer, positive, to_text
from mergelaw.commands.reply import NIL_ARRAY, Reply
from mergelaw.commands.table import Call, command

_PUSH_COST = (
    "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments."
)
_POP_COST = "O(N) where N is the number of elements returned"


# Ends -----------------------------------------------------------------------------------------------------------------


def _push(c: Call, left: bool, only_if_there: bool = False) -> Reply:
    key = c.args[1]
    order = list_of(c, key)
    if order is None and only_if_there:
        return 0
    return push(c.tx, key, map(to_text, c.args[2:]), order, left)


@command(
    b"LPUSH",
    arity=-3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="list",
    summary="Prepend one or multiple elements to a list",
    complexity=_PUSH_COST,
)
def lpush(c: Call) -> Reply:
    """The length; the last argument comes first in the list."""
    return _push(c, left=True)


@command(
    b"RPUSH",
    arity=-3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="list",
    summary="Append one or multiple elements to a list",
    complexity=_PUSH_COST,
)
def rpush(c: Call) -> Reply:
    """The length."""
    return _push(c, left=False)


@command(
    b"LPUSHX",
    arity=-3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="list",
    since="2.2.0",
    summary="Prepend an element to a list, only if the list exists",
    complexity=_PUSH_COST,
)
def lpushx(c: Call) -> Reply:
    """As LPUSH; 0, and nothing happens, where there is no list."""
    return _push(c, left=True, only_if_there=True)


@command(
    b"RPUSHX",
    arity=-3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="list",
    since="2.2.0",
    summary="Append an element to a list, only if the list exists",
    complexity=_PUSH_COST,
)
def rpushx(c: Call) -> Reply:
    """As RPUSH; 0, and nothing happens, where there is no list."""
    return _push(c, left=False, only_if_there=True)


def taken(c: Call, key: bytes, order: Order, left: bool, count: int) -> list[bytes]:
    """Pops at most `count` elements of the list at `key`, which `order` is, those next to the end first."""
    length = len(order)
    count = min(count, length)
    found = list(order.within(0, count) if left else order.within(length - count, length))
    if not left:
        found.reverse()
    remove(c.tx, key, order, [position for position, _ in found])
    return [from_text(text) for _, text in found]


def _pop(c: Call, left: bool) -> Reply:
    assert c.command is not None
    if len(c.args) > 3:
        raise wrong_arity(c.command.name)
    count = positive(c.args[2]) if len(c.args) == 3 else None
    order = list_of(c, c.args[1])
    if order is None:
        return None if count is None else NIL_ARRAY
    if count is None:
        return taken(c, c.args[1], order, left, 1)[0]
    return taken(c, c.args[1], order, left, count) if count else []


@command(
    b"LPOP",
    arity=-2,
    flags="write fast",
    keys=(1, 1, 1),
    group="list",
    summary="Remove and get the first elements in a list",
    complexity=_POP_COST,
)
def lpop(c: Call) -> Reply:
    """The first element, or null; with a count an array of so many. Another instance may pop them at the same time."""
    return _pop(c, left=True)


@command(
    b"RPOP",
    arity=-2,
    flags="write fast",
    keys=(1, 1, 1),
    group="list",
    summary="Remove and get the last elements in a list",
    complexity=_POP_COST,
)
def rpop(c: Call) -> Reply:
    """As LPOP, from the end."""
    return _pop(c, left=False)


# Reading --------------------------------------------------------------------------------------------------------------


@command(
    b"LLEN",
    arity=2,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="list",
    summary="Get the length of a list",
)
def llen(c: Call) -> Reply:
    """How many elements there are."""
    order = list_of(c, c.args[1])
    return 0 if order is None else len(order)


def element_at(order: Order, index: int) -> int | None:
    """Where the element at `index`, which may count from the end, stands; None iff there is none."""
    length = len(order)
    at = index + length if index < 0 else index
    return at if 0 <= at < length else None


@command(
    b"LINDEX",
    arity=3,
    flags="readonly",
    keys=(1, 1, 1),
    group="list",
    summary="Get an element from a list by its index",
    complexity="O(log(N)) where N is the length of the list.",
)
def lindex(c: Call) -> Reply:
    """The element, or null."""
    order = list_of(c, c.args[1])
    if order is None:
        return None
    at = element_at(order, integer(c.args[2]))
    return None if at is None else from_text(order[at][1])


def bounds_of(c: Call) -> tuple[int, int]:
    """The arguments start and end. Raises: CommandError."""
    return integer(c.args[2]), integer(c.args[3])


def window(length: int, start: int, end: int) -> tuple[int, int]:
    """The window from `start` to `end`, both included and perhaps from the end, as indices of 0..length."""
    start = max(0, start + length) if start < 0 else start
    end = end + length if end < 0 else end
    if start > end or start >= length:
        return 0, 0
    return start, min(end + 1, length)


@command(
    b"LRANGE",
    arity=4,
    flags="readonly",
    keys=(1, 1, 1),
    group="list",
    summary="Get a range of elements from a list",
    complexity="O(log(N)+M) where N is the length of the list and M the number of elements in the specified range.",
)
def lrange(c: Call) -> Reply:
    """The elements from start to end, both included; negative ones count from the end."""
    start, end = bounds_of(c)
    order = list_of(c, c.args[1])
    return [] if order is None else order.texts(*window(len(order), start, end))


@command(
    b"LPOS",
    arity=-3,
    flags="readonly",
    keys=(1, 1, 1),
    group="list",
    since="6.0.6",
    summary="Return the index of matching elements on a list",
    complexity="O(N) where N is the number of elements in the list, for the average case. When searching for elements "
    "near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant "
    "time.",
)
def lpos(c: Call) -> Reply:
    """The index of the element, or null; with COUNT an array of so many (0: all). A negative RANK looks from the end.

    Raises: CommandError.
    """
    rank, count, longest = 1, None, 0
    options = Arguments(c.args, 3)
    while options:
        match options.keyword():
            case b"RANK" if options:
                rank = options.integer()
                if rank == 0:
                    raise CommandError(
                        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... "
                        "or use negative to start from the end of the list"
                    )
            case b"COUNT" if options:
                count = positive(options.next(), "ERR COUNT can't be negative")
            case b"MAXLEN" if options:
                longest = positive(options.next(), "ERR MAXLEN can't be negative")
            case _:
                raise syntax_error()
    order = list_of(c, c.args[1])
    if order is None:
        return None if count is None else []
    wanted = 1 if count is None else count
    if rank == INT64_MIN:
        # Its negation is itself in C, so Redis passes over nothing and counts nothing.
        rank, wanted = -1, 0
    found = _matches(order, to_text(c.args[2]), rank, wanted, longest)
    if count is None:
        return found[0] if found else None
    return found


def _matches(order: Order, text: str, rank: int, count: int, longest: int) -> list[int]:
    """Indices of `count` elements that are `text`, from the `rank`th on, among the first `longest`; 0: of all."""
    length = len(order)
    looked_at = min(longest, length) if longest else length
    elements = order.within(0, looked_at) if rank > 0 else order.backwards(looked_at)
    places = range(looked_at) if rank > 0 else range(length - 1, length - 1 - looked_at, -1)
    matches = (at for at, (_, element) in zip(places, elements, strict=True) if element == text)
    return list(islice(matches, abs(rank) - 1, abs(rank) - 1 + count if count else None))
