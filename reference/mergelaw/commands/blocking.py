"""Clients that wait for a key to be filled: BLPOP, BZPOPMIN and their kin.

Who has waited longest for a key is served first. A key that a command, a whole transaction or the effect of a peer has
filled is given to those who wait for it once that is done; keys in the order in which they were filled. Serving one
client may fill the key that another waits for (BLMOVE): that one is served too. Each pop is an effect of its own.

The dispatcher calls `serve_pending` after each command. Where a key changes outside of commands, the event loop of a
client that waits for it does.

Source: redis 7.0, `src/blocked.c` (`handleClientsBlockedOnKeys`, `blockForKeys`); Redis docs, BLPOP, "What key is
served first?".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from mergelaw.commands.errors import CommandError
from mergelaw.commands.reply import Failure, Reply, Waiting
from mergelaw.commands.table import Call, ClientState
from mergelaw.semantics.engine import UpdateRefused

if TYPE_CHECKING:
    from mergelaw.replica.database import Database

Serve = Callable[[Call, bytes], Reply | None]
"""Takes what the command wants from a key that is visible and of the right type; None: there is nothing to take."""

_LONGEST_S = 10 * 365 * 86400.0
"""Event loops do not count further: a longer time limit is as none."""

_UNBLOCKED = Failure(b"UNBLOCKED client unblocked via CLIENT UNBLOCK")


def take_or_wait(c: Call, keys: Sequence[bytes], content: str, serve: Serve, timeout_ms: int, nothing: Reply) -> Reply:
    """What `serve` takes from the first of `keys` that has something; else the client waits for one that will.

    `content` is the type that the keys must have, as `Database.content` names it. `nothing` is the reply after
    `timeout_ms` (0: never), and inside MULTI. `serve` may run again later, in a call of its own. A CommandError that it
    raises is the client's reply. Raises: CommandError (WRONGTYPE), for the first key of another type.
    """
    if PENDING and not c.blocks:
        # They have waited longer.
        serve_pending()
    for key in keys:
        if c.typed(key, content) is not None:
            reply = serve(c, key)
            if reply is not None:
                return reply
    if c.blocks:
        return nothing
    waiter = _Waiter(c, keys, content, serve, timeout_ms, nothing)
    _waiters(c.db).add(waiter)
    return Waiting(waiter.wait, nothing)


# Who waits ------------------------------------------------------------------------------------------------------------


class _Waiter:
    """A client that waits."""

    __slots__ = ("_error", "_nothing", "_timeout_ms", "_woken", "call", "content", "keys", "loop", "reply", "serve")

    def __init__(
        self, c: Call, keys: Sequence[bytes], content: str, serve: Serve, timeout_ms: int, nothing: Reply
    ) -> None:
        self.call = c
        self.keys = tuple(dict.fromkeys(keys))
        self.content = content
        self.serve = serve
        self.loop: asyncio.AbstractEventLoop | None = None
        self.reply: Reply = None
        self._error: BaseException | None = None
        self._nothing = nothing
        self._timeout_ms = timeout_ms
        self._woken: asyncio.Future[None] | None = None

    async def wait(self) -> Reply:
        """The reply, once there is one."""
        waiters = _waiters(self.call.db)
        timer: asyncio.TimerHandle | None = None
        try:
            if self in waiters:
                loop = self.loop = asyncio.get_running_loop()
                self._woken = loop.create_future()
                seconds = self._timeout_ms / 1000
                if 0 < seconds < _LONGEST_S:
                    timer = loop.call_later(seconds, self.give_up)
                await self._woken
        finally:
            if timer is not None:
                timer.cancel()
            waiters.remove(self)
        if self._error is not None:
            raise self._error
        return self.reply

    def give_up(self) -> None:
        """It gets what the command answers where nothing came."""
        self.answer(self._nothing)

    def answer(self, reply: Reply, error: BaseException | None = None) -> None:
        """It waits no more, and gets `reply`, or fails by `error`. Without effect if it has been answered."""
        waiters = _waiters(self.call.db)
        if self not in waiters:
            return
        waiters.remove(self)
        self.reply, self._error = reply, error
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)


class _Waiters:
    """The clients that wait for keys of one database."""

    def __init__(self, db: Database) -> None:
        """Follows the changes of `db` by `db.on_change`, which it wraps."""
        self._of_key: dict[bytes, dict[_Waiter, None]] = {}
        """In the order in which they began to wait."""
        self._of_client: dict[int, _Waiter] = {}
        """By the client's id; a client waits once at most."""
        self._changed: dict[bytes, None] = {}
        """Keys that somebody waits for, in the order in which they have changed."""
        self._next = db.on_change
        db.on_change = self._changes

    def __contains__(self, waiter: _Waiter) -> bool:
        return self._of_client.get(waiter.call.client.id) is waiter

    def __len__(self) -> int:
        return len(self._of_client)

    def add(self, waiter: _Waiter) -> None:
        """From now on it waits."""
        self._of_client[waiter.call.client.id] = waiter
        for key in waiter.keys:
            self._of_key.setdefault(key, {})[waiter] = None

    def remove(self, waiter: _Waiter) -> None:
        """It waits no more, if it did."""
        if waiter not in self:
            return
        del self._of_client[waiter.call.client.id]
        for key in waiter.keys:
            held = self._of_key[key]
            del held[waiter]
            if not held:
                del self._of_key[key]

    def of_client(self, client_id: int) -> _Waiter | None:
        """That of the client with this id."""
        return self._of_client.get(client_id)

    def serve(self) -> None:
        """Gives what has come to those who wait for it, as long as there is something to give."""
        while self._changed:
            key = next(iter(self._changed))
            del self._changed[key]
            for waiter in tuple(self._of_key.get(key, ())):
                if waiter.call.server.writes_refused() is not None:
                    # Looked at again when the instance takes writes.
                    self._changed[key] = None
                    return
                if not self._offer(key, waiter):
                    break
        if self in PENDING:
            PENDING.remove(self)

    def _offer(self, key: bytes, waiter: _Waiter) -> bool:
        """Lets a waiter take from `key`; whether there is anything at the key."""
        old = waiter.call
        server = old.server
        c = Call(old.args, old.db, server.now_us() // 1000, old.client, server)
        c.command = old.command
        entry = c.db.visible(key, c.now_ms)
        if entry is None:
            return False
        if c.db.content(entry) != waiter.content:
            return True
        reply: Reply | None = None
        error: BaseException | None = None
        try:
            reply = waiter.serve(c, key)
        except CommandError as refused:
            reply = Failure(refused.message)
        except UpdateRefused as refused:
            reply = Failure(f"ERR {refused.update} is refused in this state of the key".encode())
        except Exception as fault:
            # It is the waiting client's, not of whom has filled the key.
            error = fault
        finally:
            c.finish()
        if reply is not None or error is not None:
            waiter.answer(reply, error)
        return True

    def _changes(self, key: bytes) -> None:
        if key in self._of_key:
            self._changed[key] = None
            if self not in PENDING:
                PENDING.append(self)
            loop = next((waiter.loop for waiter in self._of_key[key] if waiter.loop is not None), None)
            if loop is not None:
                loop.call_soon(self.serve)
        if self._next is not None:
            self._next(key)


PENDING: list[_Waiters] = []
"""Of each database where a key has changed that somebody waits for."""

_of_database: WeakKeyDictionary[Database, _Waiters] = WeakKeyDictionary()


def _waiters(db: Database) -> _Waiters:
    known = _of_database.get(db)
    if known is None:
        known = _of_database[db] = _Waiters(db)
    return known


# What others ask ------------------------------------------------------------------------------------------------------


def serve_pending() -> None:
    """Gives what has come to those who wait for it; not inside a transaction."""
    for waiters in tuple(PENDING):
        waiters.serve()


def waiting(db: Database) -> int:
    """How many clients wait for keys."""
    known = _of_database.get(db)
    return 0 if known is None else len(known)


def waits(db: Database, client: ClientState) -> bool:
    """Whether `client` waits for keys."""
    known = _of_database.get(db)
    return known is not None and known.of_client(client.id) is not None


def unblock(db: Database, client_id: int, error: bool) -> bool:
    """Ends the wait of a client as its time limit would, or with an error; False iff it does not wait for keys."""
    known = _of_database.get(db)
    waiter = None if known is None else known.of_client(client_id)
    if waiter is None:
        return False
    if error:
        waiter.answer(_UNBLOCKED)
    else:
        waiter.give_up()
    return True


def forget(db: Database, client: ClientState) -> None:
    """`client` is gone: it is given nothing any more."""
    known = _of_database.get(db)
    if known is not None:
        waiter = known.of_client(client.id)
        if waiter is not None:
            waiter.give_up()
