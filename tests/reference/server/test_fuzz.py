"""Nonsense over the client port: an error or a closed connection, no crash, nothing lost."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

import mergelaw.commands  # noqa: F401 - fills the table
from mergelaw.commands.table import TABLE
from tests.reference.server.process import Server, Wire, request

ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "300"))
_LEFT_OUT = {b"SHUTDOWN", b"DEBUG", b"CRDT.PEERS"}
"""They would end the test, or make it wait, as they should."""
_WORDS = [
    b"",
    b"0",
    b"1",
    b"-1",
    b"1.5",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"99999999999999999999",
    b"1e400",
    b"nan",
    b"\xff\x00",
    b"k",
    b"s",
    b"h",
    b"*",
    b"[a-",
    b"EX",
    b"NX",
    b"GET",
    b"COUNT",
    b"MATCH",
    b"FIELDS",
    b"x" * 5000,
]


def nonsense(chance: random.Random) -> bytes:
    """Bytes that are no request, or one that is cut, doubled or bent."""
    match chance.randrange(5):
        case 0:
            return chance.randbytes(chance.randrange(200))
        case 1:
            return bytes(chance.choice(b"*$:+-\r\n0123456789 \"'a") for _ in range(chance.randrange(60)))
        case 2:
            whole = request(*arguments(chance))
            return whole[: chance.randrange(len(whole))]
        case 3:
            bent = bytearray(request(*arguments(chance)))
            for _ in range(chance.randrange(1, 4)):
                bent[chance.randrange(len(bent))] = chance.randrange(256)
            return bytes(bent)
        case _:
            return b"*%d\r\n$%d\r\n" % (chance.randrange(-5, 2**33), chance.randrange(-5, 2**40))


def arguments(chance: random.Random) -> list[bytes]:
    """A command that there is, with some of its arguments."""
    command = TABLE[name := chance.choice(sorted(set(TABLE) - _LEFT_OUT))]
    args = [name]
    if command.subcommands:
        args.append(chance.choice([*command.subcommands, b"NONSENSE"]))
    count = max(0, abs(command.arity) - len(args)) + chance.choice([0, 0, 0, 1, 2, 3, -1])
    return args + [chance.choice(_WORDS) for _ in range(count)]


def harmless(args: list[bytes]) -> bool:
    """Whether it neither waits for long nor changes settings that the test needs."""
    words = [a.upper() for a in args]
    if words[:2] in ([b"CONFIG", b"SET"], [b"CONFIG", b"REWRITE"], [b"CLIENT", b"PAUSE"], [b"CLIENT", b"KILL"]):
        return False
    if "blocking" in TABLE[words[0]].flags:
        return False
    return words[0] not in (b"WAIT", b"WAITAOF") and words[:2] != [b"CRDT.SYNC", b"WAIT"]


@pytest.mark.parametrize("seed", range(2))
def test_client_port_survives_nonsense(server: Server, seed: int) -> None:
    chance = random.Random(seed)
    with server.wire() as wire:
        assert wire.ask(request(b"SET", b"kept", b"value")) == b"+OK"
    for _ in range(ROUNDS):
        try:
            with Wire(server.port, timeout=5) as wire:
                for _ in range(chance.randrange(1, 4)):
                    wire.send(nonsense(chance))
        except (ConnectionError, TimeoutError):
            pass
    with server.wire() as wire:
        wire.send(request(b"CRDT.SYNC", b"RESUME") + request(b"PING"))
        assert [wire.line(), wire.line()] == [b"+OK", b"+PONG"]
    assert "has failed" not in server.logged()


@pytest.mark.parametrize("seed", range(2))
def test_commands_survive_any_arguments(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with Server(tmp_path / "data") as server:
        for _ in range(ROUNDS // 10):
            sent = [args for args in (arguments(chance) for _ in range(20)) if harmless(args)]
            with Wire(server.port, timeout=20) as wire:
                wire.send(b"".join(request(*args) for args in sent) + request(b"RESET") + request(b"QUIT"))
                answer = wire.rest()
            assert b"-ERR internal error" not in answer, (sent, server.logged()[-3000:])
        with server.wire() as wire:
            assert wire.ask(b"PING\r\n") == b"+PONG"
        assert "has failed" not in server.logged()
        server.kill()
        server.start()
        with server.wire() as wire:
            assert wire.ask(b"PING\r\n") == b"+PONG"
