"""Saving and ending: SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, SHUTDOWN.

Source: redis 7.0, `src/rdb.c`, `src/db.c` (`shutdownCommand`).
"""

from __future__ import annotations

from mergelaw.commands.errors import CommandError, syntax_error
from mergelaw.commands.reply import NO_REPLY, OK, Reply, Status
from mergelaw.commands.table import Call, command

_ADMIN = "admin noscript loading stale"


_SAVING = "admin noscript no_async_loading"


@command(
    b"SAVE",
    arity=1,
    flags=_SAVING + " no_multi",
    group="server",
    summary="Synchronously save the dataset to disk",
    complexity="O(N) where N is the total number of keys in all databases",
)
def save(c: Call) -> Reply:
    """OK once a snapshot is on disk."""
    c.server.save(background=False)
    return OK


@command(b"BGSAVE", arity=-1, flags=_SAVING, group="server", summary="Asynchronously save the dataset to disk")
def save_in_background(c: Call) -> Reply:
    """A snapshot has been begun."""
    if len(c.args) > 2 or len(c.args) == 2 and c.args[1].upper() != b"SCHEDULE":
        raise syntax_error()
    c.server.save(background=True)
    return Status(b"Background saving started")


@command(
    b"BGREWRITEAOF",
    arity=1,
    flags=_SAVING,
    group="server",
    summary="Asynchronously rewrite the append-only file",
)
def compact_log(c: Call) -> Reply:
    """A snapshot has been begun, after which the log of effects is short again."""
    c.server.save(background=True)
    return Status(b"Background append only file rewriting started")


@command(
    b"LASTSAVE",
    arity=1,
    flags="loading stale fast",
    group="server",
    summary="Get the UNIX time stamp of the last successful save to disk",
)
def last_save(c: Call) -> Reply:
    """Seconds since 1970."""
    return c.server.last_save_s()


@command(
    b"SHUTDOWN",
    arity=-1,
    flags=_ADMIN + " no_multi allow_busy",
    group="server",
    summary="Synchronously save the dataset to disk and then shut down the server",
    complexity="O(N) when saving, where N is the total number of keys, otherwise O(1)",
)
def shutdown(c: Call) -> Reply:
    """No reply: the process ends. ABORT stops that, where it is not too late."""
    words = [word.upper() for word in c.args[1:]]
    if any(word not in (b"SAVE", b"NOSAVE", b"NOW", b"FORCE", b"ABORT") for word in words):
        raise syntax_error()
    if b"ABORT" in words and len(words) > 1 or b"SAVE" in words and b"NOSAVE" in words:
        raise syntax_error()
    if b"ABORT" in words:
        if not c.server.abort_shutdown():
            raise CommandError("ERR No shutdown in progress.")
        return OK
    save = True if b"SAVE" in words else False if b"NOSAVE" in words else None
    c.server.shutdown(save, now=b"NOW" in words, force=b"FORCE" in words)
    c.client.closing = True
    return NO_REPLY
