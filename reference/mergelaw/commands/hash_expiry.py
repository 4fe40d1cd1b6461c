"""Times to live of the fields of a hash: HEXPIRE and its kin, HTTL and its kin, HPERSIST, HSETEX, HGETEX, HGETDEL.

Of concurrent deadlines of a field the longest is in force, none (HPERSIST, HSET) the longest of all; its owner removes
the field when the time comes, others hide it. A deadline lies in 0..2^49 ms, as that of a key.

Source: redis 8.0, `src/t_hash.c`; spec/mergelaw/types/hash.crdt.
"""

from __future__ import annotations

from collections.abc import Callable

from mergelaw.commands.errors import CommandError, invalid_expire, wrong_arity
from mergelaw.commands.expire import allowed, deadline_ms
from mergelaw.commands.fields import Fields, fields_now, fields_of, names_in
from mergelaw.commands.parse import INT64_MAX, integer, to_value
from mergelaw.commands.reply import Reply
from mergelaw.commands.table import Call, command

_NO_FIELDS = "ERR Mandatory argument FIELDS is missing or not at the right position"
_NO_NUMBER = "ERR Number of fields must be a positive integer"
_NO_NUMBER_OF_EXPIRE = "ERR Parameter `numFields` should be greater than 0"
_NO_MATCH = "ERR The `numfields` parameter must match the number of arguments"

_ABSENT = -2
_UNCHANGED = 0
_DONE = 1
_DELETED = 2

_UNITS = {b"EX": (True, True), b"PX": (False, True), b"EXAT": (True, False), b"PXAT": (False, False)}
"""Whether in seconds, and whether from now on."""


# Arguments ------------------------------------------------------------------------------------------------------------


def _names(c: Call, at: int, error: str = _NO_NUMBER) -> list[str]:
    """The fields after `FIELDS n`, which stands at position `at`. Raises: CommandError."""
    args = c.args
    if at >= len(args) or args[at].upper() != b"FIELDS":
        raise CommandError(_NO_FIELDS)
    count = integer(args[at + 1], error, low=1) if at + 1 < len(args) else 0
    if count == 0:
        raise CommandError(error)
    if count != len(args) - at - 2:
        raise CommandError(_NO_MATCH)
    return names_in(args[at + 2 :])


def _deadline(c: Call, data: bytes, seconds: bool, relative: bool) -> int:
    """Raises: CommandError."""
    assert c.command is not None
    if integer(data) < 0:
        raise CommandError("ERR invalid expire time, must be >= 0")
    if seconds and integer(data) > INT64_MAX // 1000:
        raise invalid_expire(c.command.name)
    return deadline_ms(c, data, seconds, relative)


# Setting --------------------------------------------------------------------------------------------------------------


def _end_at(c: Call, key: bytes, name: str, when: int) -> int:
    """`name`, which is there, dies at `when`."""
    if when <= c.now_ms:
        c.tx.update(key, "hash_remove", name)
        return _DELETED
    c.tx.update(key, "hash_expire", name, when)
    return _DONE


def _expire(c: Call, seconds: bool, relative: bool) -> Reply:
    key = c.args[1]
    found = fields_of(c, key)
    when = _deadline(c, c.args[2], seconds, relative)
    conditions = frozenset([c.args[3].upper()]) & {b"NX", b"XX", b"GT", b"LT"}
    replies: list[int] = []
    for name in _names(c, 3 + len(conditions), _NO_NUMBER_OF_EXPIRE):
        if found is None or name not in found:
            replies.append(_ABSENT)
        elif not allowed(conditions, when, found.deadline(name)):
            replies.append(_UNCHANGED)
        else:
            replies.append(_end_at(c, key, name, when))
            found = fields_now(c, key)
    return replies


def _register(name: bytes, summary: str, seconds: bool, relative: bool) -> None:
    def run(c: Call) -> Reply:
        return _expire(c, seconds, relative)

    command(
        name,
        arity=-6,
        flags="write denyoom fast",
        keys=(1, 1, 1),
        group="hash",
        since="7.4.0",
        summary=summary,
        complexity="O(N) where N is the number of specified fields",
    )(run)


_register(b"HEXPIRE", "Set expiry for hash field using relative time to expire (seconds)", True, True)
_register(b"HPEXPIRE", "Set expiry for hash field using relative time to expire (milliseconds)", False, True)
_register(b"HEXPIREAT", "Set expiry for hash field using an absolute Unix timestamp (seconds)", True, False)
_register(b"HPEXPIREAT", "Set expiry for hash field using an absolute Unix timestamp (milliseconds)", False, False)


@command(
    b"HPERSIST",
    arity=-5,
    flags="write fast",
    keys=(1, 1, 1),
    group="hash",
    since="7.4.0",
    summary="Removes the expiration time for each specified field",
    complexity="O(N) where N is the number of specified fields",
)
def hpersist(c: Call) -> Reply:
    """For each field 1; -1 if it had no time to live (a concurrent HEXPIRE loses even so); -2 if it is not there."""
    key = c.args[1]
    found = fields_of(c, key)
    return [_persist(c, key, name, found) for name in _names(c, 2)]


def _persist(c: Call, key: bytes, name: str, found: Fields | None) -> int:
    if found is None or name not in found:
        return _ABSENT
    c.tx.update(key, "hash_persist", name)
    return -1 if found.deadline(name) is None else _DONE


# Reading --------------------------------------------------------------------------------------------------------------


def _read(c: Call, shown: Callable[[int], int]) -> Reply:
    found = fields_of(c, c.args[1])
    replies: list[int] = []
    for name in _names(c, 2):
        if found is None or name not in found:
            replies.append(_ABSENT)
        else:
            when = found.deadline(name)
            replies.append(-1 if when is None else shown(when))
    return replies


