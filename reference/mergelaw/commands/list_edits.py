"""Lists changed inside: LSET, LINSERT, LREM, LTRIM.

LSET writes the register of an element: of concurrent ones the latest wins, and it keeps the element beside a concurrent
removal. What LINSERT puts before or after an element stays beside it.

Source: redis 7.0, `src/t_list.c`; spec/mergelaw/types/list.crdt.
"""

from __future__ import annotations

from itertools import islice

from mergelaw.commands.errors import NO_SUCH_KEY, OUT_OF_RANGE, CommandError, syntax_error
from mergelaw.commands.list_view import list_of, remove
from mergelaw.commands.lists import bounds_of, element_at, window
from mergelaw.commands.parse import integer, to_text
from mergelaw.commands.reply import OK, Reply
from mergelaw.commands.table import Call, command


@command(
    b"LSET",
    arity=4,
    flags="write denyoom",
    keys=(1, 1, 1),
    group="list",
    summary="Set the value of an element in a list by its index",
    complexity="O(log(N)) where N is the length of the list.",
)
def lset(c: Call) -> Reply:
    """OK. Raises: CommandError, where there is no such element."""
    key = c.args[1]
    order = list_of(c, key)
    if order is None:
        raise CommandError(NO_SUCH_KEY)
    at = element_at(order, integer(c.args[2]))
    if at is None:
        raise CommandError(OUT_OF_RANGE)
    c.tx.update(key, "list_set", order[at][0], to_text(c.args[3]))
    return OK


@command(
    b"LINSERT",
    arity=5,
    flags="write denyoom",
    keys=(1, 1, 1),
    group="list",
    since="2.2.0",
    summary="Insert an element before or after another element in a list",
    complexity="O(N) where N is the number of elements to traverse before seeing the value pivot.",
)
def linsert(c: Call) -> Reply:
    """The length; 0 where there is no list, -1 where it has no such element. Of several the first is meant."""
    key, where = c.args[1], c.args[2].upper()
    if where not in (b"BEFORE", b"AFTER"):
        raise syntax_error()
    order = list_of(c, key)
    if order is None:
        return 0
    pivot, length = to_text(c.args[3]), len(order)
    found = next((at for at, (_, text) in enumerate(order.within(0, length)) if text == pivot), None)
    if found is None:
        return -1
    # The new element goes between the indices `after - 1` and `after`.
    after = found if where == b"BEFORE" else found + 1
    left = (order[after - 1][0],) if after > 0 else None
    right = (order[after][0],) if after < length else None
    c.tx.update(key, "list_insert", left, right, to_text(c.args[4]))
    return length + 1


@command(
    b"LREM",
    arity=4,
    flags="write",
    keys=(1, 1, 1),
    group="list",
    summary="Remove elements from a list",
    complexity="O(N+M*log(N)) where N is the length of the list and M is the number of elements removed.",
)
def lrem(c: Call) -> Reply:
    """How many were removed: the first so many that are equal, the last with a negative count, all with 0."""
    key, text = c.args[1], to_text(c.args[3])
    count = integer(c.args[2])
    order = list_of(c, key)
    if order is None:
        return 0
    length = len(order)
    elements = order.within(0, length) if count >= 0 else order.backwards(length)
    matches = (position for position, element in elements if element == text)
    positions = list(islice(matches, min(abs(count), length) or None))
    if positions:
        remove(c.tx, key, order, positions)
    return len(positions)


@command(
    b"LTRIM",
    arity=4,
    flags="write",
    keys=(1, 1, 1),
    group="list",
    summary="Trim a list to the specified range",
    complexity="O(M*log(N)) where N is the length of the list and M is the number of elements removed.",
)
def ltrim(c: Call) -> Reply:
    """OK. What is not from start to end, both included, is removed."""
    key = c.args[1]
    start, end = bounds_of(c)
    order = list_of(c, key)
    if order is None:
        return OK
    length = len(order)
    first, after = window(length, start, end)
    positions = [position for part in ((0, first), (after, length)) for position, _ in order.within(*part)]
    if positions:
        remove(c.tx, key, order, positions)
    return OK
