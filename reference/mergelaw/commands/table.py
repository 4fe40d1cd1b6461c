"""The table of commands: what each is called, how many arguments it takes, where its keys stand, and what runs it.

A module of commands registers them as it is imported:

    @command(b"GET", arity=2, flags="readonly fast", keys=(1, 1, 1), group="string", since="1.0.0",
             summary="Returns the string value of a key.", complexity="O(1)")
    def get(c: Call) -> Reply: ...

A subcommand is registered under its container's name: `b"CONFIG|GET"`, after `container(b"CONFIG", ...)`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mergelaw.commands.errors import CommandError, wrong_type
from mergelaw.commands.parse import to_integer
from mergelaw.commands.reply import Reply
from mergelaw.commands.statistics import SlowLog, Statistics

if TYPE_CHECKING:
    from mergelaw.commands.index import KeyIndex
    from mergelaw.replica.database import Database, Entry
    from mergelaw.replica.transaction import Transaction

KeyRange = tuple[int, int, int]
"""First position, last (negative: from the end), step; (0, 0, 0): no keys. Positions count from the command's name."""

KeyFinder = Callable[[Sequence[bytes]], list[int]]
"""The positions of the keys in the arguments, where a range cannot tell. Raises: CommandError."""

Runner = Callable[["Call"], Reply]


@dataclass(slots=True)
class Command:
    """A command or subcommand."""

    name: str
    """In small letters; that of a subcommand with its container: `config|get`."""
    run: Runner | None
    """None for a container, which only has subcommands."""
    arity: int
    """Arguments with the name (and the container's); negative: at least so many."""
    flags: frozenset[str]
    """As COMMAND INFO tells them: readonly, write, denyoom, fast, admin, noscript, loading, stale, no_auth, ..."""
    keys: KeyRange
    finder: KeyFinder | None
    group: str
    since: str
    summary: str
    complexity: str
    subcommands: dict[bytes, Command] = field(default_factory=dict)
    """By their own name in capital letters."""
    writes: bool = False
    denies_oom: bool = False
    without_auth: bool = False
    outside_multi: bool = False
    """It is refused inside MULTI."""
    least: int = 0
    """Arguments with the name, at least, where it can run; see `most`."""
    most: int = -1
    """At most; less than `least` for a container."""

    def positions(self, args: Sequence[bytes]) -> list[int]:
        """The positions of the keys in `args`. Raises: CommandError."""
        if self.finder is not None:
            return self.finder(args)
        first, last, step = self.keys
        if first == 0:
            return []
        return list(range(first, (len(args) + last if last < 0 else last) + 1, step))

    def accepts(self, count: int) -> bool:
        """Whether `count` arguments, the name among them, are as many as it takes."""
        return count == self.arity if self.arity >= 0 else count >= -self.arity


TABLE: dict[bytes, Command] = {}
"""All commands by name in capital letters."""


def command(
    name: bytes,
    *,
    arity: int,
    flags: str = "",
    keys: KeyRange | KeyFinder = (0, 0, 0),
    finder: KeyFinder | None = None,
    group: str,
    since: str = "1.0.0",
    summary: str,
    complexity: str = "O(1)",
) -> Callable[[Runner], Runner]:
    """Registers the function below as the command `name` (capital letters; `CONTAINER|SUBCOMMAND`).

    `keys` is a range, or a function that finds them; where both are given, the range is what COMMAND INFO tells.
    Flags that the dispatcher heeds: `write`, `denyoom`, `no_auth`, `no_multi` (refused in MULTI), `skip_slowlog`.
    Raises: ValueError, if the name is taken.
    """

    def register(run: Runner) -> Runner:
        register_command(name, run, arity, flags, keys, group, since, summary, complexity, finder)
        return run

    return register


def container(name: bytes, *, arity: int = -2, flags: str = "", group: str, since: str, summary: str) -> None:
    """Registers the command `name`, which only has subcommands. Raises: ValueError, if the name is taken."""
    register_command(name, None, arity, flags, (0, 0, 0), group, since, summary, "Depends on subcommand.")


def register_command(
    name: bytes,
    run: Runner | None,
    arity: int,
    flags: str,
    keys: KeyRange | KeyFinder,
    group: str,
    since: str,
    summary: str,
    complexity: str,
    finder: KeyFinder | None = None,
) -> Command:
    """What `command` and `container` do; also for commands made at run time. Raises: ValueError: the name is taken."""
    said = frozenset(flags.split())
    if callable(keys):
        finder = keys
        keys = (0, 0, 0)
    made = Command(
        name=name.decode("latin-1").lower(),
        run=run,
        arity=arity,
        flags=said if finder is None else said | {"movablekeys"},
        keys=keys,
        finder=finder,
        group=group,
        since=since,
        summary=summary,
        complexity=complexity,
        writes="write" in said,
        denies_oom="denyoom" in said,
        without_auth="no_auth" in said,
        outside_multi="no_multi" in said,
        least=abs(arity),
        most=-1 if run is None else arity if arity >= 0 else sys.maxsize,
    )
    of, _, sub = name.upper().partition(b"|")
    place, at = (TABLE[of].subcommands, sub) if sub else (TABLE, of)
    if at in place:
        raise ValueError(f"there is a command {made.name} already")
    place[at] = made
    return made


