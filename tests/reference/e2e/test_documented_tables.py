"""The examples and rules of the Redis documentation for Active-Active databases, played on three real processes.

Source: redis/docs, content/operate/rs/databases/active-active/develop: _index.md, develop-for-aa.md and data-types/
strings.md, hashes.md, sets.md; in our own notation. Each table is played with the roles A, B, C given to several
instance ids: no rule here may depend on them.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

import pytest
import redis

from tests.reference.e2e.local import Cluster, until


@dataclass(frozen=True)
class Error:
    """The reply is an error that begins so."""

    text: str


@dataclass(frozen=True)
class Eventually:
    """The reply is this after a while (a key has expired)."""

    reply: object


SYNC = ("SYNC", "", None)
Step = tuple[str, str, object]
"""Who, the command (words that begin with @ are keys), the reply. `ABC` plays it at all three, one after the other."""

GREATEST = 2**58 - 1

TABLES: dict[str, Sequence[Step]] = {
    # Strings
    "of concurrent SETs the later wins": [
        ("A", "SET @k a", "OK"),
        ("B", "SET @k b", "OK"),
        ("A", "GET @k", "a"),
        SYNC,
        ("ABC", "GET @k", "b"),
        ("A", "SET @k c", "OK"),
        SYNC,
        ("ABC", "GET @k", "c"),
        ("B", "SET @k d", "OK"),
        ("AC", "GET @k", "c"),
        SYNC,
        ("ABC", "GET @k", "d"),
    ],
    "of three concurrent SETs the latest wins": [
        ("C", "SET @k c", "OK"),
        ("A", "SET @k a", "OK"),
        ("B", "SET @k b", "OK"),
        SYNC,
        ("ABC", "GET @k", "b"),
    ],
    "APPEND wins as a whole": [
        ("A", "SET @k x", "OK"),
        SYNC,
        ("A", "APPEND @k a", 2),
        ("B", "APPEND @k bb", 3),
        SYNC,
        ("ABC", "GET @k", "xbb"),
    ],
    "SETRANGE wins as a whole": [
        ("A", "SET @k xxxx", "OK"),
        SYNC,
        ("A", "SETRANGE @k 0 a", 4),
        ("B", "SETRANGE @k 3 b", 4),
        SYNC,
        ("ABC", "GET @k", "xxxb"),
    ],
    "DEL concurrent with SET leaves the new value": [
        ("A", "SET @k old", "OK"),
        SYNC,
        ("B", "SET @k new", "OK"),
        ("A", "DEL @k", 1),
        SYNC,
        ("ABC", "GET @k", "new"),
    ],
    "DEL and UNLINK go everywhere": [
        ("A", "MSET @k 1 @l 2", "OK"),
        SYNC,
        ("B", "DEL @k", 1),
        ("B", "UNLINK @l", 1),
        ("A", "EXISTS @k @l", 2),
        SYNC,
        ("ABC", "EXISTS @k @l", 0),
    ],
    # Counters
    "increments of all add up": [
        ("A", "INCRBY @k 7", 7),
        ("B", "INCRBY @k 3", 3),
        ("A", "GET @k", "7"),
        ("B", "GET @k", "3"),
        SYNC,
        ("ABC", "GET @k", "10"),
        ("A", "DECRBY @k 3", 7),
        ("B", "INCRBY @k 6", 16),
        SYNC,
        ("ABC", "GET @k", "13"),
    ],
    "increments of three with floats": [
        ("A", "INCR @k", 1),
        ("B", "DECR @k", -1),
        ("C", "INCRBYFLOAT @k 0.5", "0.5"),
        SYNC,
        ("ABC", "GET @k", "0.5"),
        ("ABC", "INCRBYFLOAT @k 0.1", "0.6"),
        SYNC,
        ("ABC", "GET @k", "0.8"),
    ],
    "counters have 59 bits": [
        ("A", f"SET @k {GREATEST - 1}", "OK"),
        ("A", "INCR @k", GREATEST),
        ("A", "INCR @k", Error("")),
        ("A", f"SET @m -{GREATEST}", "OK"),
        ("A", "DECRBY @m 2", Error("")),
        SYNC,
        ("BC", "GET @k", str(GREATEST)),
        ("BC", "INCRBY @k 1", Error("")),
        ("ABC", "GET @m", str(-GREATEST)),
    ],
    "registers count and counters are set": [
        ("A", "SET @k 5", "OK"),
        ("A", "INCR @k", 6),
        ("A", "TYPE @k", "string"),
        SYNC,
        ("A", "INCR @k", 7),
        ("B", "INCRBY @k 10", 16),
        SYNC,
        ("ABC", "GET @k", "17"),
        ("B", "SET @k word", "OK"),
        SYNC,
        ("ABC", "GET @k", "word"),
        ("ABC", "TYPE @k", "string"),
        ("A", "INCR @k", Error("value is not an integer or out of range")),
    ],
    "DEL of a counter takes what it has seen": [
        ("A", "INCRBY @k 10", 10),
        SYNC,
        ("A", "DEL @k", 1),
        ("B", "INCRBY @k 3", 13),
        SYNC,
        ("ABC", "GET @k", "3"),
    ],
    # Hashes
    "fields of all are united": [
        ("A", "HSET @h f1 a", 1),
        ("B", "HSET @h f2 b", 1),
        ("A", "HGETALL @h", {"f1": "a"}),
        SYNC,
        ("ABC", "HGETALL @h", {"f1": "a", "f2": "b"}),
    ],
    "HDEL takes what it has seen": [
        ("A", "HSET @h f a g x", 2),
        SYNC,
        ("B", "HSET @h f b", 0),
        ("A", "HDEL @h f", 1),
        ("C", "HDEL @h other", 0),
        ("B", "HSET @h other y", 1),
        SYNC,
        ("ABC", "HGETALL @h", {"f": "b", "g": "x", "other": "y"}),
        ("C", "HDEL @h f", 1),
        SYNC,
        ("ABC", "HGETALL @h", {"g": "x", "other": "y"}),
    ],
    "of concurrent HSETs the later wins": [
        ("A", "HSET @h f a", 1),
        ("B", "HSET @h f b", 1),
        SYNC,
        ("ABC", "HGET @h f", "b"),
        ("C", "HSET @h f c", 0),
        ("A", "HSET @h f a", 0),
        SYNC,
        ("ABC", "HGET @h f", "a"),
    ],
    "HINCRBY and HINCRBYFLOAT add up": [
        ("A", "HINCRBY @h n 7", 7),
        ("B", "HINCRBY @h n -3", -3),
        ("A", "HINCRBYFLOAT @h x 1.25", "1.25"),
        ("C", "HINCRBYFLOAT @h x 0.5", "0.5"),
        SYNC,
        ("ABC", "HMGET @h n x", ["4", "1.75"]),
    ],
    "HINCRBY beats HDEL, which takes what it has seen": [
        ("A", "HINCRBY @h n 10", 10),
        SYNC,
        ("A", "HDEL @h n", 1),
        ("B", "HINCRBY @h n 3", 13),
        SYNC,
        ("ABC", "HGET @h n", "3"),
    ],
    "DEL of a hash takes what it has seen": [
        ("A", "HSET @h f a g b", 2),
        SYNC,
        ("A", "DEL @h", 1),
        ("B", "HSET @h new v", 1),
        SYNC,
        ("ABC", "HGETALL @h", {"new": "v"}),
    ],
    # Sets
    "members of all are united": [
        ("A", "SADD @s a", 1),
        ("B", "SADD @s b", 1),
        ("A", "SMEMBERS @s", {"a"}),
        ("B", "SMEMBERS @s", {"b"}),
        SYNC,
        ("ABC", "SMEMBERS @s", {"a", "b"}),
    ],
    "SREM takes what it has seen": [
        ("A", "SADD @s a b", 2),
        SYNC,
        ("AB", "SMEMBERS @s", {"a", "b"}),
        ("A", "SREM @s a", 1),
        ("B", "SADD @s c", 1),
        ("A", "SREM @s c", 0),
        SYNC,
        ("ABC", "SMEMBERS @s", {"b", "c"}),
    ],
    "SADD beats SREM of the same member": [
        ("A", "SADD @s a", 1),
        SYNC,
        ("B", "SADD @s a", 0),
        ("A", "SREM @s a", 1),
        SYNC,
        ("ABC", "SMEMBERS @s", {"a"}),
    ],
    "SPOP, SMOVE and SDIFFSTORE remove what they have seen": [
        ("A", "SADD @s a", 1),
        ("A", "SADD @m a b", 2),
        ("A", "SADD @d old", 1),
        SYNC,
        ("A", "SPOP @s", "a"),
        ("B", "SADD @s b", 1),
        ("A", "SMOVE @m @t a", 1),
        ("B", "SADD @m a c", 1),
        ("A", "SDIFFSTORE @d @m @s", 1),
        ("B", "SADD @d new", 1),
        SYNC,
        ("ABC", "SMEMBERS @s", {"b"}),
        ("ABC", "SMEMBERS @m", {"a", "b", "c"}),
        ("ABC", "SMEMBERS @t", {"a"}),
        ("ABC", "SMEMBERS @d", {"b", "new"}),
    ],
    "DEL of a set takes what it has seen": [
        ("A", "SADD @s a b", 2),
        SYNC,
        ("A", "DEL @s", 1),
        ("B", "SADD @s c", 1),
        SYNC,
        ("ABC", "SMEMBERS @s", {"c"}),
    ],
    # Expiry
    "the longest time to live wins": [
        ("A", "SET @k v", "OK"),
        SYNC,
        ("B", "EXPIRE @k 500", 1),
        ("A", "EXPIRE @k 100", 1),
        SYNC,
        ("ABC", "TTL @k", range(400, 501)),
        ("C", "EXPIRE @k 50", 1),
        SYNC,
        ("ABC", "TTL @k", range(1, 51)),
    ],
    "no time to live is the longest": [
        ("A", "SET @k v EX 700", "OK"),
        SYNC,
        ("A", "EXPIRE @k 100", 1),
        ("B", "EXPIRE @k 500", 1),
        ("C", "PERSIST @k", 1),
        SYNC,
        ("ABC", "TTL @k", -1),
        ("ABC", "GET @k", "v"),
    ],
    "no time to live is the longest, also where there was none before": [
        ("A", "SET @k v", "OK"),
        SYNC,
        ("A", "EXPIRE @k 10", 1),
        ("B", "EXPIRE @k 50", 1),
        ("C", "PERSIST @k", 0),
        SYNC,
        ("ABC", "TTL @k", -1),
    ],
    "the longest wins by every command": [
        ("A", "SET @k v", "OK"),
        ("A", "SADD @s m", 1),
        SYNC,
        ("A", "PEXPIRE @k 900000", 1),
        ("B", "GETEX @k EX 300", "v"),
        ("C", "EXPIREAT @k 9000000000", 1),
        ("B", "PEXPIREAT @s 9000000000000", 1),
        ("C", "EXPIRE @s 10", 1),
        SYNC,
        ("ABC", "EXPIRETIME @k", 9000000000),
        ("ABC", "EXPIRETIME @s", 9000000000),
    ],
    "who has the longest expires the key for all": [
        ("A", "SET @k v", "OK"),
        SYNC,
        ("A", "PEXPIRE @k 50", 1),
        ("B", "PEXPIRE @k 400", 1),
        SYNC,
        ("ABC", "GET @k", Eventually(None)),
        ("ABC", "EXISTS @k", 0),
        SYNC,
        ("ABC", "TTL @k", -2),
    ],
    "a counter that has expired counts from zero": [
        ("A", "SET @k 5 PX 200", "OK"),
        SYNC,
        ("B", "GET @k", Eventually(None)),
        ("B", "INCR @k", 1),
        SYNC,
        ("ABC", "GET @k", "1"),
        ("ABC", "TTL @k", -1),
    ],
    "a set that has expired is empty": [
        ("A", "SADD @s old", 1),
        ("A", "PEXPIRE @s 200", 1),
        SYNC,
        ("B", "SCARD @s", Eventually(0)),
        ("B", "SADD @s new", 1),
        SYNC,
        ("ABC", "SMEMBERS @s", {"new"}),
    ],
    "times to live end at 2^49": [
        ("A", "SET @k v", "OK"),
        ("A", f"PEXPIREAT @k {2**49}", 1),
        ("A", f"PEXPIREAT @k {2**49 + 1}", Error("")),
        SYNC,
        ("ABC", "PEXPIRETIME @k", 2**49),
    ],
    "the longest time to live of a field wins": [
        ("A", "HSET @h f v", 1),
        SYNC,
        ("A", "HEXPIRE @h 100 FIELDS 1 f", [1]),
        ("B", "HEXPIRE @h 500 FIELDS 1 f", [1]),
        SYNC,
        ("ABC", "HTTL @h FIELDS 1 f", (range(400, 501),)),
        ("C", "HPERSIST @h FIELDS 1 f", [1]),
        ("A", "HEXPIRE @h 700 FIELDS 1 f", [1]),
        SYNC,
        ("ABC", "HTTL @h FIELDS 1 f", [-1]),
    ],
    # Keys and transactions
    "RENAME and COPY are replicated": [
        ("A", "SADD {@}1 a b", 2),
        ("A", "RENAME {@}1 {@}2", "OK"),
        ("A", "COPY {@}2 {@}3", 1),
        SYNC,
        ("ABC", "EXISTS {@}1", 0),
        ("ABC", "SMEMBERS {@}2", {"a", "b"}),
        ("ABC", "SMEMBERS {@}3", {"a", "b"}),
    ],
    "there is one database": [
        ("ABC", "SELECT 0", "OK"),
        ("ABC", "SELECT 1", Error("")),
    ],
}

ROLES = [(1, 2, 3), (3, 1, 2)]
_numbers = count(1)


@pytest.fixture
def parted(cluster: Cluster) -> Iterator[Cluster]:
    """Sync is held back; afterwards it goes on."""
    cluster.pause()
    try:
        yield cluster
    finally:
        cluster.sync()


def fits(reply: object, expected: object) -> bool:
    match expected:
        case Error():
            return isinstance(reply, redis.ResponseError) and str(reply).startswith(expected.text)
        case range():
            return reply in expected
        case set():
            return isinstance(reply, set | list) and set(reply) == expected and len(reply) == len(expected)
        case tuple():
            return isinstance(reply, list) and all(map(fits, reply, expected)) and len(reply) == len(expected)
        case _:
            return not isinstance(reply, redis.ResponseError) and reply == expected


def tick() -> None:
    """Until the clock of all instances shows another millisecond: the steps are ordered as in the table."""
    start = time.time_ns() // 10**6
    while time.time_ns() // 10**6 <= start:
        pass


def comes(cluster: Cluster, n: int, words: Sequence[str], expected: object) -> bool:
    return fits(cluster.do(n, *words), expected)


def play(cluster: Cluster, steps: Sequence[Step], roles: Sequence[int]) -> None:
    """Plays the steps of a table on keys of its own. Raises: AssertionError, with the step that went wrong."""
    name = f"table:{next(_numbers)}:"
    who_is = dict(zip("ABC", roles, strict=True))
    for number, step in enumerate(steps, 1):
        who, line, expected = step
        if step == SYNC:
            cluster.sync()
            cluster.pause()
            continue
        words = [word.replace("@", name) for word in shlex.split(line)]
        for role in who:
            tick()
            n = who_is[role]
            if isinstance(expected, Eventually):
                wanted = expected.reply
                until(partial(comes, cluster, n, words, wanted), f"step {number}, {line} at instance {n}: {wanted}")
                continue
            reply = cluster.do(n, *words)
            assert fits(reply, expected), (
                f"step {number}: {line} at instance {n}: {reply!r} ({reply}) is not {expected!r}"
            )


@pytest.mark.parametrize("roles", ROLES, ids=str)
@pytest.mark.parametrize("table", TABLES)
def test_a_table_comes_out_as_printed(parted: Cluster, table: str, roles: tuple[int, int, int]) -> None:
    play(parted, TABLES[table], roles)


def test_flushall_takes_what_it_has_seen(cluster: Cluster) -> None:
    """It is one observed delete of all keys, also at instances that are reached later."""
    assert cluster.do(1, "MSET", "flush:a", "1", "flush:b", "2") == "OK"
    cluster.sync()
    cluster.pause()
    assert cluster.do(2, "SET", "flush:new", "3") == "OK"
    assert cluster.do(1, "FLUSHALL") == "OK"
    assert cluster.do(2, "EXISTS", "flush:a", "flush:b") == 2
    cluster.sync()
    for n in cluster.servers:
        assert cluster.do(n, "KEYS", "*") == ["flush:new"]


def test_settings_and_data_are_apart(cluster: Cluster) -> None:
    """Only data is replicated."""
    before = cluster.do(2, "CONFIG", "GET", "slowlog-max-len")
    assert cluster.do(1, "CONFIG", "SET", "slowlog-max-len", "77") == "OK"
    cluster.sync()
    assert cluster.do(2, "CONFIG", "GET", "slowlog-max-len") == before


class Cli:
    """The real redis-cli, a process a command."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def __call__(self, n: int, line: str) -> object:
        port = self._cluster.servers[n].port
        done = subprocess.run(
            ["redis-cli", "-p", str(port), "--json", *shlex.split(line)], capture_output=True, timeout=60, check=True
        )
        return json.loads(done.stdout)