def _seconds(ms: int) -> int:
    """Never 0 for what is still there."""
    return (ms + 999) // 1000


def _register_read(name: bytes, summary: str, run: Callable[[Call], Reply]) -> None:
    command(
        name,
        arity=-5,
        flags="readonly fast",
        keys=(1, 1, 1),
        group="hash",
        since="7.4.0",
        summary=summary,
        complexity="O(N) where N is the number of specified fields",
    )(run)


_register_read(
    b"HTTL",
    "Returns the TTL in seconds of a hash field.",
    lambda c: _read(c, lambda when: _seconds(when - c.now_ms)),
)
_register_read(
    b"HPTTL",
    "Returns the TTL in milliseconds of a hash field.",
    lambda c: _read(c, lambda when: when - c.now_ms),
)
_register_read(
    b"HEXPIRETIME",
    "Returns the expiration time of a hash field as a Unix timestamp, in seconds.",
    lambda c: _read(c, _seconds),
)
_register_read(
    b"HPEXPIRETIME",
    "Returns the expiration time of a hash field as a Unix timestamp, in msec.",
    lambda c: _read(c, lambda when: when),
)


# Several at once ------------------------------------------------------------------------------------------------------


@command(
    b"HGETDEL",
    arity=-5,
    flags="write fast",
    keys=(1, 1, 1),
    group="hash",
    since="8.0.0",
    summary="Returns the value of a field and deletes it from the hash.",
    complexity="O(N) where N is the number of specified fields",
)
def hgetdel(c: Call) -> Reply:
    """The values that the fields had, null for those that were not there."""
    key = c.args[1]
    found = fields_of(c, key)
    replies: list[bytes | None] = []
    for name in _names(c, 2):
        value = None if found is None else found.read(name)
        replies.append(value)
        if value is not None:
            c.tx.update(key, "hash_remove", name)
            found = fields_now(c, key)
    return replies


@command(
    b"HGETEX",
    arity=-5,
    flags="write fast",
    keys=(1, 1, 1),
    group="hash",
    since="8.0.0",
    summary="Get the value of one or more fields of a given hash key, and optionally set their expiration.",
    complexity="O(N) where N is the number of specified fields",
)
def hgetex(c: Call) -> Reply:
    """The values of the fields, null for those that are not there."""
    key = c.args[1]
    found = fields_of(c, key)
    word = c.args[2].upper()
    at, when = 2, None
    if word in _UNITS:
        at, when = 4, _deadline(c, c.args[3], *_UNITS[word])
    elif word == b"PERSIST":
        at = 3
    replies: list[bytes | None] = []
    for name in _names(c, at):
        value = None if found is None else found.read(name)
        replies.append(value)
        if value is None:
            continue
        if when is not None:
            _end_at(c, key, name, when)
            found = fields_now(c, key)
        elif word == b"PERSIST":
            c.tx.update(key, "hash_persist", name)
    return replies


@command(
    b"HSETEX",
    arity=-6,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="hash",
    since="8.0.0",
    summary="Set the value of one or more fields of a given hash key, and optionally set their expiration.",
    complexity="O(N) where N is the number of fields being set.",
)
def hsetex(c: Call) -> Reply:
    """1 if all fields were set; 0 if none was: with FNX where there is one of them, with FXX where one is missing."""
    key = c.args[1]
    condition, lifetime, when, at = _options(c)
    found = fields_of(c, key)
    names = names_in(c.args[at::2])
    if condition is not None:
        there = [found is not None and name in found for name in names]
        if any(there) if condition == b"FNX" else not all(there):
            return 0
    for name, data in zip(names, c.args[at + 1 :: 2], strict=True):
        value = to_value(data)
        if lifetime == b"KEEPTTL":
            c.tx.update(key, "hash_set_keeping", name, value)
        elif when is None:
            c.tx.update(key, "hash_set", name, value)
        elif when > c.now_ms:
            c.tx.update(key, "hash_set_for", name, value, when)
        elif (now := fields_now(c, key)) is not None and name in now:
            c.tx.update(key, "hash_remove", name)
    return 1


def _options(c: Call) -> tuple[bytes | None, bytes | None, int | None, int]:
    """Of HSETEX: FNX or FXX; KEEPTTL or the unit; the deadline; where the fields begin. Raises: CommandError."""
    assert c.command is not None
    args = c.args
    condition: bytes | None = None
    lifetime: bytes | None = None
    when: int | None = None
    at = 2
    while at < len(args):
        word = args[at].upper()
        if word == b"FIELDS":
            if at >= len(args) - 3:
                raise wrong_arity(c.command.name)
            count = integer(args[at + 1], "ERR invalid number of fields", 1, 2**31 - 1)
            if 2 * count != len(args) - at - 2:
                raise wrong_arity(c.command.name)
            return condition, lifetime, when, at + 2
        if word in (b"FNX", b"FXX"):
            if condition is not None:
                raise CommandError("ERR Only one of FXX or FNX arguments can be specified")
            condition = word
        elif word in _UNITS or word == b"KEEPTTL":
            if lifetime is not None:
                raise CommandError("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified")
            lifetime = word
            if word in _UNITS:
                at += 1
                if at >= len(args):
                    raise CommandError("ERR missing expire time")
                when = _deadline(c, args[at], *_UNITS[word])
        else:
            raise CommandError(b"ERR unknown argument: " + args[at])
        at += 1
    # Redis has none for this, since its arity leaves too few arguments without FIELDS.
    raise CommandError("ERR missing FIELDS argument")
