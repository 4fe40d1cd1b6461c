"""Times to live of hash fields, as redis 8 documents them: redis-server 7.0 has none of these commands.

Source: redis.io, HEXPIRE, HTTL, HPERSIST, HSETEX, HGETEX, HGETDEL; redis 8.0, `tests/unit/type/hash-field-expire.tcl`.
"""

from __future__ import annotations

import pytest

from tests.reference.commands.harness import START_MS, Instance
from tests.reference.commands.tables import shown

NOT_FIELDS = "(error) ERR Mandatory argument FIELDS is missing or not at the right position"
NOT_POSITIVE = "(error) ERR Number of fields must be a positive integer"
NO_MATCH = "(error) ERR The `numfields` parameter must match the number of arguments"
NOT_INTEGER = "(error) ERR value is not an integer or out of range"
NEGATIVE = "(error) ERR invalid expire time, must be >= 0"
WRONG_TYPE = "(error) WRONGTYPE Operation against a key holding the wrong kind of value"


@pytest.fixture
def hashes(instance: Instance) -> Instance:
    """A hash `h` with the fields a, b and t, the last of which dies in 1000 s; a string `s`."""
    instance.run("HSET h a 1 b 2 t 3")
    instance.run("HEXPIRE h 1000 FIELDS 1 t")
    instance.run("SET s x")
    return instance


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("HEXPIRE h 10 FIELDS 2 a nope", [1, -2]),
        ("HEXPIRE nokey 10 FIELDS 1 a", [-2]),
        ("HEXPIRE h 0 FIELDS 2 a b", [2, 2]),
        ("HEXPIREAT h 1 FIELDS 1 a", [2]),
        ("HEXPIRE h 10 NX FIELDS 2 a t", [1, 0]),
        ("HEXPIRE h 10 xx fields 2 a t", [0, 1]),
        ("HEXPIRE h 10 GT FIELDS 2 a t", [0, 0]),
        ("HEXPIRE h 2000 GT FIELDS 2 a t", [0, 1]),
        ("HEXPIRE h 2000 LT FIELDS 2 a t", [1, 0]),
        ("HEXPIRE h 10 LT FIELDS 2 a t", [1, 1]),
        ("HEXPIRE h 10 FIELDS 2 a a", [1, 1]),
        ("HEXPIRE h 0 FIELDS 2 a a", [2, -2]),
        ("HTTL h FIELDS 3 a t nope", [-1, 1000, -2]),
        ("HPTTL h FIELDS 1 t", [1_000_000]),
        ("HEXPIRETIME h FIELDS 2 t a", [START_MS // 1000 + 1000, -1]),
        ("HPEXPIRETIME h FIELDS 1 t", [START_MS + 1_000_000]),
        ("HTTL nokey FIELDS 2 a b", [-2, -2]),
        ("HPERSIST h FIELDS 3 a t nope", [-1, 1, -2]),
        ("HPERSIST nokey FIELDS 1 a", [-2]),
        ("HGETDEL h FIELDS 2 a nope", [b"1", None]),
        ("HGETDEL h FIELDS 2 a a", [b"1", None]),
        ("HGETDEL nokey FIELDS 1 a", [None]),
        ("HGETEX h FIELDS 2 a nope", [b"1", None]),
        ("HGETEX h EX 5 FIELDS 1 a", [b"1"]),
        ("HGETEX h PERSIST FIELDS 1 t", [b"3"]),
        ("HGETEX h PXAT 1 FIELDS 1 a", [b"1"]),
        ("HGETEX nokey EX 5 FIELDS 1 a", [None]),
        ("HSETEX h FIELDS 1 a 9", 1),
        ("HSETEX h FNX EX 5 FIELDS 1 a 9", 0),
        ("HSETEX h FNX EX 5 FIELDS 1 new 9", 1),
        ("HSETEX h FXX FIELDS 2 a 9 new 9", 0),
        ("HSETEX h FXX KEEPTTL FIELDS 2 a 9 t 9", 1),
        ("HSETEX nokey FXX EX 5 FIELDS 1 a 9", 0),
        ("HSETEX nokey EX 5 FNX FIELDS 1 a 9", 1),
    ],
)
def test_replies(hashes: Instance, line: str, reply: object) -> None:
    assert hashes.run(line) == reply


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("HEXPIRE h x FIELDS 1 a", NOT_INTEGER),
        ("HEXPIRE h -1 FIELDS 1 a", NEGATIVE),
        ("HEXPIRE h 9223372036854775807 FIELDS 1 a", "(error) ERR invalid expire time in 'hexpire' command"),
        ("HPEXPIREAT h 562949953421313 FIELDS 1 a", "(error) ERR invalid expire time in 'hpexpireat' command"),
        ("HEXPIRE h 10 FIELDS 0 a", "(error) ERR Parameter `numFields` should be greater than 0"),
        ("HEXPIRE h 10 FIELDS x a", "(error) ERR Parameter `numFields` should be greater than 0"),
        ("HEXPIRE h 10 FIELDS 2 a", NO_MATCH),
        ("HEXPIRE h 10 FIELDS 1 a b", NO_MATCH),
        ("HEXPIRE h 10 BOGUS FIELDS 1 a", NOT_FIELDS),
        ("HEXPIRE h 10 NX XX FIELDS 1 a", NOT_FIELDS),
        ("HEXPIRE h 10 NX GT 1 a", NOT_FIELDS),
        ("HEXPIRE h 10 FIELDS 1", "(error) ERR wrong number of arguments for 'hexpire' command"),
        ("HEXPIRE h 10 NX FIELDS 1", "(error) ERR The `numfields` parameter must match the number of arguments"),
        ("HEXPIRE s x FIELDS 1 a", WRONG_TYPE),
        ("HTTL h FIELDS 0 a", NOT_POSITIVE),
        ("HTTL h NOTFIELDS 1 a", NOT_FIELDS),
        ("HTTL h FIELDS 1 a b", NO_MATCH),
        ("HTTL s FIELDS 1 a", WRONG_TYPE),
        ("HPERSIST h FIELDS x a", NOT_POSITIVE),
        ("HGETDEL h FIELDS -1 a", NOT_POSITIVE),
        ("HGETDEL s FIELDS 1 a", WRONG_TYPE),
        ("HGETEX h EX x FIELDS 1 a", NOT_INTEGER),
        ("HGETEX h EX -1 FIELDS 1 a", NEGATIVE),
        ("HGETEX h EX 1 FIELDS", NOT_POSITIVE),
        ("HGETEX h BOGUS FIELDS 1 a", NOT_FIELDS),
        ("HSETEX h FNX FXX FIELDS 1 a 1", "(error) ERR Only one of FXX or FNX arguments can be specified"),
        (
            "HSETEX h EX 1 KEEPTTL FIELDS 1 a 1",
            "(error) ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
        ),
        ("HSETEX h BOGUS FIELDS 1 a 1", "(error) ERR unknown argument: BOGUS"),
        ("HSETEX h FIELDS 2 a 1 b", "(error) ERR wrong number of arguments for 'hsetex' command"),
        ("HSETEX h FIELDS 1 a 1 b 2", "(error) ERR wrong number of arguments for 'hsetex' command"),
        ("HSETEX h FIELDS 0 a 1", "(error) ERR invalid number of fields"),
        (
            "HSETEX h EX 10 FNX EX FNX 10",
            "(error) ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
        ),
        ("HSETEX h FNX KEEPTTL FIELDS a", "(error) ERR wrong number of arguments for 'hsetex' command"),
        ("HSETEX s FIELDS 1 a 1", WRONG_TYPE),
    ],
)
def test_errors(hashes: Instance, line: str, error: str) -> None:
    before = dict(hashes.db.keys)
    assert shown(hashes.run(line)) == error
    assert hashes.db.keys == before


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("HSET h t 4", [-1]),
        ("HSETEX h FIELDS 1 t 4", [-1]),
        ("HSETEX h KEEPTTL FIELDS 1 t 4", [1000]),
        ("HSETEX h EX 7 FIELDS 1 t 4", [7]),
        ("HSETEX h PXAT 1 FIELDS 1 t 4", [-2]),
        ("HINCRBY h t 1", [1000]),
        ("HINCRBYFLOAT h t 0.5", [1000]),
        ("HGETEX h FIELDS 1 t", [1000]),
        ("HGETEX h PX 7001 FIELDS 1 t", [8]),
        ("HGETEX h PERSIST FIELDS 1 t", [-1]),
        ("HPERSIST h FIELDS 1 t", [-1]),
        ("HDEL h t", [-2]),
        ("HPEXPIRE h 1 FIELDS 1 t", [1]),
    ],
)
def test_what_becomes_of_the_time_to_live(hashes: Instance, line: str, after: list[int]) -> None:
    hashes.run(line)
    assert hashes.run("HTTL h FIELDS 1 t") == after


