"""What bad clients and bad peers send: an error or a closed connection, and the instance lives on and has lost nothing.

The fuzz is drawn from a seed that a failure tells; MERGELAW_FUZZ_SEED runs another one.
"""

from __future__ import annotations

import os
import random
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mergelaw.replication.frames import Batch, Encoder, Greet, Hello, Message, Proof, Refused, Settled
from tests.reference.e2e.local import Cluster, plain_client, until
from tests.reference.server.process import Server, Wire, request

SEED = int(os.environ.get("MERGELAW_FUZZ_SEED", "20261123"))
FUZZ_S = 3.0
KEPT = {f"kept:{n}": f"value {n}" for n in range(20)}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two instances that hold what must not be lost."""
    with Cluster(tmp_path_factory.mktemp("pair"), 2) as pair:
        words = [word for item in KEPT.items() for word in item]
        assert pair.do(1, "MSET", *words) == "OK"
        pair.sync()
        yield pair


@pytest.fixture(autouse=True)
def alive(pair: Cluster) -> Iterator[None]:
    """After each test both instances are the processes that they were, hold all, and replicate."""
    processes = [server.process for server in pair.servers.values()]
    yield
    for process, server in zip(processes, pair.servers.values(), strict=True):
        assert process is server.process
        assert process is not None
        assert process.poll() is None, server.logged()[-3000:]
    assert pair.do(1, "INCR", "alive") == pair.do(1, "INCR", "alive") - 1
    pair.sync()
    for n in pair.servers:
        assert pair.do(n, "MGET", *KEPT) == list(KEPT.values())
    assert pair.do(2, "GET", "alive") == pair.do(1, "GET", "alive")


def replies(port: int, data: bytes) -> bytes:
    """What comes back until the server closes, where nothing more is sent."""
    with Wire(port) as wire:
        wire.send(data)
        wire.socket.shutdown(socket.SHUT_WR)
        return wire.rest()


# The client port ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("GET", "wrong number of arguments for 'get' command"),
        ("GET a b", "wrong number of arguments for 'get' command"),
        ("SET a", "wrong number of arguments for 'set' command"),
        ("HSET a b", "wrong number of arguments for 'hset' command"),
        ("HSET a b c d", "wrong number of arguments for 'hset' command"),
        ("MSET a b c", "wrong number of arguments for 'mset' command"),
        ("CRDT.SYNC", "wrong number of arguments for 'crdt.sync' command"),
        ("SET a b EX", "syntax error"),
        ("SET a b EX 0", "invalid expire time in 'set' command"),
        ("SET a b EX 10 PX 10", "syntax error"),
        ("SET a b NX XX", "syntax error"),
        ("INCRBY a x", "value is not an integer or out of range"),
        ("INCRBY a 9223372036854775808", "value is not an integer or out of range"),
        ("INCRBYFLOAT a nan", "value is not a valid float"),
        ("EXPIRE kept:1 x", "value is not an integer or out of range"),
        ("SETRANGE a -1 x", "offset is out of range"),
        ("SETRANGE a 9223372036854775807 x", "string exceeds maximum allowed size"),
        ("GETRANGE kept:1 a b", "value is not an integer or out of range"),
        ("SCAN x", "invalid cursor"),
        ("SCAN 0 COUNT 0", "syntax error"),
        ("CRDT.SYNC WAIT -1", "timeout is negative"),
        ("CRDT.PEERS REMOVE 99999", "a peer's id is a number of 1..4095"),
        ("CRDT.PEERS ADD 3 nowhere", "a peer's address is host:port"),
    ],
)
def test_wrong_arguments_are_told(pair: Cluster, command: str, error: str) -> None:
    assert error in str(pair.do(1, *command.split()))


def test_wrong_types_are_told(pair: Cluster) -> None:
    assert pair.do(1, "SADD", "a set", "m") == 1
    assert pair.do(1, "HSET", "a hash", "f", "v") == 1
    for words in (
        ("GET", "a set"),
        ("INCR", "a set"),
        ("APPEND", "a hash", "x"),
        ("HSET", "a set", "f", "v"),
        ("HGETALL", "kept:1"),
        ("SADD", "kept:1", "m"),
        ("SMEMBERS", "a hash"),
        ("SUNION", "a set", "a hash"),
    ):
        assert "Operation against a key holding the wrong kind of value" in str(pair.do(1, *words)), words


def test_unknown_commands_are_told(pair: Cluster) -> None:
    assert "unknown command 'NOSUCH'" in str(pair.do(1, "NOSUCH", "a", "b"))
    assert "unknown subcommand" in str(pair.do(1, "CRDT.SYNC", "NOSUCH"))
    assert "unknown command" in str(pair.do(1, b"\xff\r\n\0" * 100, b"\xff" * 1000))


@pytest.mark.parametrize(
    "data",
    [
        b"*-1\r\n",
        b"*0\r\n",
        b"*2147483648\r\n",
        b"*99999999999999999999999\r\n",
        b"*-99999999999999999999999\r\n",
        b"*1048577\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\r\n$-2147483649\r\n",
        b"*1\r\n$536870913\r\n",
        b"*1\r\n$9223372036854775808\r\n",
        b"*1\r\n$4\r\nPINGxx\r\n",
        b"*1\r\n$\r\n",
        b"*\r\n",
        b"*x\r\n",
        b"*1\r\n*1\r\n$4\r\nPING\r\n",
        b"*1\r\n:1\r\n",
        b"*+1\r\n$4\r\nPING\r\n",
        b"*1 \r\n$ 4\r\nPING\r\n",
        b"%1\r\n+a\r\n+b\r\n",
        b"$-1\r\n",
        b"*1000000\r\n" + b"$1\r\na\r\n" * 1000,
        b"*3\r\n$3\r\nSET\r\n$8\r\nhalf-set\r\n$100\r\nnot all of it",
        b"\0" * 10_000 + b"\r\n",
        b"\xff\xfe\r\n\r\n\n\n\r\r\n",
        b"'unbalanced\r\n",
        b'"\\x"\r\n',
        b" \t \r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nSET http yes\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xab" * 500,
    ],
    ids=lambda data: repr(data[:24]),
)
def test_broken_requests_end_their_connection_only(pair: Cluster, data: bytes) -> None:
    port = pair.servers[1].port
    with Wire(port) as other:
        replies(port, data)
        assert other.ask(b"PING\r\n") == b"+PONG"
    assert pair.do(1, "EXISTS", "half-set", "http") == 0


def test_keys_and_values_are_binary(pair: Cluster) -> None:
    every_byte = bytes(range(256))
    client = plain_client(pair.servers[1].port, text=False)
    peer = plain_client(pair.servers[2].port, text=False)
    for key in (b"", every_byte, b"\r\n", b"*1\r\n$4\r\nPING\r\n", b"\xff" * 10_000, b"\0"):
        client.execute_command("DEL", key, key + b"h", key + b"s")
        assert client.execute_command("SET", key, key) == b"OK"
        assert client.execute_command("HSET", key + b"h", key, key) == 1
        assert client.execute_command("SADD", key + b"s", key, b"other") == 2
        pair.sync()
        assert peer.execute_command("GET", key) == key
        assert peer.execute_command("HGETALL", key + b"h") == {key: key}
        assert set(peer.execute_command("SMEMBERS", key + b"s")) == {key, b"other"}


def test_a_value_of_100_mb_goes_round(pair: Cluster) -> None:
    value = random.Random(SEED).randbytes(1 << 20) * 100
    client = plain_client(pair.servers[1].port, text=False, timeout_s=120)
    peer = plain_client(pair.servers[2].port, text=False, timeout_s=120)
    assert client.execute_command("SET", "100 MB", value) == b"OK"
    assert client.execute_command("STRLEN", "100 MB") == len(value)
    assert client.execute_command("GET", "100 MB") == value
    until(lambda: peer.execute_command("STRLEN", "100 MB") == len(value), "the peer has it", 120)
    assert peer.execute_command("GET", "100 MB") == value
    assert client.execute_command("DEL", "100 MB") == 1
    pair.sync()


def test_pipelines_are_split_anywhere(pair: Cluster) -> None:
    """Many commands in one write; and a few split at each byte."""
    port = pair.servers[1].port
    pair.do(1, "DEL", "pipe")
    with Wire(port) as wire:
        wire.send(request(b"INCR", b"pipe") * 5000)
        for n in range(1, 5001):
            assert wire.line() == b":%d" % n
    data = request(b"SET", b"split", b"a\r\nb") + b"GET split\r\n" + request(b"STRLEN", b"split")
    wanted = b"+OK\r\n$4\r\na\r\nb\r\n:4\r\n"
    for at in range(1, len(data)):
        with Wire(port) as wire:
            wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire.send(data[:at])
            wire.send(data[at:])
            assert wire.take(len(wanted)) == wanted, at


def test_clients_that_leave_in_the_middle_take_nothing_along(pair: Cluster) -> None:
    port = pair.servers[1].port
    whole = request(b"SET", b"left", b"x" * 100_000)
    pair.do(1, "DEL", "left")
    for at in (1, 5, 20, 1000, len(whole) - 1):
        with Wire(port) as wire:
            wire.send(whole[:at])
            # Closed with a reset.
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert pair.do(1, "EXISTS", "left") == 0


_NAMES = (
    b"SET GET INCRBY APPEND SETRANGE GETEX HSET HINCRBY HEXPIRE SADD SREM SPOP SINTERCARD EXPIRE COPY RENAME SORT "
    b"OBJECT LCS SCAN HSCAN HELLO CLIENT COMMAND CONFIG MULTI EXEC WATCH CRDT.EXPLAIN DUMP RESTORE MEMORY"
)
_WORDS = [
    b"",
    b"a",
    b"-1",
    b"0",
    b"1e400",
    b"9" * 30,
    b"FIELDS",
    b"1",
    b"EX",
    b"MATCH",
    b"*[",
    b"COUNT",
    b"\xff\0",
    b"GET",
]
_JUNK = [b"\r\n", b"*", b"$", b":", b"-", b"+", b"\0", b"*3\r\n", b"$5\r\n", b"'", b'"', b"%2\r\n", b"~1\r\n", b"_\r\n"]


def junk(draw: random.Random) -> bytes:
    """Random bytes, pieces of the protocol, or a request that was damaged."""
    match draw.randrange(4):
        case 0:
            return draw.randbytes(draw.randrange(1, 200))
        case 1:
            return b"".join(draw.choices(_JUNK, k=draw.randrange(1, 20)))
        case 2:
            words = draw.choices(_WORDS, k=draw.randrange(6))
            return request(draw.choice(_NAMES.split()), b"fuzz:%d" % draw.randrange(5), *words)
        case _:
            data = bytearray(request(b"SET", b"fuzz:0", draw.randbytes(20)))
            for _ in range(draw.randrange(1, 4)):
                data[draw.randrange(len(data))] = draw.randrange(256)
            return bytes(data)


def test_fuzz_of_the_client_port(pair: Cluster) -> None:
    draw = random.Random(SEED)
    port = pair.servers[1].port
    end = time.monotonic() + FUZZ_S
    rounds = 0
    while time.monotonic() < end:
        rounds += 1
        data = b"".join(junk(draw) for _ in range(draw.randrange(1, 8)))
        try:
            replies(port, data)
        except OSError as error:
            # It closes while we still send.
            assert isinstance(error, ConnectionResetError | BrokenPipeError), f"seed {SEED}, round {rounds}: {error!r}"
    assert rounds > 10
    assert pair.do(1, "PING") == "PONG", f"seed {SEED}"


# The peer port --------------------------------------------------------------------------------------------------------


def to_peer_port(pair: Cluster, data: bytes, *, wait: bool = True) -> bytes:
    """Sends `data` to instance 1 as a peer; what it answers until it closes."""
    with Wire(pair.servers[1].peer_port) as wire:
        with suppress(BrokenPipeError, ConnectionResetError):
            wire.send(data)
            wire.socket.shutdown(socket.SHUT_WR)
        return wire.rest() if wait else b""


def framed(*messages: Message) -> bytes:
    return b"".join(Encoder(0).encode(message) for message in messages)


def greet(replica: int = 2, database: str = "mergelaw") -> Greet:
    return Greet((1,), database, replica, b"n" * 32)


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 1000,
        b"\xff" * 1000,
        b"PING\r\n",
        struct.pack("!IB", 2**32 - 1, 1),
        struct.pack("!IB", 2**32 - 1, 1) + b"x" * 100_000,
        struct.pack("!IB", 100, 1) + b"half",
        struct.pack("!IB", 0, 1),
        struct.pack("!IB", 5, 63) + b"12345",
        struct.pack("!IB", 5, 0x81) + b"12345",
        struct.pack("!IB", 5, 9) + b"\xdf\xff\xff\xff\xff",
        struct.pack("!IB", 5, 1) + b"\x95\xdd\xff\xff\xff",
        framed(greet())[:-1],
        framed(greet(), Proof(b"m" * 32)),
        framed(greet(replica=1)),
        framed(greet(replica=77), Proof(b"\0" * 32)),
        framed(greet(database="another")),
        framed(Proof(b"m" * 32)),
        framed(Refused("removed", "you were removed")),
        framed(greet(), greet(), greet()),
    ],
    ids=lambda data: repr(data[:24]),
)
def test_liars_at_the_peer_port_are_closed(pair: Cluster, data: bytes) -> None:
    to_peer_port(pair, data)


def test_a_hello_without_proof_is_nothing(pair: Cluster) -> None:
    """Neither before nor in place of the proof of the secret."""
    hello = Hello("mergelaw", 2, b"r" * 32, 1, Settled(99, (), (2,)), ((1, 1, 10**9),), (), ())
    before = pair.do(1, "CRDT.PEERS")
    to_peer_port(pair, framed(hello))
    to_peer_port(pair, framed(greet(), hello, Batch(((2, 10**6, b"effect"),))))
    to_peer_port(pair, framed(greet(), Proof(b"wrong" + b"m" * 27), hello, Batch(((2, 10**6, b"effect"),))))
    assert [peer["id"] for peer in pair.do(1, "CRDT.PEERS")] == [peer["id"] for peer in before] == [2]


def test_an_instance_with_another_secret_stays_outside(pair: Cluster, tmp_path: Path) -> None:
    peers = [f"--peer={n}=127.0.0.1:{server.peer_port}" for n, server in pair.servers.items()]
    with Server(tmp_path / "stranger", "--peer-secret", "a wrong one", *peers, replica=3) as stranger:
        client = plain_client(stranger.port)
        assert client.execute_command("GET", "kept:1") is None
        until(lambda: all(p["last_error"] for p in client.execute_command("CRDT.PEERS")), "it is told why")
        assert client.execute_command("GET", "kept:1") is None
        assert client.execute_command("CRDT.SYNC", "WAIT", 100) == 0


def test_fuzz_of_the_peer_port(pair: Cluster) -> None:
    draw = random.Random(SEED)
    start = framed(greet(), Proof(b"m" * 32))
    end = time.monotonic() + FUZZ_S
    rounds = 0
    while time.monotonic() < end:
        rounds += 1
        match draw.randrange(3):
            case 0:
                data = draw.randbytes(draw.randrange(1, 300))
            case 1:
                body = draw.randbytes(draw.randrange(100))
                data = struct.pack("!IB", len(body), draw.randrange(256)) + body
            case _:
                damaged = bytearray(start)
                for _ in range(draw.randrange(1, 4)):
                    damaged[draw.randrange(len(damaged))] = draw.randrange(256)
                data = bytes(damaged[: draw.randrange(1, len(damaged) + 1)])
        # Half of them leave without a word.
        to_peer_port(pair, data, wait=draw.random() < 0.5)
    assert rounds > 10


def test_silent_connections_keep_nobody_out(pair: Cluster) -> None:
    wires = [Wire(pair.servers[1].peer_port) for _ in range(50)]
    wires += [Wire(pair.servers[1].port) for _ in range(50)]
    try:
        assert pair.do(2, "INCR", "silent") == 1
        pair.sync()
        assert pair.do(1, "GET", "silent") == "1"
    finally:
        for wire in wires:
            wire.close()
