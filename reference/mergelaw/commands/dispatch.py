"""Runs a command: looks it up, checks what must hold before it runs, queues it in MULTI, commits and counts it.

Whatever a command has changed is committed, also where it then fails: its changes are visible in the database at once,
so peers must hear of them. What one command changes, or a whole MULTI/EXEC block, is never torn apart; the server may
put several commands into one effect.

Source: redis 7.0, `src/server.c` (`processCommand`, `call`), `src/multi.c`.
"""

from __future__ import annotations

from mergelaw.commands import blocking
from mergelaw.commands.errors import (
    NO_AUTH,
    OUT_OF_MEMORY,
    CommandError,
    unknown_command,
    unknown_subcommand,
    wrong_arity,
)
from mergelaw.commands.refused import refusal
from mergelaw.commands.reply import NO_REPLY, QUEUED, Failure, Reply, Waiting
from mergelaw.commands.table import TABLE, Call, ClientState, Command
from mergelaw.semantics.engine import UpdateRefused

_SECRET = b"(redacted)"
_SECRET_SETTINGS = (b"pass", b"auth", b"secret")
"""Settings with such a word in their name hold secrets."""
_AT_ONCE = frozenset({"exec", "discard", "multi", "watch", "quit", "reset"})
"""Not queued inside MULTI."""


def execute(c: Call) -> Reply:
    """The reply to a client's command; what it has changed goes to `c.server.end`.

    Never raises CommandError. What else comes out is a fault of ours or of the disk; also then all that has been
    changed has been published.
    """
    client, args, server = c.client, c.args, c.server
    server.statistics.processed += 1
    found = TABLE.get(args[0])
    if (
        found is not None
        and found.least <= len(args) <= found.most
        and not found.subcommands
        and client.queue is None
        and client.authenticated
        and client.replies == "on"
        and (
            server.unhindered
            or not (found.denies_oom and server.out_of_memory())
            and not (found.writes and server.writes_refused() is not None)
        )
    ):
        client.command = found.name
        reply = run(c, found)
        return reply if client.replies == "on" else _silenced(client, "on", reply)
    replying = client.replies
    reply = _execute(c)
    if replying == "on" and client.replies == "on":
        return reply
    return _silenced(client, replying, reply)


