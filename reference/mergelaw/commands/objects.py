"""OBJECT, DUMP and RESTORE.

DUMP's format is Mergelaw's own, not that of Redis's RDB files: MessagePack of what the key shows, a version, a
checksum. It holds no dots and no hidden values, so RESTORE makes a fresh copy. OBJECT ENCODING is refused, as
Active-Active databases do; CRDT.DEBUG ENCODING tells by which store a key is held.

Source: redis 7.0, `src/object.c` (`objectCommand`), `src/cluster.c` (`restoreCommand`); Redis docs, compatibility of
generic commands.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from immutables import Map

from mergelaw.commands.copying import Copy, place, taken
from mergelaw.commands.errors import BUSY_KEY, CommandError, invalid_expire, syntax_error
from mergelaw.commands.expire import LATEST_MS
from mergelaw.commands.help import register_help
from mergelaw.commands.parse import Arguments, Value, from_text, from_value, integer, to_text, to_value
from mergelaw.commands.reply import OK, Reply
from mergelaw.commands.table import Call, command, container

# OBJECT ---------------------------------------------------------------------------------------------------------------

container(b"OBJECT", group="generic", since="2.2.3", summary="A container for object introspection commands")
register_help(
    b"OBJECT",
    "generic",
    "6.2.0",
    [
        "ENCODING <key>",
        "    Refused: CRDT.DEBUG ENCODING tells the store that holds the value.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
    ],
)


@command(
    b"OBJECT|ENCODING",
    arity=3,
    flags="readonly",
    keys=(2, 2, 1),
    group="generic",
    since="2.2.3",
    summary="Inspect the internal encoding of a Redis object",
)
def encoding(c: Call) -> Reply:
    """Always an error."""
    raise CommandError("ERR OBJECT ENCODING is not supported in an active-active database, use CRDT.DEBUG ENCODING")


@command(
    b"OBJECT|IDLETIME",
    arity=3,
    flags="readonly",
    keys=(2, 2, 1),
    group="generic",
    since="2.2.3",
    summary="Get the time since a Redis object was last accessed",
)
def idle_time(c: Call) -> Reply:
    """Seconds since the key was last used by a client of this instance, or since the process has started."""
    entry = c.db.visible(c.args[2], c.now_ms)
    if entry is None:
        return None
    used = entry.used_ms or int(c.server.info("server").get("start_time_ms", c.now_ms))
    return max(0, c.now_ms - used) // 1000


@command(
    b"OBJECT|FREQ",
    arity=3,
    flags="readonly",
    keys=(2, 2, 1),
    group="generic",
    since="4.0.0",
    summary="Get the logarithmic access frequency counter of a Redis object",
)
def frequency(c: Call) -> Reply:
    """An error, as in Redis without an LFU policy: only the time of the last use is kept."""
    if c.db.visible(c.args[2], c.now_ms) is None:
        return None
    raise CommandError(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching "
        "between policies at runtime LRU and LFU data will take some time to adjust."
    )


@command(
    b"OBJECT|REFCOUNT",
    arity=3,
    flags="readonly",
    keys=(2, 2, 1),
    group="generic",
    since="2.2.3",
    summary="Get the number of references to the value of the key",
)
def reference_count(c: Call) -> Reply:
    """1: values are not shared."""
    return None if c.db.visible(c.args[2], c.now_ms) is None else 1


# DUMP and RESTORE -----------------------------------------------------------------------------------------------------

_VERSION = b"ML\x01"
_CHECKSUM_BYTES = 8

_Pairs = list[tuple[bytes, bytes]]
_Fields = list[tuple[bytes, bytes, int | None]]
_REGISTERS = 16384
_GREATEST_RANK = 64


def _checksum(data: bytes) -> bytes:
    """Against damage, not against forgery: RESTORE checks the contents too."""
    return hashlib.blake2b(data, digest_size=_CHECKSUM_BYTES).digest()


def packed(copy: Copy) -> bytes:
    """The payload of DUMP; the expiry is not in it."""
    content: Any
    match copy.store:
        case "string":
            content = from_value(copy.value)
        case "hash":
            content = [(from_text(f), from_value(v), until) for f, (v, until) in copy.value.items()]
        case "members" | "list":
            content = [from_text(t) for t in copy.value]
        case "scores":
            content = [(from_text(m), from_value(v)) for m, v in copy.value.items()]
        case "sketch":
            content = sorted(copy.value.items())
        case other:
            raise AssertionError(f"`taken` makes no copy of {other}")
    data = msgspec.msgpack.encode((copy.store, content)) + _VERSION
    return data + _checksum(data)


def unpacked(payload: bytes, deadline_ms: int | None) -> Copy:
    """What `packed` has packed. Raises: CommandError."""
    data, checksum = payload[:-_CHECKSUM_BYTES], payload[-_CHECKSUM_BYTES:]
    if not data.endswith(_VERSION) or checksum != _checksum(data):
        raise CommandError("ERR DUMP payload version or checksum are wrong")
    try:
        store, content = msgspec.msgpack.decode(data[: -len(_VERSION)], type=tuple[str, msgspec.Raw])
        value = _read(store, content)
        if not value and store != "sketch":
            raise ValueError("there is no empty collection")
        return Copy(store, value, deadline_ms)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CommandError("ERR Bad data format") from error


def _read(store: str, content: msgspec.Raw) -> Any:
    """Raises: msgspec.MsgspecError, ValueError."""
    match store:
        case "string":
            return to_value(msgspec.msgpack.decode(content, type=bytes))
        case "hash":
            fields = msgspec.msgpack.decode(content, type=_Fields)
            return {to_text(f): (to_value(v), _deadline(until)) for f, v, until in fields}
        case "members":
            return sorted({to_text(m) for m in msgspec.msgpack.decode(content, type=list[bytes])})
        case "list":
            return [to_text(item) for item in msgspec.msgpack.decode(content, type=list[bytes])]
        case "scores":
            return {to_text(m): _score(v) for m, v in msgspec.msgpack.decode(content, type=_Pairs)}
        case "sketch":
            ranks = msgspec.msgpack.decode(content, type=list[tuple[int, int]])
            if any(not 0 <= i < _REGISTERS or not 1 <= rank <= _GREATEST_RANK for i, rank in ranks):
                raise ValueError("a register is out of range")
            return Map(ranks)
        case _:
            raise ValueError(f"there is no store {store!r}")


def _deadline(until: int | None) -> int | None:
    if until is not None and not 0 <= until <= LATEST_MS:
        raise ValueError("a deadline is out of range")
    return until


def _score(written: bytes) -> Value:
    score = to_value(written)
    if isinstance(score[1], str) and score[1] not in ("inf", "-inf"):
        raise ValueError("a score is no number")
    return score


@command(
    b"DUMP",
    arity=2,
    flags="readonly",
    keys=(1, 1, 1),
    group="generic",
    since="2.6.0",
    summary="Return a serialized version of the value stored at the specified key.",
    complexity="O(1) to access the key and additional O(N*M) to serialize it, where N is the number of objects "
    "composing the value and M their average size.",
)
def dump(c: Call) -> Reply:
    """What RESTORE takes; null of an absent key."""
    entry = c.visible(c.args[1])
    return None if entry is None else packed(taken(c.db, entry, c.now_ms))


@command(
    b"RESTORE",
    arity=-4,
    flags="write denyoom",
    keys=(1, 1, 1),
    group="generic",
    since="2.6.0",
    summary="Create a key using the provided serialized value, previously obtained using DUMP.",
    complexity="O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the "
    "number of objects composing the value and M their average size.",
)
def restore(c: Call) -> Reply:
    """The key is what was dumped, with a time to live in ms (0: for ever; ABSTTL: the time of its end)."""
    key = c.args[1]
    replace = absolute = False
    idle_s: int | None = None
    options = Arguments(c.args, 4)
    while options:
        match options.keyword():
            case b"REPLACE":
                replace = True
            case b"ABSTTL":
                absolute = True
            case b"IDLETIME" if options and idle_s is None:
                idle_s = options.integer()
                if idle_s < 0:
                    raise CommandError("ERR Invalid IDLETIME value, must be >= 0")
            case b"FREQ" if options and idle_s is None:
                if not 0 <= options.integer() <= 255:
                    raise CommandError("ERR Invalid FREQ value, must be >= 0 and <= 255")
            case _:
                raise syntax_error()
    if not replace and c.visible(key) is not None:
        raise CommandError(BUSY_KEY)
    ttl = integer(c.args[2])
    if ttl < 0:
        raise CommandError("ERR Invalid TTL value, must be >= 0")
    until = None if ttl == 0 else ttl if absolute else ttl + c.now_ms
    if until is not None and until > LATEST_MS:
        raise invalid_expire("restore")
    copy = unpacked(c.args[3], until)
    if until is not None and until <= c.now_ms:
        c.tx.delete(key)
        return OK
    place(c.tx, key, copy)
    entry = c.db.entry(key)
    if idle_s and entry is not None:
        entry.used_ms = max(1, c.now_ms - idle_s * 1000)
    return OK
