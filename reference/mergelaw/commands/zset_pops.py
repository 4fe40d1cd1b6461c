"""The lowest or highest members of sorted sets, taken out, at once or as soon as there are any.

Two instances may pop the same member at the same time.

Source: redis 7.0, `src/t_zset.c` (`genericZpopCommand`, `blockingGenericZpopCommand`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mergelaw.commands.blocking import take_or_wait
from mergelaw.commands.errors import syntax_error
from mergelaw.commands.parse import Arguments, from_text, integer, positive, timeout_ms
from mergelaw.commands.reply import NIL_ARRAY, Reply
from mergelaw.commands.table import Call, command, numbered_keys
from mergelaw.commands.zset_scores import pairs_reply, score_reply
from mergelaw.commands.zset_state import remove, scores_of

_Popped = list[tuple[str, float]]


def _pop(c: Call, key: bytes, highest: bool, count: int) -> _Popped | None:
    """`count` members, the last in order first iff `highest`; None iff the key is absent. Raises: CommandError."""
    found = scores_of(c, key)
    if found is None:
        return None
    order = found.order()
    count = min(count, len(order))
    start = len(order) - count if highest else 0
    popped = [(member, number) for number, member in order.between(start, start + count, reverse=highest)]
    if popped:
        remove(c, key, found, [member for member, _ in popped])
    return popped


def _pop_one_key(c: Call, highest: bool) -> Reply:
    if len(c.args) > 3:
        raise syntax_error()
    count = positive(c.args[2]) if len(c.args) == 3 else None
    popped = _pop(c, c.args[1], highest, 1 if count is None else count)
    if not popped:
        return []
    if count is None:
        ((member, number),) = popped
        return [from_text(member), score_reply(c, number)]
    return pairs_reply(c, popped)


_COMPLEXITY = (
    "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped."
)


@command(
    b"ZPOPMIN",
    arity=-2,
    flags="write fast",
    keys=(1, 1, 1),
    group="sorted-set",
    since="5.0.0",
    summary="Remove and return members with the lowest scores in a sorted set",
    complexity=_COMPLEXITY,
)
def zpopmin(c: Call) -> Reply:
    """The members with the lowest scores, and these."""
    return _pop_one_key(c, highest=False)


@command(
    b"ZPOPMAX",
    arity=-2,
    flags="write fast",
    keys=(1, 1, 1),
    group="sorted-set",
    since="5.0.0",
    summary="Remove and return members with the highest scores in a sorted set",
    complexity=_COMPLEXITY,
)
def zpopmax(c: Call) -> Reply:
    """The members with the highest scores, and these."""
    return _pop_one_key(c, highest=True)


# One of several keys --------------------------------------------------------------------------------------------------


def _parse(args: list[bytes], at: int) -> tuple[list[bytes], bool, int]:
    """The keys, whether the highest members are meant, and how many; from position `at` on. Raises: CommandError."""
    count = integer(args[at], "ERR numkeys should be greater than 0", low=1)
    options = Arguments(args, at + 1 + count)
    match options.keyword():
        case b"MIN":
            highest = False
        case b"MAX":
            highest = True
        case _:
            raise syntax_error()
    wanted: int | None = None
    while options:
        if options.keyword() != b"COUNT" or wanted is not None or not options:
            raise syntax_error()
        wanted = integer(options.next(), "ERR count should be greater than 0", low=1)
    return args[at + 1 : at + 1 + count], highest, 1 if wanted is None else wanted


def _with_key(highest: bool, count: int) -> Callable[[Call, bytes], Reply | None]:
    """Pops, and tells key and members; None where there is nothing."""

    def pop(c: Call, key: bytes) -> Reply | None:
        popped = _pop(c, key, highest, count)
        if not popped:
            return None
        return [key, [[from_text(member), score_reply(c, number)] for member, number in popped]]

    return pop


@command(
    b"ZMPOP",
    arity=-4,
    flags="write",
    keys=numbered_keys(1),
    group="sorted-set",
    since="7.0.0",
    summary="Remove and return members with scores in a sorted set",
    complexity="O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the "
    "sorted set, and M being the number of elements popped.",
)
def zmpop(c: Call) -> Reply:
    """The first key that has members, and its lowest or highest; the absent array, if there is none."""
    keys, highest, count = _parse(c.args, 1)
    pop = _with_key(highest, count)
    for key in keys:
        reply = pop(c, key)
        if reply is not None:
            return reply
    return NIL_ARRAY


@command(
    b"BZMPOP",
    arity=-5,
    flags="write blocking",
    keys=numbered_keys(2),
    group="sorted-set",
    since="7.0.0",
    summary="Remove and return members with scores in a sorted set or block until one is available",
    complexity="O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the "
    "sorted set, and M being the number of elements popped.",
)
def bzmpop(c: Call) -> Reply:
    """As ZMPOP; where all keys are absent, it waits for one that is not."""
    keys, highest, count = _parse(c.args, 2)
    return take_or_wait(c, keys, "zset", _with_key(highest, count), timeout_ms(c.args[1]), NIL_ARRAY)


def _pop_or_wait(c: Call, keys: Sequence[bytes], highest: bool) -> Reply:
    def pop(served: Call, key: bytes) -> Reply | None:
        popped = _pop(served, key, highest, 1)
        if not popped:
            return None
        ((member, number),) = popped
        return [key, from_text(member), score_reply(served, number)]

    return take_or_wait(c, keys, "zset", pop, timeout_ms(c.args[-1]), NIL_ARRAY)


@command(
    b"BZPOPMIN",
    arity=-3,
    flags="write noscript blocking fast",
    keys=(1, -2, 1),
    group="sorted-set",
    since="5.0.0",
    summary="Remove and return the member with the lowest score from one or more sorted sets, or block until one is "
    "available",
    complexity="O(log(N)) with N being the number of elements in the sorted set.",
)
def bzpopmin(c: Call) -> Reply:
    """The first key that has members, its lowest and that one's score; where all are absent, it waits."""
    return _pop_or_wait(c, c.args[1:-1], highest=False)


@command(
    b"BZPOPMAX",
    arity=-3,
    flags="write noscript blocking fast",
    keys=(1, -2, 1),
    group="sorted-set",
    since="5.0.0",
    summary="Remove and return the member with the highest score from one or more sorted sets, or block until one is "
    "available",
    complexity="O(log(N)) with N being the number of elements in the sorted set.",
)
def bzpopmax(c: Call) -> Reply:
    """The first key that has members, its highest and that one's score; where all are absent, it waits."""
    return _pop_or_wait(c, c.args[1:-1], highest=True)