def test_an_expired_field_is_hidden_and_then_removed(hashes: Instance) -> None:
    hashes.now_ms += 1_000_000
    assert hashes.run("HGET h t") is None
    assert hashes.run("HMGET h a t") == [b"1", None]
    assert hashes.run("HGETALL h") == {b"a": b"1", b"b": b"2"}
    assert hashes.run("HSTRLEN h t") == hashes.run("HEXISTS h t") == 0
    assert hashes.run("HLEN h") == 2
    assert sorted(hashes.run("HKEYS h")) == [b"a", b"b"]
    assert sorted(hashes.run("HVALS h")) == [b"1", b"2"]
    assert sorted(hashes.run("HRANDFIELD h 10")) == [b"a", b"b"]
    assert sorted(hashes.run("HSCAN h 0 NOVALUES")[1]) == [b"a", b"b"]
    assert hashes.run("HDEL h t") == 0
    assert hashes.run("HSETEX h FNX FIELDS 1 t 7") == 1
    assert hashes.run("HTTL h FIELDS 1 t") == [-1]
    hashes.tick()
    assert hashes.run("HGET h t") == b"7"


def test_the_last_field_takes_the_key_with_it(hashes: Instance) -> None:
    hashes.run("HEXPIRE h 10 FIELDS 3 a b t")
    hashes.now_ms += 10_000
    assert hashes.run("EXISTS h") == 0
    hashes.tick()
    assert b"h" not in hashes.db.keys
    hashes.run("HSET g a 1")
    assert hashes.run("HGETDEL g FIELDS 1 a") == [b"1"]
    assert hashes.run("EXISTS g") == 0
    assert hashes.run("HSETEX g EXAT 1 FIELDS 1 a 1") == 1
    assert hashes.run("EXISTS g") == 0


def test_a_hash_that_expired_field_by_field_does_so_again(instance: Instance) -> None:
    for _ in range(2):
        instance.run("HSETEX h PX 7 FIELDS 1 a 1")
        assert instance.run("EXISTS h") == 1
        instance.now_ms += 10
        assert instance.run("EXISTS h") == 0
