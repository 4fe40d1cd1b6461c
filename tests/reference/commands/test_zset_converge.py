"""Random commands on sorted sets of two and three instances, with effects that come late, twice and in any order."""

from __future__ import annotations

from fractions import Fraction
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from mergelaw.commands.reply import Failure
from tests.reference.commands import differential as d
from tests.reference.commands import zset_pairs as z
from tests.reference.commands.harness import Mesh
from tests.reference.commands.tables import converge

few = d.wrapped(st.sampled_from([b"a", b"b"]))
names = d.wrapped(st.sampled_from([b"f", b"g", b"h"]))
rank = d.wrapped(st.integers(-3, 3).map(lambda n: b"%d" % n))

WRITES = st.one_of(
    d.command(b"ZADD", few, d.some(d.one(b"NX", b"XX", b"GT", b"LT"), 0, 1), z.score, names, z.score, names),
    d.command(b"ZADD", few, d.one(b"INCR"), z.score, names),
    d.command(b"ZINCRBY", few, z.score, names),
    d.command(b"ZREM", few, names),
    d.command(b"ZPOPMIN", few),
    d.command(b"ZMPOP", st.just([b"2", b"a", b"b", b"MAX"])),
    d.command(b"ZREMRANGEBYRANK", few, rank, rank),
    d.command(b"ZUNIONSTORE", few, st.just([b"2", b"a", b"b"])),
    d.command(b"ZRANGESTORE", few, few, rank, rank),
    d.command(b"GEOADD", few, st.just([b"1", b"2"]), names),
    d.command(b"SADD", few, names),
    d.command(b"RENAME", few, few),
    d.command(b"DEL", few),
    d.command(b"PEXPIRE", few, d.wrapped(st.just(b"5"))),
)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), count=st.integers(2, 3))
def test_all_instances_come_to_the_same(data: st.DataObject, count: int) -> None:
    mesh = Mesh(count)
    for _ in range(data.draw(st.integers(1, 25))):
        instance = mesh[data.draw(st.integers(1, count))]
        match data.draw(st.sampled_from(["write", "write", "write", "deliver", "wait", "tick"])):
            case "write":
                instance.run(*data.draw(WRITES))
            case "deliver":
                made = list(chain.from_iterable(i.server.published for i in mesh.instances if i is not instance))
                if made:
                    for effect in data.draw(st.lists(st.sampled_from(made), max_size=6)):
                        instance.db.receive(effect, instance.now_ms)
            case "wait":
                instance.now_ms += data.draw(st.sampled_from([1, 4, 10]))
            case _:
                instance.tick()
    converge(mesh)
    now = max(i.now_ms for i in mesh.instances)
    for instance in mesh.instances:
        instance.now_ms = now
    for line in ("ZRANGE a 0 -1 WITHSCORES", "ZRANGE b 0 -1 WITHSCORES", "TTL a", "ZCARD a", "ZRANK a f", "TYPE b"):
        replies = mesh.everywhere(line)
        assert all(reply == replies[0] for reply in replies), (line, replies)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(1, 3), st.integers(-50, 50)), max_size=30),
    syncs=st.sets(st.integers(0, 30)),
)
def test_scores_come_to_the_sum_of_what_was_acknowledged(steps: list[tuple[int, int]], syncs: set[int]) -> None:
    """In steps of a thousandth, each rounded to a double as it is read: their sum is exact."""
    mesh = Mesh(3)
    total = Fraction(0)
    for number, (at, thousandths) in enumerate(steps):
        if number in syncs:
            mesh.deliver(1 + number % 3, 1 + (number + 1) % 3)
        amount = thousandths / 1000
        reply = mesh[at].run("ZINCRBY", "z", repr(amount), "m")
        assert not isinstance(reply, Failure)
        total += Fraction(amount)
    converge(mesh)
    for reply in mesh.everywhere("ZSCORE z m") if steps else ():
        assert float(reply) == float(total)
