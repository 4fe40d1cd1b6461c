"""What bits come to when instances write at the same time, and what one write is.

Source: Redis docs, Active-Active strings; redis_rules.md, 11, 12 and 18; scalar.crdt, key.crdt.
"""

from __future__ import annotations

import pytest
from immutables import Map

from tests.reference.commands.harness import Instance, Mesh
from tests.reference.commands.tables import converge, play, shown

WRONG_TYPE = "(error) WRONGTYPE Operation against a key holding the wrong kind of value"


def test_of_concurrent_writes_of_bits_the_later_wins_whole() -> None:
    play(r"""
        | t1 | SETBIT k 0 1          |                       |
        | t2 |                       | SETBIT k 7 1          |
        | t3 | sync                  | sync                  |
        | t4 | BITCOUNT k => 1       | GETBIT k 7 => 1       |
        | t5 | GETBIT k 0 => 0       | SETBIT k 0 1 => 0     |
        | t6 | sync                  | sync                  |
        | t7 | BITCOUNT k => 2       | BITCOUNT k => 2       |
    """)


def test_a_later_clock_wins_only_where_the_order_says_nothing() -> None:
    play("""
        | t1 | clock 60000           |                       |
        | t2 | SETBIT k 0 1          |                       |
        | t3 | sync                  | sync                  |
        | t4 |                       | SETBIT k 1 1          |
        | t5 | sync                  | sync                  |
        | t6 | BITCOUNT k => 2       | BITCOUNT k => 2       |
    """)


def test_bitfields_are_replicated() -> None:
    play("""
        | t1 | BITFIELD k SET u8 0 7 INCRBY u8 8 5 |                              |
        | t2 | sync                  | sync                                       |
        | t3 |                       | BITFIELD k INCRBY u8 0 3 => 10             |
        | t4 | sync                  | sync                                       |
        | t5 | BITFIELD k GET u8 0 => 10 | BITFIELD_RO k GET u8 8 => 5            |
    """)


def test_a_bit_beside_an_append_a_counter_and_a_delete() -> None:
    play("""
        | t1 | SET k a; SET n 5; SET d x   |                         |
        | t2 | sync                        | sync                    |
        | t3 | SETBIT k 6 1; SETBIT n 7 0  |                         |
        | t4 |                             | APPEND k b; INCRBY n 2; DEL d |
        | t5 | SETBIT d 0 1                |                         |
        | t6 | sync                        | sync                    |
        | t7 | GET k => ab                 | GET k => ab             |
        | t8 | EXISTS d => 1               | EXISTS d => 1           |
    """)


def test_the_result_of_bitop_has_no_time_to_live_beside_an_expire() -> None:
    play("""
        | t1 | SET a x; SADD t m           |                         |
        | t2 | sync                        | sync                    |
        | t3 | BITOP NOT t a => 1          | EXPIRE t 1              |
        | t4 | sync                        | sync                    |
        | t5 | TTL t => -1                 | TYPE t => string        |
    """)


def test_each_command_is_one_write() -> None:
    one = Instance()
    for line in (
        "SETBIT k 5 1",
        "BITFIELD k SET u8 0 1 INCRBY i5 100 3 GET u8 0 OVERFLOW FAIL INCRBY u2 0 9",
        "BITOP NOT t k",
    ):
        before = one.db.last
        one.run(line)
        assert len(one.server.published.pop().parts) == 1
        single = one.db.last - before
        before = one.db.last
        one.run("SET other x" if line.startswith("BITOP") else "APPEND other x")
        assert one.db.last - before == single
        one.server.published.clear()


@pytest.mark.parametrize(
    "line",
    [
        "GETBIT k 1", "BITCOUNT k", "BITPOS k 1", "BITFIELD k GET u8 0", "BITFIELD_RO k GET u8 0", "BITFIELD k",
        "BITFIELD k OVERFLOW FAIL INCRBY u2 0 9", "BITOP AND nokey nokey",
    ],
)  # fmt: skip
def test_what_changes_nothing_says_nothing(line: str) -> None:
    one = Instance()
    one.run("SETBIT k 7 1")
    one.run(line)
    assert len(one.server.published) == 1


@pytest.mark.parametrize(
    "line",
    [
        "SETBIT h 0 1", "GETBIT h 0", "BITCOUNT h", "BITPOS h 1", "BITOP NOT d h", "BITFIELD h GET u8 0",
        "BITFIELD h SET u8 0 1", "BITFIELD_RO h GET u8 0",
    ],
)  # fmt: skip
def test_a_hyperloglog_is_no_string_of_bits(line: str) -> None:
    mesh = Mesh(1)
    one = mesh[1]
    tx = one.db.begin(one.now_ms)
    tx.update(b"h", "sketch_add", Map({3: 7}))
    effect = tx.commit()
    assert effect is not None
    one.server.publish(effect)
    assert shown(one.run(line)) == WRONG_TYPE
    assert len(one.server.published) == 1
    converge(mesh)
