"""What sorted sets come to when instances write at the same time.

Source: Redis docs, Active-Active sorted sets; redis_rules.md, 24 to 26; sorted_set.crdt, key.crdt.
"""

from __future__ import annotations

import pytest

from tests.reference.commands.tables import play


def test_no_conflict() -> None:
    play("""
        | t1 | ZADD Z 1.1 x           |                        |
        | t2 | sync                   | sync                   |
        | t3 |                        | ZADD Z 1.2 y           |
        | t4 | sync                   | sync                   |
        | t5 | ZRANGE Z 0 -1 => x y   | ZRANGE Z 0 -1 => x y   |
        | t6 | ZRANK Z y => 1         | ZRANK Z x => 0         |
    """)


def test_the_later_of_two_adds_wins() -> None:
    play("""
        | t1 | ZADD Z 1 x        |                   |
        | t2 |                   | ZADD Z 2 x        |
        | t3 | ZSCORE Z x => 1   | ZSCORE Z x => 2   |
        | t4 | sync              | sync              |
        | t5 | ZSCORE Z x => 2   | ZSCORE Z x => 2   |
    """)


def test_of_two_adds_at_the_same_time_the_first_instance_wins() -> None:
    play("""
        | t1 | ZADD Z 1 x        | ZADD Z 2 x        |
        | t2 | ZSCORE Z x => 1   | ZSCORE Z x => 2   |
        | t3 | sync              | sync              |
        | t4 | ZSCORE Z x => 1   | ZSCORE Z x => 1   |
    """)


def test_increments_add_up() -> None:
    play("""
        | t1 | ZADD Z 1.5 x             |                         |
        | t2 | sync                     | sync                    |
        | t3 | ZINCRBY Z 1.0 x => 2.5   | ZINCRBY Z 1.0 x => 2.5  |
        | t4 | sync                     | sync                    |
        | t5 | ZSCORE Z x => 3.5        | ZSCORE Z x => 3.5       |
    """)


def test_printed_decimals() -> None:
    """The documentation prints 3.1 and 6.1; so does a client that reads our 17 digits as a double."""
    mesh = play("""
        | t1 | ZADD Z 1.1 x             |                         |
        | t2 | sync                     | sync                    |
        | t3 | ZINCRBY Z 1.0 x          | ZINCRBY Z 1.0 x         |
        | t4 | sync                     | sync                    |
        | t5 |                          | ZSCORE Z x              |
    """)
    assert [float(reply) for reply in mesh.everywhere("ZSCORE Z x")] == [3.1, 3.1]


def test_a_remove_takes_what_it_has_seen() -> None:
    play("""
        | t1 | ZADD Z 4.5 x       |                           |
        | t2 | sync               | sync                      |
        | t3 | ZSCORE Z x => 4.5  | ZSCORE Z x => 4.5         |
        | t4 | ZREM Z x => 1      | ZINCRBY Z 2.0 x           |
        | t5 | ZSCORE Z x => nil  | ZSCORE Z x => 6.5         |
        | t6 | sync               | sync                      |
        | t7 | ZSCORE Z x => 2    | ZSCORE Z x => 2           |
    """)


def test_what_a_remove_leaves_is_what_was_added_exactly() -> None:
    play("""
        | t1 | ZADD Z 0.1 x              |                    |
        | t2 | sync                      | sync               |
        | t3 | ZPOPMIN Z                 | ZADD Z INCR 2 x    |
        | t4 | sync                      | sync               |
        | t5 | ZSCORE Z x => 2           | ZSCORE Z x => 2    |
    """)


@pytest.mark.parametrize("write", ["ZADD Z 1 x", "ZADD Z CH 1 x", "ZADD Z XX 5 x"])
@pytest.mark.parametrize("removal", ["ZREM Z x", "DEL Z", "ZREMRANGEBYRANK Z 0 -1", "ZPOPMAX Z"])
def test_an_add_wins_over_a_removal(write: str, removal: str) -> None:
    """Also one of the score that is there already."""
    play(f"""
        | t1 | ZADD Z 1 x        |                   |
        | t2 | sync              | sync              |
        | t3 | {removal}         | {write}           |
        | t4 | sync              | sync              |
        | t5 | ZCARD Z => 1      | ZRANGE Z 0 -1 => x |
    """)


@pytest.mark.parametrize("write", ["ZADD Z NX 5 x", "ZADD Z GT 0 x", "ZADD Z LT 3 x"])
def test_an_add_that_its_condition_forbids_is_none(write: str) -> None:
    play(f"""
        | t1 | ZADD Z 1 x        |                   |
        | t2 | sync              | sync              |
        | t3 | ZREM Z x          | {write} => 0      |
        | t4 | sync              | sync              |
        | t5 | EXISTS Z => 0     | EXISTS Z => 0     |
    """)


