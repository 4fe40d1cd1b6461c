"""MULTI, EXEC, DISCARD, WATCH, UNWATCH: a block of commands as one effect.

Source: redis 7.0, `src/multi.c`; stores.md, rule 21 for what a block is to the peers.
"""

from __future__ import annotations

from mergelaw.commands.dispatch import changed_since_watch, execute_block, leave_block
from mergelaw.commands.errors import EXEC_ABORTED, CommandError
from mergelaw.commands.reply import NIL_ARRAY, OK, Reply
from mergelaw.commands.table import Call, command

_FLAGS = "noscript loading stale fast allow_busy"


@command(
    b"MULTI",
    arity=1,
    flags=_FLAGS,
    group="transactions",
    since="1.2.0",
    summary="Mark the start of a transaction block",
)
def multi(c: Call) -> Reply:
    """From here on commands are queued."""
    if c.client.queue is not None:
        raise CommandError("ERR MULTI calls can not be nested")
    c.client.queue = []
    return OK


@command(
    b"EXEC",
    arity=1,
    flags="noscript loading stale skip_slowlog",
    group="transactions",
    since="1.2.0",
    summary="Execute all commands issued after MULTI",
    complexity="Depends on commands in the transaction",
)
def exec_(c: Call) -> Reply:
    """Runs what was queued, unless a watched key has changed: then the absent array."""
    client = c.client
    if client.queue is None:
        raise CommandError("ERR EXEC without MULTI")
    queue, spoiled = client.queue, client.spoiled
    changed = changed_since_watch(c)
    leave_block(client)
    if spoiled:
        raise CommandError(EXEC_ABORTED)
    if changed:
        return NIL_ARRAY
    return execute_block(c, queue)


@command(
    b"DISCARD",
    arity=1,
    flags=_FLAGS,
    group="transactions",
    since="2.0.0",
    summary="Discard all commands issued after MULTI",
    complexity="O(N), when N is the number of queued commands",
)
def discard(c: Call) -> Reply:
    """Forgets what was queued and watched."""
    if c.client.queue is None:
        raise CommandError("ERR DISCARD without MULTI")
    leave_block(c.client)
    return OK


@command(
    b"WATCH",
    arity=-2,
    flags=_FLAGS,
    keys=(1, -1, 1),
    group="transactions",
    since="2.2.0",
    summary="Watch the given keys to determine execution of the MULTI/EXEC block",
    complexity="O(1) for every key.",
)
def watch(c: Call) -> Reply:
    """EXEC will do nothing if one of the keys changes until then, by anybody: clients, peers, time."""
    if c.client.queue is not None:
        raise CommandError("ERR WATCH inside MULTI is not allowed")
    for key in c.args[1:]:
        if key not in c.client.watched:
            version = c.db.version(key)
            visible = c.db.visible(key, c.now_ms) is not None
            entry = c.db.entry(key)
            hidden = not visible and entry is not None and entry.content != "none"
            c.client.watched[key] = (version, visible, hidden)
    return OK


@command(
    b"UNWATCH",
    arity=1,
    flags=_FLAGS,
    group="transactions",
    since="2.2.0",
    summary="Forget about all watched keys",
)
def unwatch(c: Call) -> Reply:
    """Watches nothing any more."""
    c.client.watched.clear()
    return OK
