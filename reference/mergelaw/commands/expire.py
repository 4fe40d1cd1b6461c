"""Times to live: EXPIRE and its kin, PERSIST, TTL and its kin.

Of concurrent deadlines the longest is in force, PERSIST the longest of all; its owner deletes the key when the time
comes. A deadline lies in 0..2^49 ms.

Source: redis 7.0, `src/expire.c`; spec/mergelaw/types/expiry.crdt.
"""

from __future__ import annotations

from collections.abc import Callable

from mergelaw.commands.errors import CommandError, invalid_expire
from mergelaw.commands.parse import INT64_MAX, INT64_MIN, integer
from mergelaw.commands.reply import Reply
from mergelaw.commands.table import Call, command

LATEST_MS = 2**49
"""The latest deadline; Source: Redis docs, develop-for-aa.md, Expiration."""


def deadline_ms(c: Call, data: bytes, seconds: bool, relative: bool) -> int:
    """The deadline that an argument names; it may have passed. Raises: CommandError, if it is out of range."""
    assert c.command is not None
    when = integer(data)
    if seconds:
        if not INT64_MIN // 1000 < when <= INT64_MAX // 1000:
            raise invalid_expire(c.command.name)
        when *= 1000
    base = c.now_ms if relative else 0
    if when > min(INT64_MAX - base, LATEST_MS):
        raise invalid_expire(c.command.name)
    when += base
    if when > LATEST_MS:
        raise invalid_expire(c.command.name)
    return when


def _conditions(args: list[bytes]) -> frozenset[bytes]:
    found = frozenset(a.upper() for a in args)
    for given in args:
        if given.upper() not in (b"NX", b"XX", b"GT", b"LT"):
            # Redis prints it as a C string.
            raise CommandError(b"ERR Unsupported option " + given.partition(b"\0")[0])
    if b"NX" in found and len(found) > 1:
        raise CommandError("ERR NX and XX, GT or LT options at the same time are not compatible")
    if b"GT" in found and b"LT" in found:
        raise CommandError("ERR GT and LT options at the same time are not compatible")
    return found


def allowed(conditions: frozenset[bytes], when: int, current: int | None) -> bool:
    """Whether the deadline `when` may replace `current` (None: never) under NX, XX, GT, LT."""
    if b"NX" in conditions and current is not None:
        return False
    if b"XX" in conditions and current is None:
        return False
    if b"GT" in conditions and (current is None or when <= current):
        return False
    return not (b"LT" in conditions and current is not None and when >= current)


def _expire(c: Call, seconds: bool, relative: bool) -> int:
    conditions = _conditions(c.args[3:])
    when = deadline_ms(c, c.args[2], seconds, relative)
    key = c.args[1]
    entry = c.visible(key)
    if entry is None or not allowed(conditions, when, entry.deadline):
        return 0
    if when <= c.now_ms:
        c.tx.delete(key)
    else:
        c.tx.update(key, "expire", when)
    return 1


def _register(name: bytes, since: str, summary: str, run: Callable[[Call], Reply]) -> None:
    command(name, arity=-3, flags="write fast", keys=(1, 1, 1), group="generic", since=since, summary=summary)(run)


_register(b"EXPIRE", "1.0.0", "Set a key's time to live in seconds", lambda c: _expire(c, True, True))
_register(b"PEXPIRE", "2.6.0", "Set a key's time to live in milliseconds", lambda c: _expire(c, False, True))
_register(b"EXPIREAT", "1.2.0", "Set the expiration for a key as a UNIX timestamp", lambda c: _expire(c, True, False))
_register(
    b"PEXPIREAT",
    "2.6.0",
    "Set the expiration for a key as a UNIX timestamp specified in milliseconds",
    lambda c: _expire(c, False, False),
)


@command(
    b"PERSIST",
    arity=2,
    flags="write fast",
    keys=(1, 1, 1),
    group="generic",
    since="2.2.0",
    summary="Remove the expiration from a key",
)
def persist(c: Call) -> Reply:
    """1 if there was a time to live; 0 else, but also then a concurrent EXPIRE loses against it."""
    entry = c.visible(c.args[1])
    if entry is None:
        return 0
    had = entry.deadline is not None
    c.tx.update(c.args[1], "persist")
    return int(had)


def _read(c: Call, shown: Callable[[int], int]) -> int:
    entry = c.visible(c.args[1])
    if entry is None:
        return -2
    until = entry.deadline
    return -1 if until is None else shown(until)


def _register_read(name: bytes, since: str, summary: str, run: Callable[[Call], Reply]) -> None:
    command(name, arity=2, flags="readonly fast", keys=(1, 1, 1), group="generic", since=since, summary=summary)(run)


def _seconds(ms: int) -> int:
    return (ms + 500) // 1000


_register_read(
    b"TTL",
    "1.0.0",
    "Get the time to live for a key in seconds",
    lambda c: _read(c, lambda until: _seconds(max(0, until - c.now_ms))),
)
_register_read(
    b"PTTL",
    "2.6.0",
    "Get the time to live for a key in milliseconds",
    lambda c: _read(c, lambda until: max(0, until - c.now_ms)),
)
_register_read(b"EXPIRETIME", "7.0.0", "Get the expiration Unix timestamp for a key", lambda c: _read(c, _seconds))
_register_read(
    b"PEXPIRETIME",
    "7.0.0",
    "Get the expiration Unix timestamp for a key in milliseconds",
    lambda c: _read(c, lambda until: until),
)
