"""Commands of the active-active database itself: CRDT.SYNC, CRDT.PEERS, CRDT.EXPLAIN, CRDT.DEBUG.

CRDT.DEBUG ENCODING is Redis Software's, in place of OBJECT ENCODING; the others are ours.
"""

from __future__ import annotations

from mergelaw.commands.errors import NO_SUCH_KEY, CommandError, syntax_error, wrong_arity
from mergelaw.commands.explain import explained
from mergelaw.commands.help import register_help
from mergelaw.commands.parse import integer, timeout_in_ms, to_text
from mergelaw.commands.reply import OK, Reply, Waiting
from mergelaw.commands.state import KEY, parts, visible_store
from mergelaw.commands.table import Call, command, container

GREATEST_ID = 4095
"""Instances are numbered from 1."""

_ADMIN = "admin noscript loading stale"
_SINCE = "0.1.0"

container(b"CRDT.SYNC", group="crdt", since=_SINCE, summary="Controls the replication with all peers")
register_help(
    b"CRDT.SYNC",
    "crdt",
    _SINCE,
    [
        "PAUSE",
        "    Neither send to peers nor receive from them.",
        "RESUME",
        "    Send and receive again.",
        "WAIT <milliseconds>",
        "    Wait until every peer and this instance have received the same updates:",
        "    1, or 0 at the time limit (0: none).",
    ],
)


@command(
    b"CRDT.SYNC|PAUSE",
    arity=2,
    flags=_ADMIN,
    group="crdt",
    since=_SINCE,
    summary="Neither send to peers nor receive from them",
)
def pause(c: Call) -> Reply:
    """Clients are served as before; what they write waits for RESUME."""
    c.server.pause_sync()
    return OK


@command(
    b"CRDT.SYNC|RESUME",
    arity=2,
    flags=_ADMIN,
    group="crdt",
    since=_SINCE,
    summary="Send to peers and receive from them again",
)
def resume(c: Call) -> Reply:
    """Ends PAUSE."""
    c.server.resume_sync()
    return OK


@command(
    b"CRDT.SYNC|WAIT",
    arity=3,
    flags="noscript",
    group="crdt",
    since=_SINCE,
    summary="Wait until every peer and this instance have received the same updates",
)
def wait(c: Call) -> Reply:
    """1 once they have, 0 at the time limit in ms (0: none). Inside MULTI nothing waits: 0."""
    timeout = timeout_in_ms(c.args[2])

    async def waited() -> Reply:
        return int(await c.server.wait_synced(timeout))

    return Waiting(waited, 0)


@command(
    b"CRDT.PEERS",
    arity=-1,
    flags=_ADMIN,
    group="crdt",
    since=_SINCE,
    summary="Lists, adds and removes the other instances",
    complexity="O(N) with N being the number of peers",
)
def peers(c: Call) -> Reply:
    """Of each peer its id, address, state and lag; or OK after ADD id host:port, REMOVE id."""
    if len(c.args) == 1:
        return [
            {
                b"id": peer.id,
                b"address": f"{peer.host}:{peer.port}".encode("utf-8", "surrogateescape"),
                b"state": peer.state.encode(),
                b"lag_ops": peer.lag_ops,
                b"lag_ms": peer.lag_ms,
                b"config_version": peer.config_version,
                b"last_error": peer.last_error.encode("utf-8", "replace"),
            }
            for peer in c.server.peers()
        ]
    word = c.args[1].upper()
    if word not in (b"ADD", b"REMOVE"):
        raise syntax_error()
    if len(c.args) != (4 if word == b"ADD" else 3):
        raise wrong_arity("crdt.peers")
    peer_id = integer(c.args[2], f"ERR a peer's id is a number of 1..{GREATEST_ID}", 1, GREATEST_ID)
    if word == b"REMOVE":
        c.server.remove_peer(peer_id)
        return OK
    host, colon, port = c.args[3].decode("utf-8", "replace").rpartition(":")
    if not colon or not host:
        raise CommandError("ERR a peer's address is host:port")
    number = integer(port.encode("utf-8"), "ERR a peer's port is a number of 1..65535", 1, 65535)
    c.server.add_peer(peer_id, host.removeprefix("[").removesuffix("]"), number)
    return OK


@command(
    b"CRDT.EXPLAIN",
    arity=-2,
    flags="readonly",
    keys=(1, 1, 1),
    group="crdt",
    since=_SINCE,
    summary="Tells why a key reads as it does: the writes beside each other, which one is shown, and by which rule",
    complexity="O(N) with N being the number of fields or members of the key",
)
def explain(c: Call) -> Reply:
    """A map; null of a key that holds nothing. A field or member may be named to tell of it alone."""
    if len(c.args) > 3:
        raise wrong_arity("crdt.explain")
    entry = c.db.entry(c.args[1])
    if entry is None:
        return None
    inside = to_text(c.args[2]) if len(c.args) == 3 else None
    return explained(c.db, c.args[1], entry, c.now_ms, inside)


container(b"CRDT.DEBUG", group="crdt", since=_SINCE, summary="A container for commands that look inside")
register_help(
    b"CRDT.DEBUG",
    "crdt",
    _SINCE,
    ["ENCODING <key>", "    Return the name of the replicated type that holds the value of the key."],
)


@command(
    b"CRDT.DEBUG|ENCODING",
    arity=3,
    flags="readonly",
    keys=(2, 2, 1),
    group="crdt",
    since=_SINCE,
    summary="Return the name of the replicated type that holds the value of a key",
)
def encoding(c: Call) -> Reply:
    """The name of the spec: `Scalar`, `ORSet[Text]`, ..."""
    entry = c.db.visible(c.args[2], c.now_ms)
    if entry is None:
        raise CommandError(NO_SUCH_KEY)
    store = visible_store(c.db, entry)
    if entry.store != KEY:
        return str(c.db.engines[entry.store].type).encode()
    return str(parts(c.db.engines[KEY])[store].engine.type).encode()
