"""The generic commands that do not care for a key's type: DEL, EXISTS, TYPE, RENAME, COPY and their kin.

Source: redis 7.0, `src/db.c`; stores.md, rules 19 and 22.
"""

from __future__ import annotations

from mergelaw.commands.copying import place, taken
from mergelaw.commands.errors import (
    DATABASE_OUT_OF_RANGE,
    NO_SUCH_KEY,
    SAME_OBJECT,
    CommandError,
    syntax_error,
)
from mergelaw.commands.glob import matcher
from mergelaw.commands.parse import Arguments, integer
from mergelaw.commands.reply import OK, Reply, Status
from mergelaw.commands.table import Call, command


def settle(c: Call) -> None:
    """Merges what a full sync has left to merge, so that `db.keys` are all keys."""
    while c.db.settle(1000):
        pass


@command(
    b"DEL",
    arity=-2,
    flags="write",
    keys=(1, -1, 1),
    group="generic",
    summary="Delete a key",
    complexity="O(N) where N is the number of keys that will be removed, and the number of elements in them.",
)
def del_(c: Call) -> Reply:
    """How many there were. A delete takes away what it has seen; what is written at the same time stays."""
    return sum(c.tx.delete(key) for key in c.args[1:])


@command(
    b"UNLINK",
    arity=-2,
    flags="write fast",
    keys=(1, -1, 1),
    group="generic",
    since="4.0.0",
    summary="Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non blocking.",
    complexity="O(1) for each key removed regardless of its size.",
)
def unlink(c: Call) -> Reply:
    """As DEL."""
    return sum(c.tx.delete(key) for key in c.args[1:])


@command(
    b"EXISTS",
    arity=-2,
    flags="readonly fast",
    keys=(1, -1, 1),
    group="generic",
    summary="Determine if a key exists",
    complexity="O(N) where N is the number of keys to check.",
)
def exists(c: Call) -> Reply:
    """How many of the keys there are; one named twice counts twice."""
    return sum(c.visible(key) is not None for key in c.args[1:])


@command(
    b"TOUCH",
    arity=-2,
    flags="readonly fast",
    keys=(1, -1, 1),
    group="generic",
    since="3.2.1",
    summary="Alters the last access time of a key(s). Returns the number of existing keys specified.",
    complexity="O(N) where N is the number of keys that will be touched.",
)
def touch(c: Call) -> Reply:
    """How many of the keys there are; they count as used, also for a client with NO-TOUCH."""
    found = 0
    for key in c.args[1:]:
        entry = c.visible(key)
        if entry is not None:
            entry.used_ms = c.now_ms
            found += 1
    return found


@command(
    b"TYPE",
    arity=2,
    flags="readonly fast",
    keys=(1, 1, 1),
    group="generic",
    summary="Determine the type stored at key",
)
def type_(c: Call) -> Reply:
    """`string`, `hash`, `set`, ...; `none` of an absent key."""
    entry = c.visible(c.args[1])
    return Status(b"none" if entry is None else c.db.content(entry).encode("latin-1"))


@command(
    b"RANDOMKEY",
    arity=1,
    flags="readonly",
    group="generic",
    summary="Return a random key from the keyspace",
)
def random_key(c: Call) -> Reply:
    """Any visible key; null if there is none, or if nearly all are hidden."""
    for tries, key in enumerate(c.server.index.draw(c.server.randomness)):
        if c.visible(key) is not None:
            return key
        if tries >= 100:
            break
    settle(c)
    return next((key for key in c.db.keys if c.db.visible(key, c.now_ms) is not None), None)


@command(
    b"KEYS",
    arity=2,
    flags="readonly",
    group="generic",
    summary="Find all keys matching the given pattern",
    complexity="O(N) with N being the number of keys in the database, under the assumption that the key names in the "
    "database and the given pattern have limited length.",
)
def keys(c: Call) -> Reply:
    """All visible keys that match."""
    settle(c)
    matches = matcher(c.args[1])
    return [key for key in c.db.keys if matches(key) and c.db.visible(key, c.now_ms) is not None]


@command(
    b"RENAME",
    arity=3,
    flags="write",
    keys=(1, 2, 1),
    group="generic",
    summary="Rename a key",
)
def rename(c: Call) -> Reply:
    """The new key gets a fresh copy of what the old one shows, and the old one is deleted: one effect."""
    _rename(c, overwrite=True)
    return OK


@command(
    b"RENAMENX",
    arity=3,
    flags="write fast",
    keys=(1, 2, 1),
    group="generic",
    summary="Rename a key, only if the new key does not exist",
)
def rename_if_absent(c: Call) -> Reply:
    """As RENAME; 0, and nothing happens, if there is a new key already."""
    return int(_rename(c, overwrite=False))


def _rename(c: Call, overwrite: bool) -> bool:
    source, target = c.args[1], c.args[2]
    entry = c.visible(source)
    if entry is None:
        raise CommandError(NO_SUCH_KEY)
    if source == target:
        return overwrite
    if not overwrite and c.visible(target) is not None:
        return False
    copy = taken(c.db, entry, c.now_ms)
    c.tx.delete(source)
    place(c.tx, target, copy)
    return True


@command(
    b"COPY",
    arity=-3,
    flags="write denyoom",
    keys=(1, 2, 1),
    group="generic",
    since="6.2.0",
    summary="Copy a key",
    complexity="O(N) worst case for collections, where N is the number of nested items. O(1) for string values.",
)
def copy_(c: Call) -> Reply:
    """1 if the target got a fresh copy; 0 if there is no source, or a target that may not be replaced."""
    replace = False
    options = Arguments(c.args, 3)
    while options:
        match options.keyword():
            case b"REPLACE":
                replace = True
            case b"DB" if options:
                if integer(options.next()) != 0:
                    raise CommandError(DATABASE_OUT_OF_RANGE)
            case _:
                raise syntax_error()
    source, target = c.args[1], c.args[2]
    if source == target:
        raise CommandError(SAME_OBJECT)
    entry = c.visible(source)
    if entry is None or not replace and c.visible(target) is not None:
        return 0
    place(c.tx, target, taken(c.db, entry, c.now_ms))
    return 1


@command(
    b"MOVE",
    arity=3,
    flags="write fast",
    keys=(1, 1, 1),
    group="generic",
    summary="Move a key to another database",
)
def move(c: Call) -> Reply:
    """Always an error: there is one database."""
    if integer(c.args[2]) == 0:
        raise CommandError(SAME_OBJECT)
    raise CommandError(DATABASE_OUT_OF_RANGE)
