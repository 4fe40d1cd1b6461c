"""What strings and counters come to when instances write at the same time.

Source: Redis docs, Active-Active strings; redis_rules.md, 11 to 18; scalar.crdt, key.crdt.
"""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.reference.commands.harness import Instance, Mesh
from tests.reference.commands.tables import converge, play


def test_last_write_wins() -> None:
    play("""
        | t1 | SET text a      |                 |
        | t2 |                 | SET text b      |
        | t3 | sync            | sync            |
        | t4 | GET text => b   | GET text => b   |
        | t5 | SET text c      |                 |
        | t6 | sync            | sync            |
        | t7 | GET text => c   | GET text => c   |
        | t8 |                 | SET text d      |
        | t9 | sync            | sync            |
        | t10 | GET text => d  | GET text => d   |
    """)


def test_counters_accumulate() -> None:
    play("""
        | t1 | INCRBY counter 7     |                      |
        | t2 |                      | INCRBY counter 3     |
        | t3 | GET counter => 7     | GET counter => 3     |
        | t4 | sync                 | sync                 |
        | t5 | GET counter => 10    | GET counter => 10    |
        | t6 | DECRBY counter 3     |                      |
        | t7 |                      | INCRBY counter 6     |
        | t8 | sync                 | sync                 |
        | t9 | GET counter => 13    | GET counter => 13    |
    """)


def test_a_write_that_saw_another_wins_with_a_slow_clock() -> None:
    play("""
        | t1 | SET k a     |                   |
        | t2 | sync        | sync              |
        | t3 |             | clock -9000000    |
        | t4 |             | SET k b           |
        | t5 | sync        | sync              |
        | t6 | GET k => b  | GET k => b        |
    """)


def test_equal_clocks_the_smaller_instance_wins() -> None:
    play("""
        | t1 | SET k a     | SET k b     | SET k c     |
        | t2 | sync        | sync        | sync        |
        | t3 | GET k => a  | GET k => a  | GET k => a  |
    """)


@pytest.mark.parametrize("write", ["APPEND k x", "SETRANGE k 0 x", "GETSET k x", "SET k x KEEPTTL"])
def test_a_partial_write_is_one_of_the_whole_value(write: str) -> None:
    mesh = play(f"""
        | t1 | SET k abc      |             |
        | t2 | sync           | sync        |
        | t3 | {write}        |             |
        | t4 |                | APPEND k y  |
        | t5 | sync           | sync        |
        | t6 | GET k => abcy  | GET k => abcy |
    """)
    assert mesh.everywhere("STRLEN k") == [4, 4]


def test_set_and_then_increments_count_from_the_new_value() -> None:
    play("""
        | t1 | SET k 5        |              |
        | t2 | INCR k => 6    |              |
        | t3 | sync           | sync         |
        | t4 | INCR k => 7    | INCRBY k 10 => 16 |
        | t5 | sync           | sync         |
        | t6 | GET k => 17    | GET k => 17  |
        | t7 | TYPE k => string | TYPE k => string |
    """)


def test_set_cancels_the_increments_that_it_saw_and_no_others() -> None:
    play("""
        | t1 | INCRBY k 5     |              |
        | t2 | sync           | sync         |
        | t3 | SET k 100      | INCRBY k 3 => 8 |
        | t4 | sync           | sync         |
        | t5 | GET k => 103   | GET k => 103 |
    """)


def test_delete_cancels_the_increments_that_it_saw_and_no_others() -> None:
    play("""
        | t1 | INCRBY k 5     |              |
        | t2 | sync           | sync         |
        | t3 | DEL k          | INCRBY k 3 => 8 |
        | t4 | sync           | sync         |
        | t5 | GET k => 3     | GET k => 3   |
    """)


def test_a_write_wins_over_a_concurrent_delete() -> None:
    play("""
        | t1 | SET k a        |              |
        | t2 | sync           | sync         |
        | t3 |                | SET k b      |
        | t4 | GETDEL k => a  |              |
        | t5 | sync           | sync         |
        | t6 | GET k => b     | GET k => b   |
    """)


def test_a_text_set_beside_an_increment_shows_alone() -> None:
    play("""
        | t1 | SET k 1        |              |
        | t2 | sync           | sync         |
        | t3 | SET k abc      | INCR k => 2  |
        | t4 | sync           | sync         |
        | t5 | GET k => abc   | GET k => abc |
        | t6 | INCR k => (error) ERR value is not an integer or out of range | |
        | t7 | SET k 7        |              |
        | t8 | sync           | sync         |
        | t9 | GET k => 7     | INCR k => 8  |
    """)


