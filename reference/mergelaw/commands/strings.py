"""Strings as whole values: SET, GET and their kin. Parts of a string: `substrings.py`; counting: `counters.py`.

Every write is of the whole value: of concurrent ones the latest wins. A SET without a time to live is meant to stay: a
concurrent EXPIRE of the old value does not strike it.

Source: redis 7.0, `src/t_string.c`; redis 8.4 for MSETEX; spec/mergelaw/types/key.crdt, `set`, `set_for`,
`set_keeping`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mergelaw.commands.errors import CommandError, invalid_expire, syntax_error, wrong_arity, wrong_type
from mergelaw.commands.expire import deadline_ms
from mergelaw.commands.parse import Arguments, Value, from_value, integer, to_integer, to_value
from mergelaw.commands.reply import OK, Reply
from mergelaw.commands.state import KEY
from mergelaw.commands.table import Call, command
from mergelaw.semantics.context import EMPTY

LONGEST = 512 * 2**20
"""Bytes of a string at most; Source: redis.conf, `proto-max-bulk-len`."""


# Reading --------------------------------------------------------------------------------------------------------------


def value_of(c: Call, key: bytes) -> Value | None:
    """The string at `key`; None iff the key is absent.

    Raises: CommandError (WRONGTYPE), also for a HyperLogLog: it is a type of its own here, which only its own commands
    read.
    """
    entry = c.typed(key, "string")
    if entry is None:
        return None
    found = c.db.layout.string(entry.value, EMPTY)
    if found is None:
        raise wrong_type()
    value: Value = found[0]
    return value


def bytes_of(c: Call, key: bytes) -> bytes | None:
    """The string at `key` as bytes; None iff the key is absent. Raises: CommandError (WRONGTYPE)."""
    value = value_of(c, key)
    return None if value is None else from_value(value)


@command(b"GET", arity=2, flags="readonly fast", keys=(1, 1, 1), group="string", summary="Get the value of a key")
def get(c: Call) -> Reply:
    """The string, or null."""
    return bytes_of(c, c.args[1])


@command(
    b"MGET",
    arity=-2,
    flags="readonly fast",
    keys=(1, -1, 1),
    group="string",
    summary="Get the values of all the given keys",
    complexity="O(N) where N is the number of keys to retrieve.",
)
def mget(c: Call) -> Reply:
    """The strings; null for a key that is absent or of another type."""
    return [_bytes_or_none(c, key) for key in c.args[1:]]


def _bytes_or_none(c: Call, key: bytes) -> bytes | None:
    entry = c.visible(key)
    if entry is None or entry.store != KEY:
        return None
    found = c.db.layout.string(entry.value, EMPTY) if entry.content == "string" else None
    return None if found is None else from_value(found[0])


# Options --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Options:
    """What SET, GETEX and MSETEX are told beside the values."""

    time: tuple[bytes, bytes] | None = None
    """The unit and the number, as given."""
    keep: bool = False
    """KEEPTTL."""
    persist: bool = False
    if_absent: bool = False
    """NX."""
    if_present: bool = False
    """XX."""
    get: bool = False


_UNITS = {b"EX": (True, True), b"PX": (False, True), b"EXAT": (True, False), b"PXAT": (False, False)}
"""Whether in seconds, and whether from now on."""


def lifetime(c: Call, data: bytes, seconds: bool, relative: bool) -> int:
    """The deadline in ms that a value is given; it may have passed, if it is not relative.

    Raises: CommandError, if it is no integer, or not positive, or out of range.
    """
    assert c.command is not None
    if integer(data) <= 0:
        raise invalid_expire(c.command.name)
    return deadline_ms(c, data, seconds, relative)


def _options(c: Call, at: int, allowed: frozenset[bytes]) -> _Options:
    """The options from position `at` on. Raises: CommandError. The time is not looked at yet."""
    found = _Options()
    unit: bytes | None = None
    options = Arguments(c.args, at)
    while options:
        word = options.keyword()
        if word not in allowed:
            raise syntax_error()
        match word:
            case b"NX" if not found.if_present:
                found.if_absent = True
            case b"XX" if not found.if_absent:
                found.if_present = True
            case b"GET":
                found.get = True
            case b"KEEPTTL" if unit is None:
                found.keep = True
            case b"PERSIST" if unit is None:
                found.persist = True
            case b"EX" | b"PX" | b"EXAT" | b"PXAT" if not (found.keep or found.persist) and unit in (None, word):
                unit = word
                found.time = word, options.next()
            case _:
                raise syntax_error()
    return found


def _deadline(c: Call, options: _Options) -> int | None:
    """The deadline that the options name; None, if none. Raises: CommandError."""
    return None if options.time is None else lifetime(c, options.time[1], *_UNITS[options.time[0]])


_OF_SET = frozenset({b"NX", b"XX", b"GET", b"KEEPTTL", *_UNITS})
_OF_GETEX = frozenset({b"PERSIST", *_UNITS})
_OF_MSETEX = frozenset({b"NX", b"XX", b"KEEPTTL", *_UNITS})


# Writing --------------------------------------------------------------------------------------------------------------


def _write(c: Call, key: bytes, data: bytes, when: int | None, keep: bool) -> None:
    value = to_value(data)
    if when is not None:
        c.tx.update(key, "set_for", value, when)
    elif keep:
        c.tx.update(key, "set_keeping", value)
    else:
        c.tx.update(key, "set", value)


def _fits(c: Call, keys: Sequence[bytes], options: _Options) -> bool:
    """Whether NX or XX, if given, holds of all `keys`."""
    if options.if_absent:
        return all(c.visible(key) is None for key in keys)
    if options.if_present:
        return all(c.visible(key) is not None for key in keys)
    return True


@command(
    b"SET", arity=-3, flags="write denyoom", keys=(1, 1, 1), group="string", summary="Set the string value of a key"
)
def set_(c: Call) -> Reply:
    """OK, or null if NX or XX does not hold; with GET the old string, or null."""
    args = c.args
    if len(args) == 3:
        key, tx, value = args[1], c.tx, (to_value(args[2]),)
        if not tx.replaced(key, "set", value):
            tx.update(key, "set", *value)
            tx.remember(key, "set", value)
        return OK
    options = _options(c, 3, _OF_SET)
    when = _deadline(c, options)
    old = bytes_of(c, args[1]) if options.get else None
    if not _fits(c, args[1:2], options):
        return old
    _write(c, args[1], args[2], when, options.keep)
    return old if options.get else OK


@command(
    b"SETNX",
    arity=3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="string",
    summary="Set the value of a key, only if the key does not exist",
)
def setnx(c: Call) -> Reply:
    """1 if it was set. Only this instance is asked; of two that set at the same time the latest wins."""
    if c.visible(c.args[1]) is not None:
        return 0
    c.tx.update(c.args[1], "set", to_value(c.args[2]))
    return 1


@command(
    b"SETEX",
    arity=4,
    flags="write denyoom",
    keys=(1, 1, 1),
    group="string",
    since="2.0.0",
    summary="Set the value and expiration of a key",
)
def setex(c: Call) -> Reply:
    """OK."""
    c.tx.update(c.args[1], "set_for", to_value(c.args[3]), lifetime(c, c.args[2], seconds=True, relative=True))
    return OK


@command(
    b"PSETEX",
    arity=4,
    flags="write denyoom",
    keys=(1, 1, 1),
    group="string",
    since="2.6.0",
    summary="Set the value and expiration in milliseconds of a key",
)
def psetex(c: Call) -> Reply:
    """OK."""
    c.tx.update(c.args[1], "set_for", to_value(c.args[3]), lifetime(c, c.args[2], seconds=False, relative=True))
    return OK


@command(
    b"GETSET",
    arity=3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    group="string",
    summary="Set the string value of a key and return its old value",
)
def getset(c: Call) -> Reply:
    """The old string, or null."""
    old = bytes_of(c, c.args[1])
    c.tx.update(c.args[1], "set", to_value(c.args[2]))
    return old


@command(
    b"GETDEL",
    arity=2,
    flags="write fast",
    keys=(1, 1, 1),
    group="string",
    since="6.2.0",
    summary="Get the value of a key and delete the key",
)
def getdel(c: Call) -> Reply:
    """The string, or null. The delete takes away what it has seen; a concurrent write stays."""
    old = bytes_of(c, c.args[1])
    if old is not None:
        c.tx.delete(c.args[1])
    return old


@command(
    b"GETEX",
    arity=-2,
    flags="write fast",
    keys=(1, 1, 1),
    group="string",
    since="6.2.0",
    summary="Get the value of a key and optionally set its expiration",
)
def getex(c: Call) -> Reply:
    """The string, or null. PERSIST wins over a concurrent EXPIRE also where there was no time to live."""
    key = c.args[1]
    options = _options(c, 2, _OF_GETEX)
    value = bytes_of(c, key)
    if value is None:
        return None
    when = _deadline(c, options)
    if options.persist:
        c.tx.update(key, "persist")
    elif when is not None:
        if when <= c.now_ms:
            c.tx.delete(key)
        else:
            c.tx.update(key, "expire", when)
    return value


def _pairs(c: Call) -> list[tuple[bytes, bytes]]:
    """Raises: CommandError, for a key without value."""
    assert c.command is not None
    if len(c.args) % 2 == 0:
        raise wrong_arity(c.command.name)
    return list(zip(c.args[1::2], c.args[2::2], strict=True))


@command(
    b"MSET",
    arity=-3,
    flags="write denyoom",
    keys=(1, -1, 2),
    group="string",
    since="1.0.1",
    summary="Set multiple keys to multiple values",
    complexity="O(N) where N is the number of keys to set.",
)
def mset(c: Call) -> Reply:
    """OK. All keys are one effect."""
    for key, data in _pairs(c):
        c.tx.update(key, "set", to_value(data))
    return OK


@command(
    b"MSETNX",
    arity=-3,
    flags="write denyoom",
    keys=(1, -1, 2),
    group="string",
    since="1.0.1",
    summary="Set multiple keys to multiple values, only if none of the keys exist",
    complexity="O(N) where N is the number of keys to set.",
)
def msetnx(c: Call) -> Reply:
    """1 if all were set, 0 if none was. All keys are one effect."""
    pairs = _pairs(c)
    if any(c.visible(key) is not None for key, _ in pairs):
        return 0
    for key, data in pairs:
        c.tx.update(key, "set", to_value(data))
    return 1


_MOST_KEYS = 2**31 - 1


def _keys_of_msetex(args: Sequence[bytes]) -> list[int]:
    count = to_integer(args[1]) if len(args) > 1 else None
    if count is None or not 1 <= count <= _MOST_KEYS or 2 + 2 * count > len(args):
        raise CommandError("ERR Invalid arguments specified for command")
    return list(range(2, 2 + 2 * count, 2))


@command(
    b"MSETEX",
    arity=-4,
    flags="write denyoom",
    keys=_keys_of_msetex,
    group="string",
    since="8.4.0",
    summary="Atomically sets multiple string keys with a shared expiration in a single operation.",
    complexity="O(N) where N is the number of keys to set.",
)
def msetex(c: Call) -> Reply:
    """1 if all were set; 0 if none was, since NX or XX does not hold of all keys. All keys are one effect."""
    count = integer(c.args[1], "ERR invalid numkeys value", 1, _MOST_KEYS)
    after = 2 + 2 * count
    if after > len(c.args):
        raise CommandError("ERR wrong number of key-value pairs")
    options = _options(c, after, _OF_MSETEX)
    when = _deadline(c, options)
    pairs = list(zip(c.args[2:after:2], c.args[3:after:2], strict=True))
    if not _fits(c, [key for key, _ in pairs], options):
        return 0
    for key, data in pairs:
        _write(c, key, data, when, options.keep)
    return 1
