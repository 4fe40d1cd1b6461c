"""What the generic commands mean where instances write at the same time."""

from __future__ import annotations

from fractions import Fraction

import pytest
from immutables import Map

from mergelaw.commands.reply import OK
from tests.reference.commands.harness import Mesh


@pytest.fixture
def two() -> Mesh:
    return Mesh(2)


@pytest.fixture
def three() -> Mesh:
    return Mesh(3)


# Deleting


def test_a_delete_takes_what_it_saw_and_a_concurrent_add_stays(two: Mesh) -> None:
    two[1].run("SADD s a b")
    two.sync()
    two[1].run("DEL s")
    two[2].run("SADD s c")
    two.sync()
    assert [r.items for r in two.everywhere("SMEMBERS s")] == [[b"c"], [b"c"]]


def test_a_delete_of_an_absent_key_says_nothing_to_peers(two: Mesh) -> None:
    two[1].run("DEL s")
    two[1].run("UNLINK s")
    assert two[1].server.published == []


def test_a_delete_takes_hidden_types_too(two: Mesh) -> None:
    two[1].run("SADD k x")
    two[2].run("HSET k f v")
    two.sync()
    assert two.everywhere("TYPE k") == two.everywhere("TYPE k")
    assert two[1].run("DEL k") == 1
    two.sync()
    assert two.everywhere("EXISTS k") == [0, 0]


def test_flushall_deletes_what_it_saw(two: Mesh) -> None:
    two[1].run("MSET a 1 b 2")
    two[1].run("INCR c")
    two.sync()
    two[1].run("FLUSHALL")
    two[2].run("SET d 4")
    two[2].run("INCRBY c 10")
    two.sync()
    assert two.everywhere("MGET a b c d") == [[None, None, b"10", b"4"]] * 2
    assert two.everywhere("DBSIZE") == [2, 2]
    assert len(two[1].server.published) == 3


def test_flushall_takes_what_has_expired_as_well(two: Mesh) -> None:
    two[1].run("SET a 1 PX 50")
    two.sync()
    two.wait(50)
    two[2].run("FLUSHALL")
    two.sync()
    assert two.everywhere("DBSIZE") == [0, 0]


# Renaming and copying


def test_rename_leaves_a_concurrent_write_at_the_old_key(two: Mesh) -> None:
    two[1].run("SADD s a b")
    two.sync()
    two[1].run("RENAME s t")
    two[2].run("SADD s c")
    two.sync()
    assert [r.items for r in two.everywhere("SMEMBERS s")] == [[b"c"]] * 2
    assert [sorted(r.items) for r in two.everywhere("SMEMBERS t")] == [[b"a", b"b"]] * 2


def test_two_renames_to_one_key_unite_sets(two: Mesh) -> None:
    two[1].run("SADD s a")
    two[1].run("SADD t b")
    two.sync()
    two[1].run("RENAME s u")
    two[2].run("RENAME t u")
    two.sync()
    assert [sorted(r.items) for r in two.everywhere("SMEMBERS u")] == [[b"a", b"b"]] * 2
    assert two.everywhere("EXISTS s t") == [0, 0]


def test_rename_of_a_counter_takes_its_value_and_a_concurrent_increment_stays(two: Mesh) -> None:
    two[1].run("INCRBY c 5")
    two.sync()
    two[1].run("RENAME c d")
    two[2].run("INCRBY c 3")
    two.sync()
    assert two.everywhere("MGET c d") == [[b"3", b"5"]] * 2
    two[1].run("INCR d")
    two.sync()
    assert two.everywhere("GET d") == [b"6", b"6"]


def test_rename_is_one_effect(two: Mesh) -> None:
    two[1].run("SADD s a b c")
    two[1].run("RENAME s t")
    effect = two[1].server.published[-1]
    assert len(two[1].server.published) == 2
    assert {part.key for part in effect.parts} == {b"s", b"t"}


def test_a_copy_lives_by_itself(two: Mesh) -> None:
    two[1].run("SADD s a b")
    two[1].run("COPY s t")
    two.sync()
    two[2].run("SREM s a")
    two.sync()
    assert [sorted(r.items) for r in two.everywhere("SMEMBERS t")] == [[b"a", b"b"]] * 2