def test_floats_add_up_exactly() -> None:
    play("""
        | t1 | INCRBYFLOAT k 0.1 => 0.1 | INCRBYFLOAT k 0.2 => 0.2 | INCRBYFLOAT k -1e-17 => -0.00000000000000001 |
        | t2 | sync                     | sync                     | sync                     |
        | t3 | GET k => 0.29999999999999999 | GET k => 0.29999999999999999 | INCRBYFLOAT k 0.00000000000000001 => 0.3 |
        | t4 | sync                     | sync                     | sync                     |
        | t5 | GET k => 0.3             | GET k => 0.3             | GET k => 0.3             |
    """)


def test_an_integer_increment_of_a_float_is_refused() -> None:
    play("""
        | t1 | INCRBYFLOAT k 0.5 => 0.5 |             |
        | t2 | sync                     | sync        |
        | t3 | INCR k => (error) ERR value is not an integer or out of range | INCRBYFLOAT k 0.5 => 1 |
        | t4 | sync                     | sync        |
        | t5 | INCR k => 2              | GET k => 1  |
    """)


def test_counters_have_59_bits_at_each_instance_and_never_leave_64() -> None:
    greatest = 2**58 - 1
    play(f"""
        | t1 | INCRBY k {greatest} => {greatest} | INCRBY k {greatest} => {greatest} | DECRBY l {2**58} => -{2**58} |
        | t2 | INCR k => (error) ERR increment or decrement would overflow | | DECR l => (error) ERR increment or decrement would overflow |
        | t3 | sync | sync | sync |
        | t4 | GET k => {2 * greatest} | GET k => {2 * greatest} | GET l => -{2**58} |
        | t5 | DECR k => (error) ERR increment or decrement would overflow | DECRBY k {greatest} => {greatest} | |
        | t6 | sync | sync | sync |
        | t7 | GET k => {greatest} | GET k => {greatest} | GET k => {greatest} |
    """)  # noqa: E501


def test_setnx_asks_only_its_own_instance() -> None:
    play("""
        | t1 | SETNX k a => 1 |                |
        | t2 |                | SETNX k b => 1 |
        | t3 | sync           | sync           |
        | t4 | GET k => b     | SETNX k c => 0 |
    """)


def test_mset_is_one_effect() -> None:
    one = Instance(1)
    one.run("MSET a 1 b 2 c 3")
    one.run("MSETNX d 1 e 2")
    one.run("MSETEX 2 f 1 g 2 EX 10")
    assert [len(effect.parts) for effect in one.server.published] == [3, 2, 2]


def test_set_without_time_to_live_stays_beside_an_expire() -> None:
    play("""
        | t1 | SET k a          |                |
        | t2 | sync             | sync           |
        | t3 | SET k b          | EXPIRE k 1     |
        | t4 | sync             | sync           |
        | t5 | TTL k => -1      | TTL k => -1    |
        | t6 | wait 5000        | wait 5000      |
        | t7 | GET k => b       | GET k => b     |
    """)


def test_the_longest_of_concurrent_lifetimes_is_in_force() -> None:
    play("""
        | t1 | SET k a EX 10    | SET k b EX 50  | SETEX k 30 c   |
        | t2 | sync             | sync           | sync           |
        | t3 | TTL k => 50      | TTL k => 50    | TTL k => 50    |
        | t4 | GETEX k EX 7     | GETEX k PERSIST | GETEX k EX 90 |
        | t5 | sync             | sync           | sync           |
        | t6 | TTL k => -1      | TTL k => -1    | TTL k => -1    |
    """)


def test_append_keeps_the_time_to_live() -> None:
    play("""
        | t1 | SET k a PX 60000  |                  |
        | t2 | sync              | sync             |
        | t3 | APPEND k b        | EXPIRE k 200     |
        | t4 | sync              | sync             |
        | t5 | TTL k => 200      | TTL k => 200     |
        | t6 | GET k => ab       | GET k => ab      |
    """)


def test_a_write_to_an_expired_key_expires_it_first() -> None:
    play("""
        | t1 | INCRBY c 5          |                    |
        | t2 | EXPIRE c 10         |                    |
        | t3 | sync                | sync               |
        | t4 |                     | wait 11000         |
        | t5 |                     | GET c => nil       |
        | t6 |                     | INCR c => 1        |
        | t7 | sync                | sync               |
        | t8 | GET c => 1          | TTL c => -1        |
    """)


def test_the_order_of_delivery_does_not_matter() -> None:
    """Each of three instances gets the others' effects backwards and twice, whoever began."""
    lines = [["SET k 5", "INCR k", "DEL k"], ["INCRBY k 10", "SET k x"], ["APPEND k 1", "INCRBYFLOAT j 0.5", "INCR k2"]]
    for order in permutations(range(3)):
        mesh = Mesh(3)
        for n in order:
            for line in lines[n]:
                mesh.instances[n].run(line)
        effects = [effect for n in order for effect in mesh.instances[n].server.published]
        for instance in mesh.instances:
            for effect in reversed(effects):
                if effect.origin != instance.db.replica:
                    instance.db.receive(effect, instance.now_ms)
                    instance.db.receive(effect, instance.now_ms)
        converge(mesh)