# Keys that a number announces -----------------------------------------------------------------------------------------


def numbered_keys(at: int, *, fixed: tuple[int, ...] = ()) -> KeyFinder:
    """Finds keys after their number, which stands at position `at`; those at `fixed` come first (ZUNIONSTORE)."""

    def find(args: Sequence[bytes]) -> list[int]:
        count = to_integer(args[at]) if at < len(args) else None
        if count is None or count < 1 or at + count >= len(args):
            raise CommandError("ERR Invalid arguments specified for command")
        return [*fixed, *range(at + 1, at + 1 + count)]

    return find


# A client -------------------------------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class ClientState:
    """What commands know and change of one connection. The server makes it and reads it; it holds no socket."""

    id: int
    address: bytes = b""
    """`host:port` of the client."""
    local_address: bytes = b""
    """`host:port` that it connected to."""
    created_ms: int = 0
    active_ms: int = 0
    """When its last command came."""
    protocol: int = 2
    """2 or 3, by HELLO."""
    name: bytes = b""
    library: bytes = b""
    library_version: bytes = b""
    user: bytes = b"default"
    authenticated: bool = True
    """The server makes it False where a password is required."""
    queue: list[tuple[Command, list[bytes]]] | None = None
    """Commands after MULTI; None outside of it."""
    spoiled: bool = False
    """A command in MULTI was refused: EXEC will be."""
    watched: dict[bytes, tuple[int, bool, bool]] = field(default_factory=dict)
    """Key -> its version when WATCH ran, and whether it was visible, and whether it was hidden by its expiry, then."""
    replies: str = "on"
    """on, off, skip-next, skip: the dispatcher answers NO_REPLY where it is silent."""
    no_evict: bool = False
    no_touch: bool = False
    closing: bool = False
    """The server closes the connection after the reply."""
    monitor: bool = False
    command: str = ""
    """Name of the last command, as CLIENT LIST shows it."""
    descriptor: int = -1
    """Of the socket, for CLIENT LIST."""
    query_bytes: int = 0
    output_bytes: int = 0


# The server -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer, as CRDT.PEERS and INFO crdt show it."""

    id: int
    host: str
    port: int
    state: str
    """`connected`, `connecting`, `syncing`, `paused`, `refused`, ... as the mesh names it."""
    lag_ops: int = 0
    """Own updates that it has not confirmed."""
    lag_ms: int = 0
    """Age of the oldest of them."""
    last_error: str = ""
    config_version: int = 0


