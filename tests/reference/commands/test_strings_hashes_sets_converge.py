"""Random commands on two and three instances, with effects that come late, twice and in any order: all end up equal.

And nothing acknowledged is lost: counters come to the sum of all increments, and each added member is there.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from mergelaw.commands.reply import Failure
from mergelaw.replica.model import Effect
from tests.reference.commands import differential as d
from tests.reference.commands.harness import Instance, Mesh
from tests.reference.commands.tables import converge

few = d.wrapped(st.sampled_from([b"a", b"b"]))
names = d.wrapped(st.sampled_from([b"f", b"g", b"h"]))
amounts = d.wrapped(st.integers(-9, 9).map(lambda n: b"%d" % n))

WRITES = st.one_of(
    d.command(b"SET", few, d.value, d.some(d.lifetime, 0, 1)),
    d.command(b"GETEX", few, d.lifetime),
    d.command(b"GETDEL", few),
    d.command(b"APPEND", few, d.value),
    d.command(b"SETRANGE", few, amounts, d.value),
    d.command(b"INCRBY", few, amounts),
    d.command(b"INCRBYFLOAT", few, d.decimal),
    d.command(b"MSET", few, amounts, few, amounts),
    d.command(b"HSET", few, names, d.value, names, amounts),
    d.command(b"HDEL", few, names),
    d.command(b"HINCRBY", few, names, amounts),
    d.command(b"HINCRBYFLOAT", few, names, d.decimal),
    d.command(b"HPEXPIRE", few, d.wrapped(st.just(b"5")), st.just([b"FIELDS", b"1"]), names),
    d.command(b"HPERSIST", few, st.just([b"FIELDS", b"1"]), names),
    d.command(b"HSETEX", few, st.just([b"PX", b"7", b"FIELDS", b"1"]), names, amounts),
    d.command(b"HGETDEL", few, st.just([b"FIELDS", b"1"]), names),
    d.command(b"SADD", few, names, names),
    d.command(b"SREM", few, names),
    d.command(b"SPOP", few),
    d.command(b"SMOVE", few, few, names),
    d.command(b"SUNIONSTORE", few, few, few),
    d.command(b"SDIFFSTORE", few, few, few),
    d.command(b"DEL", few),
    d.command(b"PEXPIRE", few, d.wrapped(st.just(b"5"))),
    d.command(b"PERSIST", few),
)


@settings(max_examples=150)
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
                    chosen = data.draw(st.lists(st.sampled_from(made), max_size=6))
                    for effect in chosen:
                        instance.db.receive(effect, instance.now_ms)
            case "wait":
                instance.now_ms += data.draw(st.sampled_from([1, 4, 10]))
            case _:
                instance.tick()
    rest = {i.db.replica: _unreceived(i, mesh) for i in mesh.instances}
    for instance in mesh.instances:
        for effect in data.draw(st.permutations(rest[instance.db.replica])):
            instance.db.receive(effect, instance.now_ms)
    converge(mesh)
    now = max(i.now_ms for i in mesh.instances)
    for instance in mesh.instances:
        instance.now_ms = now
    for line in ("GET a", "GET b", "HGETALL a", "HGETALL b", "TTL a", "TTL b", "HTTL a FIELDS 2 f g", "SCARD a"):
        replies = mesh.everywhere(line)
        assert all(reply == replies[0] for reply in replies), (line, replies)


def _unreceived(instance: Instance, mesh: Mesh) -> list[Effect]:
    return [
        effect
        for other in mesh.instances
        if other is not instance
        for effect in other.server.published
        if effect.identity not in instance.db.received
    ]


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(1, 3), st.sampled_from(["INCRBY", "DECRBY", "HINCRBY", "INCRBYFLOAT"]), st.integers(-5, 5)
        ),
        max_size=30,
    ),
    syncs=st.sets(st.integers(0, 30)),
)
def test_counters_come_to_the_sum_of_what_was_acknowledged(steps: list[tuple[int, str, int]], syncs: set[int]) -> None:
    mesh = Mesh(3)
    total = {"k": 0, "h": 0}
    for number, (at, command, amount) in enumerate(steps):
        if number in syncs:
            mesh.deliver(1 + number % 3, 1 + (number + 1) % 3)
        where = ["h", "f"] if command == "HINCRBY" else ["k"]
        reply = mesh[at].run(command, *where, amount)
        assert not isinstance(reply, Failure)
        total[where[0]] += -amount if command == "DECRBY" else amount
    converge(mesh)
    for reply in mesh.everywhere("GET k") if any(s[1] != "HINCRBY" for s in steps) else ():
        assert Fraction(reply.decode()) == total["k"]
    for reply in mesh.everywhere("HGET h f") if any(s[1] == "HINCRBY" for s in steps) else ():
        assert int(reply) == total["h"]


@settings(max_examples=60)
@given(
    steps=st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.integers(0, 5)), max_size=30),
    syncs=st.sets(st.integers(0, 30)),
)
def test_a_member_is_there_iff_somebody_has_an_add_that_no_remove_has_seen(
    steps: list[tuple[int, bool, int]], syncs: set[int]
) -> None:
    mesh = Mesh(3)
    adds: dict[int, set[int]] = {}
    removed: set[int] = set()
    known_adds: dict[int, set[int]] = {1: set(), 2: set(), 3: set()}
    for number, (at, adding, member) in enumerate(steps):
        if number in syncs:
            source, target = 1 + number % 3, 1 + (number + 1) % 3
            mesh.deliver(source, target)
            known_adds[target] |= {n for n in range(number) if steps[n][0] == source and steps[n][1]}
        if adding:
            mesh[at].run("SADD", "s", member)
            adds.setdefault(member, set()).add(number)
            # It replaces those that it has seen.
            removed |= adds[member] & known_adds[at]
            known_adds[at].add(number)
        else:
            mesh[at].run("SREM", "s", member)
            removed |= adds.get(member, set()) & known_adds[at]
    converge(mesh)
    expected = {str(member).encode() for member, made in adds.items() if made - removed}
    for reply in mesh.everywhere("SMEMBERS s"):
        assert set(reply.items) == expected