def test_a_copy_keeps_the_deadlines_of_key_and_fields(two: Mesh) -> None:
    two[1].run("HSET h f 1 g 2")
    two[1].run("PEXPIRE h 100000")
    two[1].run("HPEXPIRE h 5000 FIELDS 1 f")
    two[1].run("COPY h i")
    two.sync()
    assert two.everywhere("PTTL i") == [100000, 100000]
    assert two.everywhere("HPTTL i FIELDS 2 f g") == [[5000, -1]] * 2
    two.wait(5000)
    assert two.everywhere("HGETALL i") == [{b"g": b"2"}] * 2
    assert two[2].run("COPY i j") == 1
    assert two[2].run("HGETALL j") == {b"g": b"2"}


def test_an_overwrite_without_deadline_beats_a_concurrent_expire(two: Mesh) -> None:
    two[1].run("SADD t old")
    two[1].run("SADD s new")
    two.sync()
    two[1].run("RENAME s t")
    two[2].run("EXPIRE t 1")
    two.sync()
    assert two.everywhere("TTL t") == [-1, -1]


def test_only_what_is_visible_is_copied(two: Mesh) -> None:
    two[1].run("SADD k x")
    two[2].run("HSET k f v")
    two.sync()
    assert two.everywhere("TYPE k") == two.everywhere("TYPE k")
    two[1].run("COPY k l")
    two.sync()
    two[1].run("HDEL l f")
    two.sync()
    assert two.everywhere("EXISTS l") == [0, 0]


def test_types_without_commands_yet_are_copied_too(two: Mesh) -> None:
    db = two[1].db
    tx = db.begin(two[1].now_ms)
    for item in ("b", "a", "b"):
        tx.update(b"list", "push_right", item)
    tx.update(b"zset", "score", "one", Fraction(1))
    tx.update(b"zset", "score_infinite", "top", True)
    tx.update(b"hll", "sketch_add", Map({3: 7, 9: 2}))
    effect = tx.commit()
    assert effect is not None
    two[1].server.publish(effect)
    for key in ("list", "zset", "hll"):
        assert two[1].run("COPY", key, key + "2") == 1
        assert two[1].run("RENAME", key, key + "3") == OK
        dumped = two[1].run("DUMP", key + "2")
        assert two[1].run("RESTORE", key + "4", 0, dumped) == OK
        assert two[1].run("DUMP", key + "4") == dumped == two[1].run("DUMP", key + "3")
    two.sync()
    assert two.everywhere("TYPE list2") == two.everywhere("TYPE list3")
    assert two[2].run("SORT list4 ALPHA") == [b"a", b"b", b"b"]
    assert two[2].run("SORT list4 BY nosort") == [b"b", b"a", b"b"]
    assert two[2].run("SORT zset4 BY nosort DESC") == [b"top", b"one"]
    assert two[2].run("DUMP hll4") == two[1].run("DUMP hll2")


# Expiry


def test_of_concurrent_deadlines_the_longest_wins(two: Mesh) -> None:
    two[1].run("SET a 1")
    two.sync()
    two[1].run("EXPIRE a 10")
    two[2].run("EXPIRE a 30")
    two.sync()
    assert two.everywhere("TTL a") == [30, 30]
    two[1].run("EXPIRE a 5")
    two.sync()
    assert two.everywhere("TTL a") == [5, 5]


def test_persist_wins_over_a_concurrent_expire_even_where_there_was_no_deadline(two: Mesh) -> None:
    two[1].run("SET a 1")
    two[1].run("SADD s x")
    two.sync()
    assert two[1].run("PERSIST s") == 0
    two[2].run("EXPIRE s 10")
    two.sync()
    assert two.everywhere("TTL s") == [-1, -1]


def test_set_without_deadline_wins_over_a_concurrent_expire(two: Mesh) -> None:
    two[1].run("SET a 1")
    two.sync()
    two[1].run("SET a 2")
    two[2].run("EXPIRE a 10")
    two.sync()
    assert two.everywhere("TTL a") == [-1, -1]


