"""COMMAND against that of redis-server, for all commands that it has too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from mergelaw.commands.describe import categories
from mergelaw.commands.table import TABLE, Command
from tests.reference.commands.harness import Instance, RealRedis


def everything() -> Iterator[Command]:
    for found in TABLE.values():
        yield found
        yield from found.subcommands.values()


@pytest.fixture
def theirs(real_redis: RealRedis) -> dict[str, Any]:
    """The replies of COMMAND by name."""
    with redis.Redis(port=real_redis.port) as client:
        client.set_response_callback("COMMAND", lambda reply, **_: reply)
        rows = list(client.execute_command("COMMAND"))
    found: dict[str, Any] = {}
    while rows:
        row = rows.pop()
        found[row[0].decode()] = row
        rows += row[9]
    return found


def words(items: Any) -> set[str]:
    return {item.decode() for item in items}


def test_commands_have_the_arity_flags_keys_and_categories_of_redis(theirs: dict[str, Any]) -> None:
    compared = 0
    for found in everything():
        row = theirs.get(found.name)
        if row is None:
            continue
        compared += 1
        told = (found.name, found.arity, set(found.flags), found.keys, {f"@{name}" for name in categories(found)})
        assert told == (row[0].decode(), row[1], words(row[2]), tuple(row[3:6]), words(row[6]))
    assert compared > 120


def test_every_command_says_what_it_does() -> None:
    for found in everything():
        assert found.summary, found.name
        assert found.group, found.name
        assert found.since.count(".") == 2, found.name


def test_command_tells_what_it_is_asked_for(instance: Instance) -> None:
    assert instance.run("COMMAND COUNT") == len(TABLE) == len(instance.run("COMMAND"))
    (get, none, sub) = instance.run("COMMAND INFO get nosuch config|get")
    assert (get[0], get[1], get[3:6]) == (b"get", 2, [1, 1, 1])
    assert none is None
    assert sub[0] == b"config|get"
    docs = instance.run("COMMAND DOCS get client")
    assert docs[b"get"][b"group"] == b"string"
    assert b"client|id" in docs[b"client"][b"subcommands"]
    assert b"scan" in instance.run("COMMAND LIST FILTERBY ACLCAT keyspace")
    assert b"config|set" in instance.run("COMMAND LIST FILTERBY PATTERN config*")


def test_redis_py_and_redis_cli_can_read_command(instance: Instance) -> None:
    for protocol in (2, 3):
        for line in (["COMMAND"], ["COMMAND", "DOCS"], ["COMMAND", "INFO"]):
            assert len(instance.wire(*line, protocol=protocol)) > 1000


def test_keys_are_found(instance: Instance) -> None:
    assert instance.run("COMMAND GETKEYS SINTERCARD 2 a b LIMIT 1") == [b"a", b"b"]
    assert instance.run("COMMAND GETKEYSANDFLAGS SET a 1")[0][0] == b"a"
