"""COMMAND tells of the commands on strings, hashes and sets what redis-server tells."""

from __future__ import annotations

import pytest

from mergelaw.commands.table import TABLE
from tests.reference.commands.differential import parsed
from tests.reference.commands.harness import RealRedis

GROUPS = ("string", "hash", "set")
NEWER = {
    "msetex", "hexpire", "hpexpire", "hexpireat", "hpexpireat", "httl", "hpttl", "hexpiretime", "hpexpiretime",
    "hpersist", "hsetex", "hgetex", "hgetdel",
}  # fmt: skip
"""Not in redis-server 7.0."""
OURS = sorted(c.name for c in TABLE.values() if c.group in GROUPS)


@pytest.mark.parametrize("name", [name for name in OURS if name not in NEWER])
def test_a_command_is_described_as_redis_describes_it(real_redis: RealRedis, name: str) -> None:
    ours = TABLE[name.upper().encode()]
    (info,) = parsed(real_redis.wire("COMMAND", "INFO", name))
    said = parsed(real_redis.wire("COMMAND", "DOCS", name))[1]
    docs = dict(zip(said[::2], said[1::2], strict=True))
    assert ours.arity == info[1]
    assert {flag.encode() for flag in ours.flags} == set(info[2])
    assert list(ours.keys) == info[3:6]
    assert (ours.group, ours.since, ours.summary) == (
        docs[b"group"].decode(),
        docs[b"since"].decode(),
        docs[b"summary"].decode(),
    )


def test_all_commands_of_the_groups_are_there(real_redis: RealRedis) -> None:
    theirs: set[str] = set()
    for name in parsed(real_redis.wire("COMMAND", "LIST")):
        said = parsed(real_redis.wire("COMMAND", "DOCS", name))
        if said and dict(zip(said[1][::2], said[1][1::2], strict=True))[b"group"].decode() in GROUPS:
            theirs.add(name.decode())
    assert theirs <= set(OURS)
    assert set(OURS) - theirs == NEWER