def run(c: Call, found: Command) -> Reply:
    """Runs a command that may run, commits, and counts it; an error reply is a Failure.

    For blocks too: a call with an `outer` leaves the commit to the outer one.
    """
    server = c.server
    statistics = server.statistics
    c.command = found
    assert found.run is not None
    started = c.started_s or server.timer()
    failed = False
    try:
        reply = found.run(c)
        if type(reply) is Failure:
            failed = True
            statistics.failed(reply.text)
    except CommandError as error:
        failed = True
        reply = Failure(error.message)
        statistics.failed(error.message)
    except UpdateRefused as error:
        failed = True
        reply = Failure(f"ERR {error.update} is refused in this state of the key".encode())
        statistics.failed(reply.text)
    finally:
        if c.outer is None:
            c.finish()
            if blocking.PENDING:
                blocking.serve_pending()
        ended = server.timer()
        if c.started_s:
            c.started_s = ended
        took = int((ended - started) * 1e6 + 0.5)
        counts = statistics.commands.get(found.name) or statistics.of(found.name)
        counts.calls += 1
        counts.usec += took
        if failed:
            counts.failed += 1
        counts.histogram[took.bit_length()] += 1
        slowlog = server.slowlog
        if 0 <= slowlog.slower_than_us <= took and "skip_slowlog" not in found.flags:
            client = c.client
            slowlog.note(_without_secrets(found, c.args), took, c.now_ms // 1000, client.address, client.name)
    return reply


def look_up(args: list[bytes]) -> Command:
    """The command or subcommand that `args` names. Raises: CommandError, with Redis's texts, if there is none."""
    found = TABLE.get(args[0]) or TABLE.get(args[0].upper())
    if found is None:
        raise refusal(args[0]) or unknown_command(args)
    if found.subcommands and len(args) > 1:
        sub = found.subcommands.get(args[1].upper())
        if sub is None:
            raise unknown_subcommand(found.name, args[1])
        return sub
    return found


def _execute(c: Call) -> Reply:
    args, client, server = c.args, c.client, c.server
    try:
        found = look_up(args)
    except CommandError as error:
        return _rejected(c, None, error.message)
    client.command = found.name
    if not found.accepts(len(args)) or found.run is None:
        return _rejected(c, found, wrong_arity(found.name).message)
    if not client.authenticated and not found.without_auth:
        return _rejected(c, found, NO_AUTH.encode())
    if client.queue is not None and found.outside_multi:
        return _rejected(c, found, b"ERR Command not allowed inside a transaction")
    writes, denies_oom = found.writes, found.denies_oom
    if client.queue is not None and found.name == "exec":
        writes = any(queued.writes for queued, _ in client.queue)
        denies_oom = any(queued.denies_oom for queued, _ in client.queue)
    if denies_oom and server.out_of_memory():
        return _rejected(c, found, OUT_OF_MEMORY.encode())
    if writes:
        refused = server.writes_refused()
        if refused is not None:
            return _rejected(c, found, refused)
    if client.queue is not None and found.name not in _AT_ONCE:
        client.queue.append((found, args))
        return QUEUED
    return run(c, found)


def _rejected(c: Call, found: Command | None, message: bytes) -> Failure:
    """A command that does not run spoils the transaction that it stands in."""
    client = c.client
    statistics = c.server.statistics
    if found is not None:
        statistics.of(found.name).rejected += 1
    if found is not None and found.name == "exec":
        leave_block(client)
        message = b"EXECABORT Transaction discarded because of: " + message.removeprefix(b"ERR ")
    elif client.queue is not None:
        client.spoiled = True
    statistics.failed(message)
    return Failure(message)


def _silenced(client: ClientState, before: str, reply: Reply) -> Reply:
    """CLIENT REPLY OFF, and SKIP for one command after it."""
    if client.replies == "on":
        return reply
    if client.replies == "skip-next" and before == "skip-next":
        client.replies = "on"
    if not isinstance(reply, Waiting):
        return NO_REPLY

    async def waited() -> Reply:
        await reply.start()
        return NO_REPLY

    return Waiting(waited, NO_REPLY)


def _without_secrets(found: Command, args: list[bytes]) -> list[bytes]:
    """The arguments as SLOWLOG may show them."""
    if found.name == "auth":
        return [args[0], *[_SECRET] * (len(args) - 1)]
    shown = list(args)
    if found.name == "hello":
        for at, word in enumerate(args):
            if at > 1 and word.upper() == b"AUTH":
                shown[at + 1 : at + 3] = [_SECRET] * len(shown[at + 1 : at + 3])
                break
    elif found.name == "config|set":
        for at in range(2, len(args) - 1, 2):
            if any(word in args[at].lower() for word in _SECRET_SETTINGS):
                shown[at + 1] = _SECRET
    return shown


def leave_block(client: ClientState) -> None:
    """Outside of MULTI, watching nothing."""
    client.queue = None
    client.spoiled = False
    client.watched.clear()


def execute_block(c: Call, queue: list[tuple[Command, list[bytes]]]) -> Reply:
    """Runs the commands of `queue` as one transaction, which the dispatcher commits with `c`: one effect.

    An array of the replies, errors among them: a command that fails does not undo the others.
    """
    replies: list[Reply] = []
    for found, args in queue:
        reply = run(Call(args, c.db, c.now_ms, c.client, c.server, c), found)
        replies.append(reply.at_once if isinstance(reply, Waiting) else reply)
    return replies


def changed_since_watch(c: Call) -> bool:
    """Whether a watched key has changed, also by an effect of a peer or by its expiry."""
    for key, (version, was_visible, was_hidden) in c.client.watched.items():
        visible = c.db.visible(key, c.now_ms) is not None
        if was_hidden and not visible:
            # It had expired when it was watched; that it is deleted now is no change.
            continue
        if c.db.version(key) != version or was_visible and not visible:
            return True
    return False


__all__ = ["changed_since_watch", "execute", "execute_block", "leave_block", "look_up", "run"]