def test_an_add_beside_an_increment() -> None:
    """ZADD replaces what it has seen; what was added at the same time counts on top."""
    play("""
        | t1 | ZADD Z 1 x        |                     |
        | t2 | sync              | sync                |
        | t3 | ZADD Z 10 x       | ZINCRBY Z 2 x => 3  |
        | t4 | sync              | sync                |
        | t5 | ZSCORE Z x => 12  | ZSCORE Z x => 12    |
        | t6 | ZADD Z 5 x        |                     |
        | t7 | sync              | sync                |
        | t8 | ZSCORE Z x => 5   | ZSCORE Z x => 5     |
    """)


def test_infinity_shows_alone() -> None:
    play("""
        | t1 | ZADD Z 1 x               |                     |
        | t2 | sync                     | sync                |
        | t3 | ZINCRBY Z inf x => inf   | ZINCRBY Z 2 x => 3  |
        | t4 | sync                     | sync                |
        | t5 | ZSCORE Z x => inf        | ZSCORE Z x => inf   |
        | t6 | ZINCRBY Z -inf x => (error) ERR resulting score is not a number (NaN) | ZREM Z x |
        | t7 | sync                     | sync                |
        | t8 | EXISTS Z => 0            | ZINCRBY Z 3 x => 3  |
    """)


def test_sums_beyond_doubles_show_as_infinite() -> None:
    play("""
        | t1 | ZADD Z 1e308 x           |                          |
        | t2 | sync                     | sync                     |
        | t3 | ZINCRBY Z 5e307 x        | ZINCRBY Z 5e307 x        |
        | t4 | sync                     | sync                     |
        | t5 | ZSCORE Z x => inf        | ZSCORE Z x => inf        |
        | t6 | ZINCRBY Z -1e308 x       |                          |
        | t7 | sync                     | sync                     |
        | t8 | ZCOUNT Z 0 2e308 => 1    | ZCOUNT Z 0 1.1e308 => 1  |
    """)


def test_both_may_pop_the_same_member() -> None:
    mesh = play("""
        | t1 | ZADD Z 1 a 2 b           |                        |
        | t2 | sync                     | sync                   |
        | t3 | ZPOPMIN Z => 1 a         | ZPOPMIN Z 2 => 1 2 a b |
        | t4 | sync                     | sync                   |
        | t5 | EXISTS Z => 0            | EXISTS Z => 0          |
    """)
    assert mesh[1].db.keys == mesh[2].db.keys == {}


def test_a_range_is_removed_as_this_instance_sees_it() -> None:
    play("""
        | t1 | ZADD Z 1 a 5 b                 |                    |
        | t2 | sync                           | sync               |
        | t3 | ZREMRANGEBYSCORE Z 0 4 => 1    | ZADD Z 2 c         |
        | t4 | sync                           | sync               |
        | t5 | ZRANGE Z 0 -1 => b c           | ZCARD Z => 2       |
    """)


def test_a_stored_result_takes_what_it_has_seen_of_the_target() -> None:
    play("""
        | t1 | ZADD a 1 x 2 y                | ZADD b 3 y 4 z       |
        | t2 | ZADD t 9 old                  |                      |
        | t3 | sync                          | sync                 |
        | t4 | ZUNIONSTORE t 2 a b => 3      | ZADD t 7 new         |
        | t5 | sync                          | sync                 |
        | t6 | ZRANGE t 0 -1 => new x y z    | ZSCORE t y => 5      |
    """)


def test_geo_positions() -> None:
    """GEOADD is a ZADD: the later position wins, different members are united."""
    play("""
        | t1 | GEOADD g 13.361389 38.115556 a |                                |
        | t2 |                                | GEOADD g 15.087269 37.502669 a |
        | t3 | GEOADD g 1 1 b                 |                                |
        | t4 | sync                           | sync                           |
        | t5 | GEOHASH g a => sqdtr74hyu0     | GEOHASH g a => sqdtr74hyu0     |
        | t6 | ZCARD g => 2                   | ZCARD g => 2                   |
    """)


def test_different_types_created_at_the_same_time() -> None:
    play("""
        | t1 | ZADD k 1 a         | SADD k b           |
        | t2 | sync               | sync               |
        | t3 | TYPE k => set      | TYPE k => set      |
        | t4 | ZADD k 1 c => (error) WRONGTYPE Operation against a key holding the wrong kind of value | SREM k b => 1 |
        | t5 | sync               | sync               |
        | t6 | EXISTS k => 0      | ZADD k 1 d => 1    |
    """)


def test_a_write_to_an_expired_sorted_set_begins_anew() -> None:
    play("""
        | t1 | ZADD k 1 a; EXPIRE k 1 |                     |
        | t2 | sync                   | sync                |
        | t3 |                        | wait 5000           |
        | t4 |                        | ZINCRBY k 2 a => 2  |
        | t5 | sync                   | sync                |
        | t6 | ZSCORE k a => 2        | ZSCORE k a => 2     |
        | t7 | TTL k => -1            | TTL k => -1         |
    """)


def test_a_renamed_key_has_a_copy() -> None:
    play("""
        | t1 | ZADD k 1 a 2 b         |                     |
        | t2 | sync                   | sync                |
        | t3 | RENAME k l             | ZADD k 3 c          |
        | t4 | sync                   | sync                |
        | t5 | ZRANGE l 0 -1 => a b   | ZRANGE k 0 -1 => c  |
    """)