class ServerApi(Protocol):
    """What commands ask of the instance around them. A command runs between two events: nothing here blocks."""

    statistics: Statistics
    slowlog: SlowLog
    index: KeyIndex

    unhindered: bool
    """Nothing stands in the way of any command: `out_of_memory` and `writes_refused` need not be asked."""
    timer: Callable[[], float]
    """Seconds of a clock that never steps, to measure by."""

    # Time
    def monotonic_us(self) -> int:
        """Microseconds of a clock that never steps."""
        ...

    def now_us(self) -> int:
        """Wall clock in microseconds since 1970."""
        ...

    # Effects and limits
    def begin(self, now_ms: int) -> Transaction:
        """The transaction for what a command updates; maybe that of the commands before it, too."""
        ...

    def end(self, tx: Transaction) -> None:
        """A command is over that has begun with `tx`: its effect is to be logged and sent, by the time its reply is."""
        ...

    def out_of_memory(self) -> bool:
        """Whether commands that may need memory are refused."""
        ...

    def writes_refused(self) -> bytes | None:
        """The error reply for writes while the instance may not take them (it is being added); None iff it may."""
        ...

    def randomness(self, below: int) -> int:
        """A number of 0..below-1, for RANDOMKEY, SPOP, SRANDMEMBER and their kin."""
        ...

    def secret(self, count: int) -> bytes:
        """So many random bytes that nobody can guess."""
        ...

    # Configuration
    def config_items(self) -> Mapping[str, str]:
        """All settings, as CONFIG GET shows them."""
        ...

    def config_set(self, changes: Mapping[str, str]) -> None:
        """All of `changes` or none. Raises: CommandError with Redis's text; KeyError(name) for an unknown setting."""
        ...

    def config_rewrite(self) -> None:
        """Write the settings to the configuration file. Raises: CommandError, if there is none."""
        ...

    # Clients
    def clients(self) -> Iterable[ClientState]:
        """All connected clients, oldest first."""
        ...

    def kill(self, client: ClientState) -> None:
        """Close its connection; where it is the caller's own, after the reply."""
        ...

    def pause_clients(self, until_ms: int, writes_only: bool) -> None:
        """Serve no (write) commands until then; 0 serves them again."""
        ...

    def check_password(self, user: bytes, password: bytes) -> bool:
        """Whether they open the server; in constant time."""
        ...

    def password_required(self) -> bool:
        """Whether clients must authenticate."""
        ...

    # Facts for INFO, MEMORY, ROLE
    def info(self, section: str) -> Mapping[str, str | int | float]:
        """What the instance knows for `section` of INFO (small letters): fields in order; {} where it knows nothing.

        `crdt` has fields that the commands do not know (config version, syncs, collection, replica uid).
        """
        ...

    def memory_used(self) -> int:
        """Bytes, as maxmemory counts them."""
        ...

    def key_memory(self, key: bytes) -> int | None:
        """An estimate of the bytes that `key` takes, with its metadata; None: the commands estimate it."""
        ...

    # Persistence, shutdown
    def save(self, background: bool) -> None:
        """Write a snapshot. Raises: CommandError."""
        ...

    def last_save_s(self) -> int:
        """When the last snapshot was complete, in seconds since 1970."""
        ...

    async def wait_durable(self, timeout_ms: int) -> bool:
        """Whether all that was published so far is on disk; False at the time limit (0: none)."""
        ...

    def shutdown(self, save: bool | None, now: bool, force: bool) -> None:
        """End the process after this command. Raises: CommandError."""
        ...

    def abort_shutdown(self) -> bool:
        """Stop a shutdown under way; False iff there is none."""
        ...

    # Replication
    def peers(self) -> Sequence[Peer]:
        """The other members, by id."""
        ...

    def add_peer(self, peer_id: int, host: str, port: int) -> None:
        """A new member. Raises: CommandError."""
        ...

    def remove_peer(self, peer_id: int) -> None:
        """Remove a member for ever. Raises: CommandError."""
        ...

    def pause_sync(self) -> None:
        """Neither send to peers nor receive from them."""
        ...

    def resume_sync(self) -> None:
        """Send and receive again."""
        ...

    async def wait_synced(self, timeout_ms: int) -> bool:
        """Whether every peer and we have received the same updates; False at the time limit (0: none)."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait, while other clients are served."""
        ...


# A call ---------------------------------------------------------------------------------------------------------------


class Call:
    """One command that a client has sent, with all that it may touch."""

    __slots__ = ("_tx", "args", "client", "command", "db", "now_ms", "outer", "server", "started_s")

    def __init__(
        self,
        args: list[bytes],
        db: Database,
        now_ms: int,
        client: ClientState,
        server: ServerApi,
        outer: Call | None = None,
    ) -> None:
        """`args[0]` is the name; a call inside a block (MULTI, a script) names the block's call as `outer`."""
        self.args = args
        self.db = db
        self.now_ms = now_ms
        self.client = client
        self.server = server
        self.outer = outer
        self.command: Command | None = None
        self.started_s = 0.0
        """When it began, by `ServerApi.timer`; 0: the dispatcher looks. After it, when it ended."""
        self._tx: Transaction | None = None

    @property
    def tx(self) -> Transaction:
        """The transaction of the command, or of the block that it is in; the server commits it."""
        if self._tx is None:
            if self.outer is not None:
                return self.outer.tx
            self._tx = self.server.begin(self.now_ms)
        return self._tx

    def finish(self) -> None:
        """The command is over: the server commits what it has done, at once or with others. For the dispatcher."""
        tx = self._tx
        if tx is not None:
            self._tx = None
            self.server.end(tx)

    @property
    def blocks(self) -> bool:
        """Whether it is inside MULTI or a script, so that nothing may wait."""
        return self.outer is not None

    def visible(self, key: bytes) -> Entry | None:
        """The entry under `key`, if there is one and its time has not come; it counts as used, and as a hit or miss."""
        entry = self.db.visible(key, self.now_ms)
        found = self.command
        if entry is None:
            if found is not None and not found.writes:
                self.server.statistics.keyspace_misses += 1
            return None
        if found is not None and not found.writes:
            self.server.statistics.keyspace_hits += 1
        if not self.client.no_touch:
            entry.used_ms = self.now_ms
        return entry

    def typed(self, key: bytes, content: str) -> Entry | None:
        """As `visible`, of the type `content` (as `Database.content` names them). Raises: CommandError (WRONGTYPE)."""
        entry = self.visible(key)
        if entry is not None and entry.content != content:
            raise wrong_type()
        return entry
