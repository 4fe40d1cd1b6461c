"""Unions, intersections and differences of sorted sets and sets, shown or stored. The members of a set count 1 each.

The scores of the result are computed from doubles, as Redis does. What *STORE writes is a fresh sorted set: it takes
away what is known of the target, of whatever type. A concurrent ZADD to the target stays.

Source: redis 7.0, `src/t_zset.c` (`zunionInterDiffGenericCommand`, `zunionInterAggregate`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from mergelaw.commands.errors import CommandError, syntax_error, wrong_type
from mergelaw.commands.parse import Arguments, from_text, integer, positive
from mergelaw.commands.reply import Reply
from mergelaw.commands.sets import members_of
from mergelaw.commands.table import Call, command, numbered_keys
from mergelaw.commands.zset_scores import pairs_reply, score
from mergelaw.commands.zset_state import Scores, scores_of, store

_Source = Mapping[str, float]
_Result = dict[str, float]


@dataclass(slots=True)
class _Options:
    """What the command says after its keys."""

    weights: list[float]
    aggregate: Callable[[float, float], float]
    with_scores: bool = False
    limit: int = 0


# Aggregates -----------------------------------------------------------------------------------------------------------


def _sum(held: float, value: float) -> float:
    found = held + value
    return 0.0 if math.isnan(found) else found


def _least(held: float, value: float) -> float:
    return value if value < held else held


def _greatest(held: float, value: float) -> float:
    return value if value > held else held


_AGGREGATES = {b"SUM": _sum, b"MIN": _least, b"MAX": _greatest}


def _weighed(value: float, weight: float) -> float:
    found = value * weight
    return 0.0 if math.isnan(found) else found


# Algebra --------------------------------------------------------------------------------------------------------------

_Algebra = Callable[[list[_Source], _Options], _Result]


def _smallest_first(sources: list[_Source], options: _Options) -> list[tuple[_Source, float]]:
    """Sources with their weights. Sums of doubles depend on their order: it is Redis's."""
    return sorted(zip(sources, options.weights, strict=True), key=lambda pair: len(pair[0]))


def _union(sources: list[_Source], options: _Options) -> _Result:
    found: _Result = {}
    for source, weight in _smallest_first(sources, options):
        for member, number in source.items():
            value = _weighed(number, weight)
            found[member] = options.aggregate(found[member], value) if member in found else value
    return found


def _intersection(sources: list[_Source], options: _Options) -> _Result:
    (first, weight), *others = _smallest_first(sources, options)
    found: _Result = {}
    for member, number in first.items():
        value = _weighed(number, weight)
        for source, other_weight in others:
            other = source.get(member)
            if other is None:
                break
            value = options.aggregate(value, other * other_weight)
        else:
            found[member] = value
    return found


def _difference(sources: list[_Source], options: _Options) -> _Result:
    first, *others = sources
    return {member: number for member, number in first.items() if not any(member in other for other in others)}


# Commands -------------------------------------------------------------------------------------------------------------


def _sources(c: Call, keys: list[bytes]) -> list[_Source]:
    """The members of each key, a sorted set or a set, with their scores. Raises: CommandError (WRONGTYPE)."""
    return [_source(c, key) for key in keys]


def _source(c: Call, key: bytes) -> _Source:
    entry = c.visible(key)
    match "none" if entry is None else c.db.content(entry):
        case "none":
            return {}
        case "zset":
            found = scores_of(c, key)
            return {} if found is None else _all(found)
        case "set":
            return dict.fromkeys(members_of(c, key) or (), 1.0)
        case _:
            raise wrong_type()


def _all(found: Scores) -> _Source:
    return found.order().scores


def _keys(c: Call, at: int) -> list[bytes]:
    """The keys whose number stands at position `at`. Raises: CommandError."""
    assert c.command is not None
    count = integer(c.args[at])
    if count < 1:
        raise CommandError(f"ERR at least 1 input key is needed for '{c.command.name}' command")
    if count > len(c.args) - at - 1:
        raise syntax_error()
    return c.args[at + 1 : at + 1 + count]