def test_only_the_owner_deletes_what_has_expired_and_others_hide_it(two: Mesh) -> None:
    two[1].run("SET a 1")
    two.sync()
    two[2].run("PEXPIRE a 100")
    two.sync()
    two.wait(100)
    before = len(two[1].server.published)
    assert two.everywhere("GET a") == [None, None]
    assert two.everywhere("TTL a") == [-2, -2]
    two[1].tick()
    assert len(two[1].server.published) == before
    two[2].tick()
    two.sync()
    assert two.everywhere("EXISTS a") == [0, 0]
    assert two[1].db.entry(b"a") is None


def test_a_write_to_an_expired_key_of_another_owner_deletes_it_first(two: Mesh) -> None:
    two[1].run("SET c 5 PX 100")
    two[1].run("SADD s x")
    two[1].run("PEXPIRE s 100")
    two.sync()
    two.wait(100)
    assert two[2].run("INCR c") == 1
    two[2].run("SADD s y")
    two.sync()
    two[1].tick()
    two.sync()
    assert two.everywhere("GET c") == [b"1", b"1"]
    assert [r.items for r in two.everywhere("SMEMBERS s")] == [[b"y"], [b"y"]]
    assert two.everywhere("TTL s") == [-1, -1]


def test_a_deadline_of_the_past_deletes(two: Mesh) -> None:
    two[1].run("SET a 1")
    two.sync()
    assert two[2].run("EXPIREAT a 1") == 1
    two.sync()
    assert two.everywhere("EXISTS a") == [0, 0]


@pytest.mark.parametrize("command", ["PEXPIREAT", "EXPIREAT"])
def test_deadlines_end_at_2_to_the_49th_ms(two: Mesh, command: str) -> None:
    two[1].run("SET a 1")
    latest = 2**49 if command == "PEXPIREAT" else 2**49 // 1000
    assert two[1].run(command, "a", latest) == 1
    assert (
        two[1].run(command, "a", latest + 1).text
        == b"ERR invalid expire time in '%s' command" % command.lower().encode()
    )
    assert two[1].run("PEXPIRE", "a", 2**49 - two[1].now_ms) == 1
    assert two[1].run("PEXPIRE", "a", 2**49 - two[1].now_ms + 1).text.startswith(b"ERR invalid expire time")


# Relayed and late effects


def test_three_instances_agree_whatever_comes_first(three: Mesh) -> None:
    three[1].run("SADD s a")
    three[2].run("SADD s b")
    three.deliver(1, 2)
    three[2].run("RENAME s t")
    three.deliver(2, 3)
    three[3].run("SADD s c")
    three[3].run("SADD t d")
    three.sync()
    assert [sorted(r.items) for r in three.everywhere("SMEMBERS s")] == [[b"c"]] * 3
    assert [sorted(r.items) for r in three.everywhere("SMEMBERS t")] == [[b"a", b"b", b"d"]] * 3


def test_restore_is_replicated_with_its_deadline(two: Mesh) -> None:
    two[1].run("HSET h f 1 g x")
    dumped = two[1].run("DUMP h")
    assert two[2].run("RESTORE", "r", 5000, dumped) == OK
    assert two[2].run("RESTORE", "q", two[2].now_ms + 7000, dumped, "ABSTTL") == OK
    assert two[2].run("RESTORE", "r", 0, dumped).text == b"BUSYKEY Target key name already exists."
    two.sync()
    assert two.everywhere("HGETALL r") == [{b"f": b"1", b"g": b"x"}] * 2
    assert two.everywhere("PTTL r") == [5000, 5000]
    assert two.everywhere("PTTL q") == [7000, 7000]
    assert two[1].run("RESTORE", "r", two[1].now_ms - 1, dumped, "ABSTTL", "REPLACE") == OK
    assert two[1].run("EXISTS r") == 0


def test_a_damaged_dump_is_refused(two: Mesh) -> None:
    two[1].run("SADD s a b")
    dumped = two[1].run("DUMP s")
    wrong = b"ERR DUMP payload version or checksum are wrong"
    for at in range(len(dumped)):
        damaged = bytearray(dumped)
        damaged[at] ^= 1
        assert two[1].run("RESTORE", "t", 0, bytes(damaged)).text == wrong
    assert two[1].run("RESTORE", "t", 0, dumped[:5]).text == wrong
    assert two[1].run("EXISTS t") == 0
