"""What sets come to when instances write at the same time.

Source: Redis docs, Active-Active sets; redis_rules.md, 23; or_set.crdt, key.crdt.
"""

from __future__ import annotations

from tests.reference.commands.harness import Instance
from tests.reference.commands.tables import play, shown


def test_adds_are_united() -> None:
    play("""
        | t1 | SADD key1 a            |                        |
        | t2 |                        | SADD key1 b            |
        | t3 | SMEMBERS key1 => a     | SMEMBERS key1 => b     |
        | t4 | sync                   | sync                   |
        | t5 | SMEMBERS key1 => a b   | SMEMBERS key1 => a b   |
    """)


def test_a_remove_takes_what_it_has_seen() -> None:
    play("""
        | t0 | SADD key1 a b          |                        |
        | t0 | sync                   | sync                   |
        | t1 | SMEMBERS key1 => a b   | SMEMBERS key1 => a b   |
        | t2 | SREM key1 a => 1       | SADD key1 c            |
        | t3 | SREM key1 c => 0       |                        |
        | t4 | sync                   | sync                   |
        | t5 | SMEMBERS key1 => c b   | SMEMBERS key1 => c b   |
    """)


def test_an_add_of_what_is_there_wins_over_a_remove() -> None:
    play("""
        | t1 | SADD k a          |                   |
        | t2 | sync              | sync              |
        | t3 | SREM k a => 1     | SADD k a => 0     |
        | t4 | sync              | sync              |
        | t5 | SISMEMBER k a => 1 | SCARD k => 1     |
    """)


def test_both_may_pop_the_same_member() -> None:
    mesh = play("""
        | t1 | SADD k a          |                   |
        | t2 | sync              | sync              |
        | t3 | SPOP k => a       | SPOP k => a       |
        | t4 | sync              | sync              |
        | t5 | EXISTS k => 0     | EXISTS k => 0     |
    """)
    assert mesh[1].db.keys == mesh[2].db.keys == {}


def test_a_move_is_one_effect() -> None:
    play("""
        | t1 | SADD s a b        |                   |
        | t2 | sync              | sync              |
        | t3 | SMOVE s t a => 1  | SADD s a          |
        | t4 | sync              | sync              |
        | t5 | SMEMBERS s => a b | SMEMBERS t => a   |
    """)
    one = Instance(1)
    one.run("SADD s a")
    one.run("SMOVE s t a")
    assert [len(effect.parts) for effect in one.server.published] == [1, 2]


def test_two_moves_of_one_member_leave_it_in_both_targets() -> None:
    play("""
        | t1 | SADD s a          |                   |
        | t2 | sync              | sync              |
        | t3 | SMOVE s t a => 1  | SMOVE s u a => 1  |
        | t4 | sync              | sync              |
        | t5 | SMEMBERS t => a   | SMEMBERS u => a   |
        | t6 | EXISTS s => 0     | EXISTS s => 0     |
    """)


def test_a_stored_result_takes_what_it_has_seen_of_the_target() -> None:
    play("""
        | t1 | SADD a 1 2                 |                      | SADD b 2 3         |
        | t2 | SADD target old            |                      |                    |
        | t3 | sync                       | sync                 | sync               |
        | t4 | SINTERSTORE target a b => 1 | SADD target new     | SADD a 3           |
        | t5 | sync                       | sync                 | sync               |
        | t6 | SMEMBERS target => 2 new   | SINTER a b => 2 3    | SINTERCARD 2 a b => 2 |
    """)


def test_a_stored_result_has_no_time_to_live_beside_an_expire() -> None:
    play("""
        | t1 | SADD a 1; SADD target x    |                      |
        | t2 | sync                       | sync                 |
        | t3 | SUNIONSTORE target a => 1  | EXPIRE target 1      |
        | t4 | sync                       | sync                 |
        | t5 | TTL target => -1           | TTL target => -1     |
    """)


def test_a_delete_of_the_key_takes_what_it_has_seen() -> None:
    play("""
        | t1 | SADD k a b        |                   |
        | t2 | sync              | sync              |
        | t3 | DEL k => 1        | SADD k c          |
        | t4 | sync              | sync              |
        | t5 | SMEMBERS k => c   | SMEMBERS k => c   |
    """)


def test_a_write_to_an_expired_set_begins_anew() -> None:
    play("""
        | t1 | SADD k a; EXPIRE k 1 |                |
        | t2 | sync              | sync              |
        | t3 |                   | wait 5000         |
        | t4 |                   | SADD k b => 1     |
        | t5 | sync              | sync              |
        | t6 | SMEMBERS k => b   | SMEMBERS k => b   |
        | t7 | TTL k => -1       | TTL k => -1       |
    """)


def test_different_types_created_at_the_same_time() -> None:
    """The first type in the fixed order is visible, and the next write ends the contest."""
    play("""
        | t1 | SADD k a          | HSET k f v        | SET k s           |
        | t2 | sync              | sync              | sync              |
        | t3 | TYPE k => string  | TYPE k => string  | TYPE k => string  |
        | t4 | SADD k b => (error) WRONGTYPE Operation against a key holding the wrong kind of value | | GETDEL k => s |
        | t5 | sync              | sync              | sync              |
        | t6 | EXISTS k => 0     | SADD k c => 1     |                   |
    """)


def test_a_late_remove_does_not_strike_a_new_add() -> None:
    """Three instances; the third gets the effects in the other order."""
    one, two, three = Instance(1), Instance(2), Instance(3)
    one.run("SADD k a")
    (added,) = one.server.published
    two.db.receive(added, two.now_ms)
    two.run("SREM k a")
    one.run("SADD k a")
    (removed,) = two.server.published
    again = one.server.published[1]
    for effect in (again, removed, added, removed, again):
        three.db.receive(effect, three.now_ms)
    assert shown(three.run("SMEMBERS k")) == "a"