@pytest.fixture
def cli(cluster: Cluster) -> Cli:
    if shutil.which("redis-cli") is None:
        pytest.skip("redis-cli is not installed")
    return Cli(cluster)


def test_the_tables_by_redis_cli(cluster: Cluster, cli: Cli) -> None:
    def all_through(command: str) -> list[object]:
        return [cli(n, command) for n in cluster.servers]

    def pause() -> None:
        assert all_through("CRDT.SYNC PAUSE") == ["OK"] * 3

    def sync() -> None:
        assert all_through("CRDT.SYNC RESUME") == ["OK"] * 3
        assert all_through("CRDT.SYNC WAIT 30000") == [1] * 3

    pause()
    try:
        assert cli(1, "INCRBY cli:n 7") == 7
        assert cli(2, "INCRBY cli:n 3") == 3
        assert cli(1, "SADD cli:s a b") == 2
        assert cli(1, "SET cli:t a") == "OK"
        assert cli(2, "SET cli:t b") == "OK"
        assert cli(1, 'HSET cli:h f1 "a b"') == 1
        assert cli(3, "HSET cli:h f2 b") == 1
        assert cli(2, "GET cli:n") == "3"
        assert cli(3, "GET cli:n") is None
        sync()
        assert all_through("GET cli:n") == ["10"] * 3
        assert all_through("GET cli:t") == ["b"] * 3
        assert all_through("HGETALL cli:h") == [{"f1": "a b", "f2": "b"}] * 3
        pause()
        assert cli(1, "SREM cli:s a") == 1
        assert cli(2, "SADD cli:s c") == 1
        assert cli(1, "SREM cli:s c") == 0
        assert cli(1, "EXPIRE cli:t 10") == 1
        assert cli(2, "EXPIRE cli:t 50") == 1
        assert cli(3, "PERSIST cli:t") == 0
        assert cli(1, "CRDT.SYNC WAIT 50") == 0
        sync()
        assert [
            sorted(str(m) for m in members) for members in all_through("SMEMBERS cli:s") if isinstance(members, list)
        ] == [["b", "c"]] * 3
        assert all_through("TTL cli:t") == [-1] * 3
    finally:
        sync()
