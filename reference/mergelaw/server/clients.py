"""All clients of an instance: who is let in, who has to wait, who is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from mergelaw.commands.blocking import forget
from mergelaw.commands.table import TABLE, ClientState
from mergelaw.server import log
from mergelaw.server.resp import Request

if TYPE_CHECKING:
    from mergelaw.server.connection import ClientConnection
    from mergelaw.server.instance import Instance

FULL = b"-ERR max number of clients reached\r\n"
DENIED = (
    b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for "
    b"the default user. In this mode connections are only accepted from the loopback interface. If you want to "
    b"connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable "
    b"protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by "
    b"connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly "
    b"accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively"
    b" you can just disable the protected mode by editing the Redis configuration file, and setting the "
    b"protected mode option to 'no', and then restarting the server. 3) If you started the server manually just"
    b" for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication password for"
    b" the default user. NOTE: You only need to do one of the above things in order for the server to start "
    b"accepting connections from the outside.\r\n"
)
"""Word for word as Redis 7.0 has it."""


class Clients:
    """The connections, by the ids of their clients, oldest first."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self.connections: dict[int, ClientConnection] = {}
        self.accepted = 0
        self.rejected = 0
        self._next = 0
        self.paused_until_ms = 0
        """CLIENT PAUSE: commands wait until then; 0: they do not."""
        self._writes_only = False

    def refuses(self, transport: asyncio.Transport) -> bytes | None:
        """What a new client is told that is not served; None iff it is."""
        settings = self._instance.settings
        self.accepted += 1
        if len(self.connections) >= settings.maxclients:
            self.rejected += 1
            return FULL
        if settings.protected_mode and not settings.requirepass and not _is_local(transport):
            self.rejected += 1
            log.warning("a client of another machine is refused: protected mode, no password", address=_peer(transport))
            return DENIED
        return None

    def admit(self, connection: ClientConnection, transport: asyncio.Transport) -> ClientState:
        """The state of a new client."""
        self._next += 1
        now_ms = self._instance.clock.now_ms()
        state = ClientState(
            self._next,
            address=_peer(transport).encode(),
            local_address=_address(transport.get_extra_info("sockname")).encode(),
            created_ms=now_ms,
            active_ms=now_ms,
            authenticated=not self._instance.password_required(),
        )
        self.connections[state.id] = connection
        log.verbose("a client has connected", client=state.id, address=state.address.decode())
        return state

    def gone(self, connection: ClientConnection) -> None:
        """A connection has ended."""
        self.connections.pop(connection.state.id, None)
        forget(self._instance.db, connection.state)
        log.verbose("a client has gone", client=connection.state.id)

    def states(self) -> Iterable[ClientState]:
        """Of all clients, oldest first."""
        for connection in self.connections.values():
            connection.state.query_bytes = connection.query_bytes
            yield connection.state

    # -- CLIENT PAUSE ------------------------------------------------------------------------------

    def pause(self, until_ms: int, writes_only: bool) -> None:
        """Commands, or those that write, wait until then; 0: no more."""
        self.paused_until_ms = until_ms
        self._writes_only = writes_only
        if not until_ms:
            self.go_on()

    def holds_back(self, args: Request) -> bool:
        """Whether the pause holds this command back."""
        if self._instance.clock.now_ms() >= self.paused_until_ms:
            return False
        name = args[0].upper()
        if name == b"CLIENT":
            # How else would the pause be ended.
            return False
        if not self._writes_only:
            return True
        found = TABLE.get(name)
        return found is not None and (found.writes or name == b"EXEC")

    def go_on(self) -> None:
        """A pause is over, perhaps."""
        for connection in list(self.connections.values()):
            connection.go_on()

    # -- now and then ------------------------------------------------------------------------------

    def look_after(self, now_ms: int) -> None:
        """Ends a pause whose time has come, closes who is idle or does not read."""
        if self.paused_until_ms and now_ms >= self.paused_until_ms:
            self.pause(0, False)
        timeout_ms = self._instance.settings.timeout * 1000
        limited = self._instance.output_limit
        for connection in list(self.connections.values()):
            if timeout_ms and connection.idle and now_ms - connection.state.active_ms > timeout_ms:
                log.verbose("a client is closed: it is idle", client=connection.state.id)
                connection.close()
            elif limited.soft_bytes or limited.hard_bytes:
                connection.check_output()


def _peer(transport: asyncio.Transport) -> str:
    return _address(transport.get_extra_info("peername"))


def _address(name: object) -> str:
    if not isinstance(name, tuple) or len(name) < 2:
        return "?:0"
    return f"[{name[0]}]:{name[1]}" if ":" in str(name[0]) else f"{name[0]}:{name[1]}"


def _is_local(transport: asyncio.Transport) -> bool:
    name = transport.get_extra_info("peername")
    if not isinstance(name, tuple):
        return False
    try:
        address = ip_address(str(name[0]).partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
