"""What hashes come to when instances write at the same time.

Source: Redis docs, Active-Active hashes; redis_rules.md, 19 to 22, 69; hash.crdt.
"""

from __future__ import annotations

from tests.reference.commands.harness import Instance
from tests.reference.commands.tables import play


def test_fields_are_united() -> None:
    play("""
        | t1 | HSET key1 field1 a |                    |
        | t2 |                    | HSET key1 field2 b |
        | t4 | sync               | sync               |
        | t5 | HGETALL key1 => field2 b field1 a | HGETALL key1 => field2 b field1 a |
    """)


def test_an_add_wins_over_a_remove() -> None:
    play("""
        | t1 | HSET h f a       |                |
        | t2 | sync             | sync           |
        | t3 | HDEL h f => 1    | HSET h f b => 0 |
        | t4 | sync             | sync           |
        | t5 | HGET h f => b    | HGET h f => b  |
    """)


def test_a_remove_of_what_was_not_seen_does_nothing_elsewhere() -> None:
    play("""
        | t1 | HSET h g 1       |                |
        | t2 | sync             | sync           |
        | t3 | HDEL h f => 0    | HSET h f b     |
        | t4 | sync             | sync           |
        | t5 | HGET h f => b    | HLEN h => 2    |
    """)


def test_the_last_of_concurrent_values_wins() -> None:
    play("""
        | t1 | HSET h f a g 1   |                |
        | t2 |                  | HSET h f b     |
        | t3 | sync             | sync           |
        | t4 | HMGET h f g => 1 b | HSTRLEN h f => 1 |
    """)


def test_increments_add_up() -> None:
    play("""
        | t1 | HINCRBY h f 7 => 7 | HINCRBY h f 3 => 3 | HINCRBYFLOAT h x 0.1 => 0.1 |
        | t2 | sync               | sync               | sync                        |
        | t3 | HGET h f => 10     | HINCRBYFLOAT h x 0.2 => 0.3 | HINCRBYFLOAT h x 0.3 => 0.4 |
        | t4 | sync               | sync               | sync                        |
        | t5 | HGET h x => 0.6    | HGET h x => 0.6    | HGET h x => 0.6             |
    """)


def test_a_set_and_then_increments() -> None:
    play("""
        | t1 | HSET h f 5         |                    |
        | t2 | HINCRBY h f 1 => 6 |                    |
        | t3 | sync               | sync               |
        | t4 | HSET h f 100       | HINCRBY h f 2 => 8 |
        | t5 | sync               | sync               |
        | t6 | HGET h f => 102    | HGET h f => 102    |
    """)


def test_a_remove_leaves_a_concurrent_increment() -> None:
    play("""
        | t1 | HINCRBY h f 10     |                     |
        | t2 | sync               | sync                |
        | t3 | HDEL h f           | HINCRBY h f 3 => 13 |
        | t4 | sync               | sync                |
        | t5 | HGET h f => 3      | HGET h f => 3       |
    """)


def test_a_delete_of_the_key_takes_what_it_has_seen() -> None:
    play("""
        | t1 | HSET h f a g b     |                    |
        | t2 | sync               | sync               |
        | t3 | DEL h => 1         | HSET h new v       |
        | t4 | sync               | sync               |
        | t5 | HGETALL h => new v | HGETALL h => new v |
    """)


def test_the_longest_lifetime_of_a_field_is_in_force() -> None:
    play("""
        | t1 | HSET h f a g b               |                              |
        | t2 | sync                         | sync                         |
        | t3 | HEXPIRE h 10 FIELDS 2 f g    | HEXPIRE h 50 FIELDS 1 f      |
        | t4 |                              | HPERSIST h FIELDS 1 g => -1  |
        | t5 | sync                         | sync                         |
        | t6 | HTTL h FIELDS 2 f g => -1 50 | HTTL h FIELDS 2 f g => -1 50 |
    """)


def test_a_new_value_has_no_lifetime_beside_an_expire_of_the_old_one() -> None:
    play("""
        | t1 | HSET h f a                  |                          |
        | t2 | sync                        | sync                     |
        | t3 | HSET h f b                  | HEXPIRE h 1 FIELDS 1 f   |
        | t4 | sync                        | sync                     |
        | t5 | HTTL h FIELDS 1 f => -1     | HTTL h FIELDS 1 f => -1  |
    """)


def test_the_owner_removes_a_field_and_others_hide_it() -> None:
    play("""
        | t1 | HSET h f a g b              |                          |
        | t2 | HPEXPIRE h 1000 FIELDS 1 f  |                          |
        | t3 | sync                        | sync                     |
        | t4 | wait 2000                   | wait 2000                |
        | t5 |                             | expire                   |
        | t6 | HGET h f => nil             | HGET h f => nil          |
        | t7 | HKEYS h => g                | HLEN h => 1              |
        | t8 |                             | HTTL h FIELDS 1 f => -2  |
        | t9 | expire                      |                          |
        | t10 | sync                       | sync                     |
        | t11 | HLEN h => 1                | HEXISTS h f => 0         |
    """)


def test_a_write_to_an_expired_field_begins_anew() -> None:
    play("""
        | t1 | HINCRBY h f 5               |                          |
        | t2 | HSET h g 1                  |                          |
        | t3 | HEXPIRE h 1 FIELDS 1 f      |                          |
        | t4 | sync                        | sync                     |
        | t5 |                             | wait 5000                |
        | t6 |                             | HINCRBY h f 2 => 2       |
        | t7 | sync                        | sync                     |
        | t8 | HGET h f => 2               | HTTL h FIELDS 1 f => -1  |
    """)


def test_a_hash_whose_fields_have_all_expired_is_absent() -> None:
    play("""
        | t1 | HSETEX h EX 1 FIELDS 2 f a g b |                       |
        | t2 | sync                           | sync                  |
        | t3 | wait 3000                      | wait 3000             |
        | t4 | EXISTS h => 0                  | TYPE h => none        |
        | t5 |                                | SADD h x => 1         |
        | t6 | expire                         |                       |
        | t7 | sync                           | sync                  |
        | t8 | SMEMBERS h => x                | SMEMBERS h => x       |
    """)


def test_several_fields_are_one_effect() -> None:
    one = Instance(1)
    one.run("HSET h a 1 b 2 c 3")
    one.run("HDEL h a b")
    one.run("HSETEX h EX 10 FIELDS 2 x 1 y 2")
    one.run("HGETDEL h FIELDS 2 x y")
    assert len(one.server.published) == 4
