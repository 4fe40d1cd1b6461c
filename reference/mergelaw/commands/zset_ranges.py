"""Ranges of sorted sets, by rank, by score or by the members' bytes: shown, stored, removed.

What ZRANGESTORE writes is a fresh sorted set: it takes away what is known of the target, of whatever type.

Source: redis 7.0, `src/t_zset.c` (`zrangeGenericCommand`, `zremrangeGenericCommand`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mergelaw.commands.errors import CommandError, syntax_error
from mergelaw.commands.parse import Arguments, from_text, integer
from mergelaw.commands.reply import Reply
from mergelaw.commands.table import Call, command
from mergelaw.commands.zset_order import Order
from mergelaw.commands.zset_scores import LexRange, ScoreRange, lex_range, pairs_reply, score_range
from mergelaw.commands.zset_state import remove, scores_of, store_values

_Rule = tuple[int, int] | ScoreRange | LexRange
"""The first and the last rank, from the end where negative; or a range."""

_SCORE, _LEX, _RANK = "score", "lex", "rank"


@dataclass(slots=True)
class _Options:
    """What a command says of the range; None: the command leaves it to its arguments."""

    by: str | None
    reverse: bool | None
    with_scores: bool = False
    offset: int = 0
    limit: int = -1


def _parse(args: list[bytes], at: int, by: str | None, reverse: bool | None, storing: bool) -> tuple[_Options, _Rule]:
    """The options, and the range that stands at position `at`. Raises: CommandError."""
    found = _Options(by, reverse)
    options = Arguments(args, at + 2)
    while options:
        match options.keyword():
            case b"WITHSCORES" if not storing:
                found.with_scores = True
            case b"LIMIT" if len(options) >= 2:
                found.offset = options.integer()
                found.limit = options.integer()
            case b"REV" if found.reverse is None:
                found.reverse = True
            case b"BYLEX" if found.by is None:
                found.by = _LEX
            case b"BYSCORE" if found.by is None:
                found.by = _SCORE
            case _:
                raise syntax_error()
    by = found.by or _RANK
    if by == _RANK:
        # `LIMIT offset -1` passes, and says nothing.
        found.offset = 0
    if found.limit != -1 and by == _RANK:
        raise CommandError("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
    if found.with_scores and by == _LEX:
        raise CommandError("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
    low, high = args[at], args[at + 1]
    if found.reverse and by != _RANK:
        low, high = high, low
    return found, _rule(by, low, high)


def _rule(by: str, low: bytes, high: bytes) -> _Rule:
    if by == _SCORE:
        return score_range(low, high)
    if by == _LEX:
        return lex_range(low, high)
    return integer(low), integer(high)


def _within(order: Order, rule: _Rule, reverse: bool) -> tuple[int, int]:
    """The first rank in the range, and the one after the last. Ranks count from the end iff `reverse`."""
    if not isinstance(rule, tuple):
        return order.ranks(rule, reverse)
    size = len(order)
    first, last = (n + size if n < 0 else n for n in rule)
    first, last = max(first, 0), min(last, size - 1)
    if first > last:
        return 0, 0
    return (size - 1 - last, size - first) if reverse else (first, last + 1)


def _chosen(order: Order, options: _Options, rule: _Rule) -> Iterator[tuple[float, str]]:
    reverse = bool(options.reverse)
    start, stop = _within(order, rule, reverse)
    if options.offset < 0:
        # Redis goes on to the end to skip them.
        return iter(())
    skipped = min(options.offset, stop - start)
    count = stop - start - skipped
    if options.limit >= 0:
        count = min(count, options.limit)
    if reverse:
        return order.between(stop - skipped - count, stop - skipped, reverse=True)
    return order.between(start + skipped, start + skipped + count)


def _shown(c: Call, by: str | None, reverse: bool | None) -> Reply:
    options, rule = _parse(c.args, 2, by, reverse, storing=False)
    found = scores_of(c, c.args[1])
    if found is None:
        return []
    picked = _chosen(found.order(), options, rule)
    if options.with_scores:
        return pairs_reply(c, [(member, number) for number, member in picked])
    return [from_text(member) for _, member in picked]


_COMPLEXITY = (
    "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements {}. If M is "
    "constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N))."
)


@command(
    b"ZRANGE",
    arity=-4,
    flags="readonly",
    keys=(1, 1, 1),
    group="sorted-set",
    since="1.2.0",
    summary="Return a range of members in a sorted set",
    complexity="O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements "
    "returned.",
)
def zrange(c: Call) -> Reply:
    """The members in the range, maybe with their scores."""
    return _shown(c, None, None)


@command(
    b"ZREVRANGE",
    arity=-4,
    flags="readonly",
    keys=(1, 1, 1),
    group="sorted-set",
    since="1.2.0",
    summary="Return a range of members in a sorted set, by index, with scores ordered from high to low",
    complexity="O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements "
    "returned.",
)
def zrevrange(c: Call) -> Reply:
    """As ZRANGE REV."""
    return _shown(c, _RANK, True)


@command(
    b"ZRANGEBYSCORE",
    arity=-4,
    flags="readonly",
    keys=(1, 1, 1),
    group="sorted-set",
    since="1.0.5",
    summary="Return a range of members in a sorted set, by score",
    complexity=_COMPLEXITY.format("being returned"),
)
def zrangebyscore(c: Call) -> Reply:
    """As ZRANGE BYSCORE."""
    return _shown(c, _SCORE, False)


@command(
    b"ZREVRANGEBYSCORE",
    arity=-4,
    flags="readonly",
    keys=(1, 1, 1),
    group="sorted-set",
    since="2.2.0",
    summary="Return a range of members in a sorted set, by score, with scores ordered from high to low",
    complexity=_COMPLEXITY.format("being returned"),
)
def zrevrangebyscore(c: Call) -> Reply:
    """As ZRANGE BYSCORE REV."""
    return _shown(c, _SCORE, True)


@command(
    b"ZRANGEBYLEX",
    arity=-4,
    flags="readonly",
    keys=(1, 1, 1),
    group="sorted-set",
    since="2.8.9",
    summary="Return a range of members in a sorted set, by lexicographical range",
    complexity=_COMPLEXITY.format("being returned"),
)
def zrangebylex(c: Call) -> Reply:
    """As ZRANGE BYLEX."""
    return _shown(c, _LEX, False)


@command(
    b"ZREVRANGEBYLEX",
    arity=-4,
    flags="readonly",
    keys=(1, 1, 1),
    group="sorted-set",
    since="2.8.9",
    summary="Return a range of members in a sorted set, by lexicographical range, ordered from higher to lower "
    "strings.",
    complexity=_COMPLEXITY.format("being returned"),
)
def zrevrangebylex(c: Call) -> Reply:
    """As ZRANGE BYLEX REV."""
    return _shown(c, _LEX, True)


@command(
    b"ZRANGESTORE",
    arity=-5,
    flags="write denyoom",
    keys=(1, 2, 1),
    group="sorted-set",
    since="6.2.0",
    summary="Store a range of members from sorted set into another key",
    complexity="O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements stored "
    "into the destination key.",
)
def zrangestore(c: Call) -> Reply:
    """How many members were stored, with their scores; without any the target is deleted."""
    options, rule = _parse(c.args, 3, None, None, storing=True)
    found = scores_of(c, c.args[2])
    if found is None:
        return store_values(c, c.args[1], {})
    members = [member for _, member in _chosen(found.order(), options, rule)]
    values = {member: value for member in members if (value := found.value(member)) is not None}
    return store_values(c, c.args[1], values)


# Removing -------------------------------------------------------------------------------------------------------------


def _removed(c: Call, by: str) -> Reply:
    rule = _rule(by, c.args[2], c.args[3])
    found = scores_of(c, c.args[1])
    if found is None:
        return 0
    order = found.order()
    start, stop = _within(order, rule, reverse=False)
    members = [member for _, member in order.between(start, stop)]
    if members:
        remove(c, c.args[1], found, members)
    return len(members)


@command(
    b"ZREMRANGEBYRANK",
    arity=4,
    flags="write",
    keys=(1, 1, 1),
    group="sorted-set",
    since="2.0.0",
    summary="Remove all members in a sorted set within the given indexes",
    complexity="O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed "
    "by the operation.",
)
def zremrangebyrank(c: Call) -> Reply:
    """How many members were removed: those that this instance sees in the range."""
    return _removed(c, _RANK)


@command(
    b"ZREMRANGEBYSCORE",
    arity=4,
    flags="write",
    keys=(1, 1, 1),
    group="sorted-set",
    since="1.2.0",
    summary="Remove all members in a sorted set within the given scores",
    complexity="O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed "
    "by the operation.",
)
def zremrangebyscore(c: Call) -> Reply:
    """How many members were removed: those that this instance sees in the range."""
    return _removed(c, _SCORE)


@command(
    b"ZREMRANGEBYLEX",
    arity=4,
    flags="write",
    keys=(1, 1, 1),
    group="sorted-set",
    since="2.8.9",
    summary="Remove all members in a sorted set between the given lexicographical range",
    complexity="O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed "
    "by the operation.",
)
def zremrangebylex(c: Call) -> Reply:
    """How many members were removed: those that this instance sees in the range."""
    return _removed(c, _LEX)