def _parse(args: list[bytes], at: int, count: int, *, weighing: bool, showing: bool, limited: bool) -> _Options:
    """The options from position `at` on, of a command with so many keys. Raises: CommandError."""
    found = _Options([1.0] * count, _sum)
    options = Arguments(args, at)
    while options:
        match options.keyword():
            case b"WEIGHTS" if weighing and len(options) >= count:
                found.weights = [score(options.next(), "ERR weight value is not a float") for _ in range(count)]
            case b"AGGREGATE" if weighing and options:
                aggregate = _AGGREGATES.get(options.keyword())
                if aggregate is None:
                    raise syntax_error()
                found.aggregate = aggregate
            case b"WITHSCORES" if showing:
                found.with_scores = True
            case b"LIMIT" if limited and options:
                found.limit = positive(options.next(), "ERR LIMIT can't be negative")
            case _:
                raise syntax_error()
    return found


def _result(c: Call, at: int, algebra: _Algebra, showing: bool) -> tuple[_Result, _Options]:
    keys = _keys(c, at)
    # A key of another type is an error before odd options are.
    sources = _sources(c, keys)
    weighing = algebra is not _difference
    options = _parse(c.args, at + 1 + len(keys), len(keys), weighing=weighing, showing=showing, limited=False)
    return algebra(sources, options), options


def _shown(c: Call, algebra: _Algebra) -> Reply:
    found, options = _result(c, 1, algebra, showing=True)
    pairs = sorted((number, member) for member, number in found.items())
    if options.with_scores:
        return pairs_reply(c, [(member, number) for number, member in pairs])
    return [from_text(member) for _, member in pairs]


def _stored(c: Call, algebra: _Algebra) -> Reply:
    found, _ = _result(c, 2, algebra, showing=False)
    return store(c, c.args[1], found.items())


def _register(name: bytes, since: str, summary: str, complexity: str, algebra: _Algebra) -> None:
    command(
        name,
        arity=-3,
        flags="readonly",
        keys=numbered_keys(1),
        group="sorted-set",
        since="6.2.0",
        summary=summary,
        complexity=complexity,
    )(lambda c: _shown(c, algebra))
    command(
        name + b"STORE",
        arity=-4,
        flags="write denyoom",
        keys=(1, 1, 1),
        finder=numbered_keys(2, fixed=(1,)),
        group="sorted-set",
        since=since,
        summary=summary + " and store the resulting sorted set in a new key",
        complexity=complexity,
    )(lambda c: _stored(c, algebra))


_register(
    b"ZUNION",
    "2.0.0",
    "Add multiple sorted sets",
    "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements "
    "in the resulting sorted set.",
    _union,
)
_register(
    b"ZINTER",
    "2.0.0",
    "Intersect multiple sorted sets",
    "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets "
    "and M being the number of elements in the resulting sorted set.",
    _intersection,
)
_register(
    b"ZDIFF",
    "6.2.0",
    "Subtract multiple sorted sets",
    "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first "
    "set, and K is the size of the result set.",
    _difference,
)


@command(
    b"ZINTERCARD",
    arity=-3,
    flags="readonly",
    keys=numbered_keys(1),
    group="sorted-set",
    since="7.0.0",
    summary="Intersect multiple sorted sets and return the cardinality of the result",
    complexity="O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.",
)
def zintercard(c: Call) -> Reply:
    """How many members all of them have, LIMIT at most."""
    keys = _keys(c, 1)
    sources = _sources(c, keys)
    options = _parse(c.args, 2 + len(keys), len(keys), weighing=False, showing=False, limited=True)
    return sum(1 for _ in islice(_common(sources), options.limit or None))


def _common(sources: list[_Source]) -> Iterator[str]:
    smallest, *others = sorted(sources, key=len)
    return (member for member in smallest if all(member in other for other in others))
