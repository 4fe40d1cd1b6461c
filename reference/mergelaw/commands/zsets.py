"""Sorted sets: members with scores. Ranges of them: `zset_ranges.py`; pops: `zset_pops.py`; algebra: `zset_algebra.py`.

ZADD sets a score, ZINCRBY adds to it: of concurrent ZADDs of one member the latest wins, concurrent ZINCRBYs add up.
Both win over a concurrent ZREM, which takes away what it has seen: beside `ZINCRBY 2` it leaves 2. ZADD of a score
that a member has already is a ZADD too. A command that names several members is one effect.

Source: redis 7.0, `src/t_zset.c`; Redis docs, Active-Active sorted sets (redis_rules.md, 24 and 25);
spec/mergelaw/types/sorted_set.crdt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mergelaw.commands.collection import chosen, drawn, views
from mergelaw.commands.errors import CommandError, syntax_error
from mergelaw.commands.hashes import MOST_DRAWN
from mergelaw.commands.parse import INT64_MAX, from_text, integer, to_text
from mergelaw.commands.reply import Reply
from mergelaw.commands.scan import parse_cursor, parse_options
from mergelaw.commands.table import Call, command
from mergelaw.commands.zset_scores import lex_range, pairs_reply, scanned_bytes, score, score_range, score_reply
from mergelaw.commands.zset_state import Scores, add_score, remove, scores_now, scores_of, set_score, total

NOT_A_NUMBER = "ERR resulting score is not a number (NaN)"


# Writing --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Conditions:
    """The options of ZADD; GEOADD has some of them."""

    only_new: bool = False
    only_known: bool = False
    greater: bool = False
    less: bool = False
    changed: bool = False
    increase: bool = False

    def take(self, word: bytes) -> bool:
        """Notes the option `word`; False iff it is none."""
        match word.upper():
            case b"NX":
                self.only_new = True
            case b"XX":
                self.only_known = True
            case b"GT":
                self.greater = True
            case b"LT":
                self.less = True
            case b"CH":
                self.changed = True
            case b"INCR":
                self.increase = True
            case _:
                return False
        return True

    def check(self) -> None:
        """Raises: CommandError, where two of them contradict each other."""
        if self.only_new and self.only_known:
            raise CommandError("ERR XX and NX options at the same time are not compatible")
        if (self.greater or self.less) and self.only_new or self.greater and self.less:
            raise CommandError("ERR GT, LT, and/or NX options at the same time are not compatible")

    def allow(self, before: float | None, now: float) -> bool:
        """Whether a score may become `now` that is `before`."""
        if before is None:
            return not self.only_known
        return not (self.only_new or self.less and now >= before or self.greater and now <= before)


@command(
    b"ZADD",
    arity=-4,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="sorted-set",
    since="1.2.0",
    summary="Add one or more members to a sorted set, or update its score if it already exists",
    complexity="O(log(N)) for each item added, where N is the number of elements in the sorted set.",
)
def zadd(c: Call) -> Reply:
    """How many members are new, with CH how many have another score; with INCR the score, null if it may not change.

    Only this instance is asked whether a member is there, and what its score is.
    """
    conditions = Conditions()
    at = 2
    while at < len(c.args) and conditions.take(c.args[at]):
        at += 1
    left = c.args[at:]
    if not left or len(left) % 2:
        raise syntax_error()
    conditions.check()
    if conditions.increase and len(left) > 2:
        raise CommandError("ERR INCR option supports a single increment-element pair")
    pairs = [(to_text(left[n + 1]), score(left[n])) for n in range(0, len(left), 2)]
    if conditions.increase:
        return _increase(c, conditions, *pairs[0])
    added, updated = add(c, c.args[1], pairs, conditions)
    return added + updated if conditions.changed else added


def add(c: Call, key: bytes, pairs: list[tuple[str, float]], conditions: Conditions) -> tuple[int, int]:
    """Gives members of the sorted set at `key` scores; how many are new, and how many others have another score.

    Raises: CommandError (WRONGTYPE).
    """
    found = scores_of(c, key)
    added = updated = 0
    for n, (member, number) in enumerate(pairs):
        if n:
            found = scores_now(c, key)
        before = None if found is None else found.score(member)
        if conditions.allow(before, number):
            set_score(c, key, member, number)
            added += before is None
            updated += before is not None and before != number
    return added, updated


def _increase(c: Call, conditions: Conditions, member: str, amount: float) -> Reply:
    """The new score, or null where the conditions do not hold. Raises: CommandError."""
    key = c.args[1]
    found = scores_of(c, key)
    value = None if found is None else found.value(member)
    before = None if found is None or value is None else found.score(member)
    result = total(value, amount)
    if before is not None and conditions.only_new or before is None and conditions.only_known:
        return None
    if math.isnan(result):
        raise CommandError(NOT_A_NUMBER)
    if not conditions.allow(before, result):
        return None
    add_score(c, key, member, amount, result)
    return score_reply(c, result)


@command(
    b"ZINCRBY",
    arity=4,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="sorted-set",
    since="1.2.0",
    summary="Increment the score of a member in a sorted set",
    complexity="O(log(N)) where N is the number of elements in the sorted set.",
)
def zincrby(c: Call) -> Reply:
    """The sum, as this instance sees it."""
    return _increase(c, Conditions(), to_text(c.args[3]), score(c.args[2]))


@command(
    b"ZREM",
    arity=-3,
    flags="write fast",
    keys=(1, 1, 1),
    group="sorted-set",
    since="1.2.0",
    summary="Remove one or more members from a sorted set",
    complexity="O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be "
    "removed.",
)
def zrem(c: Call) -> Reply:
    """How many of them there were. One that is not there is no business of ZREM: nothing is written."""
    found = scores_of(c, c.args[1])
    if found is None:
        return 0
    members = [member for member in dict.fromkeys(map(to_text, c.args[2:])) if member in found]
    if members:
        remove(c, c.args[1], found, members)
    return len(members)


# Reading --------------------------------------------------------------------------------------------------------------


@command(
    b"ZSCORE",
    arity=3,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="sorted-set",
    since="1.2.0",
    summary="Get the score associated with the given member in a sorted set",
)
def zscore(c: Call) -> Reply:
    """The score, or null."""
    return _score(c, scores_of(c, c.args[1]), c.args[2])


def _score(c: Call, found: Scores | None, member: bytes) -> Reply:
    number = None if found is None else found.score(to_text(member))
    return None if number is None else score_reply(c, number)


@command(
    b"ZMSCORE",
    arity=-3,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="sorted-set",
    since="6.2.0",
    summary="Get the score associated with the given members in a sorted set",
    complexity="O(N) where N is the number of members being requested.",
)
def zmscore(c: Call) -> Reply:
    """The scores, null for members that are not there."""
    found = scores_of(c, c.args[1])
    return [_score(c, found, member) for member in c.args[2:]]


@command(
    b"ZCARD",
    arity=2,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="sorted-set",
    since="1.2.0",
    summary="Get the number of members in a sorted set",
)
def zcard(c: Call) -> Reply:
    """How many members there are."""
    found = scores_of(c, c.args[1])
    return 0 if found is None else len(found)


@command(
    b"ZCOUNT",
    arity=4,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="sorted-set",
    since="2.0.0",
    summary="Count the members in a sorted set with scores within the given values",
    complexity="O(log(N)) with N being the number of elements in the sorted set.",
)
def zcount(c: Call) -> Reply:
    """How many members have such a score."""
    rule = score_range(c.args[2], c.args[3])
    found = scores_of(c, c.args[1])
    if found is None:
        return 0
    start, stop = found.order().ranks(rule)
    return stop - start


@command(
    b"ZLEXCOUNT",
    arity=4,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="sorted-set",
    since="2.8.9",
    summary="Count the number of members in a sorted set between a given lexicographical range",
    complexity="O(log(N)) with N being the number of elements in the sorted set.",
)
def zlexcount(c: Call) -> Reply:
    """How many members are in the range, where all have the same score."""
    rule = lex_range(c.args[2], c.args[3])
    found = scores_of(c, c.args[1])
    if found is None:
        return 0
    start, stop = found.order().ranks(rule)
    return stop - start


def _rank(c: Call, reverse: bool) -> Reply:
    found = scores_of(c, c.args[1])
    if found is None:
        return None
    member = to_text(c.args[2])
    if member not in found:
        return None
    order = found.order()
    rank = order.rank(member)
    return len(order) - 1 - rank if reverse and rank is not None else rank


@command(
    b"ZRANK",
    arity=3,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="sorted-set",
    since="2.0.0",
    summary="Determine the index of a member in a sorted set",
    complexity="O(log(N))",
)
def zrank(c: Call) -> Reply:
    """How many members come before it, or null."""
    return _rank(c, reverse=False)


@command(
    b"ZREVRANK",
    arity=3,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="sorted-set",
    since="2.0.0",
    summary="Determine the index of a member in a sorted set, with scores ordered from high to low",
    complexity="O(log(N))",
)
def zrevrank(c: Call) -> Reply:
    """How many members come after it, or null."""
    return _rank(c, reverse=True)


@command(
    b"ZRANDMEMBER",
    arity=-2,
    flags="readonly",
    keys=(1, 1, 1),
    group="sorted-set",
    since="6.2.0",
    summary="Get one or multiple random elements from a sorted set",
    complexity="O(N) where N is the number of elements returned",
)
def zrandmember(c: Call) -> Reply:
    """A member at random, or null; with a count an array of different ones; of ones that may come twice, if it is
    negative. Raises: CommandError, also for a count below -1,000,000.
    """
    if len(c.args) == 2:
        found = scores_of(c, c.args[1])
        return None if found is None else from_text(drawn(found.order(), 1, c.server.randomness)[0][1])
    count = integer(c.args[2], low=-INT64_MAX)
    if len(c.args) > 4 or len(c.args) == 4 and c.args[3].upper() != b"WITHSCORES":
        raise syntax_error()
    with_scores = len(c.args) == 4
    if with_scores and not -INT64_MAX // 2 < count <= INT64_MAX // 2:
        raise CommandError("ERR value is out of range")
    found = scores_of(c, c.args[1])
    if found is None or count == 0:
        return []
    if count < -MOST_DRAWN:
        raise CommandError("ERR value is out of range")
    pick = chosen if count > 0 else drawn
    picked = pick(found.order(), abs(count), c.server.randomness)
    if with_scores:
        return pairs_reply(c, [(member, number) for number, member in picked])
    return [from_text(member) for _, member in picked]


@command(
    b"ZSCAN",
    arity=-3,
    flags="readonly",
    keys=(1, 1, 1),
    group="sorted-set",
    since="2.8.0",
    summary="Incrementally iterate sorted sets elements and associated scores",
    complexity="O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to "
    "return back to 0. N is the number of elements inside the collection..",
)
def zscan(c: Call) -> Reply:
    """The next cursor (0: done) and some members with their scores: each member that is there all the time comes once
    at least.
    """
    cursor = parse_cursor(c.args[2])
    found = scores_of(c, c.args[1])
    if found is None:
        return [b"0", []]
    options = parse_options(c.args, 3)
    following, members = views(c.db).scan(c.args[1], "scores", found.held, cursor, options.count)
    shown: list[Reply] = []
    for member in members:
        if options.matches(from_text(member)):
            number = found.score(member)
            if number is not None:
                shown += (from_text(member), scanned_bytes(number))
    return [b"%d" % following, shown]
