"""Commands about the server: DBSIZE, FLUSHALL, TIME, CONFIG, ROLE, WAIT, MODULE.

Source: redis 7.0, `src/server.c`, `src/config.c`, `src/replication.c`; WAITAOF as in redis 7.2.
"""

from __future__ import annotations

from mergelaw.commands.errors import CommandError, syntax_error
from mergelaw.commands.glob import matcher
from mergelaw.commands.help import register_help
from mergelaw.commands.information import own_clock
from mergelaw.commands.keys import settle
from mergelaw.commands.parse import integer, timeout_in_ms
from mergelaw.commands.reply import OK, Reply, Waiting
from mergelaw.commands.table import Call, command, container

_ADMIN = "admin noscript loading stale"


# The database ---------------------------------------------------------------------------------------------------------


@command(
    b"DBSIZE",
    arity=1,
    flags="readonly fast",
    group="server",
    summary="Return the number of keys in the selected database",
)
def database_size(c: Call) -> Reply:
    """How many keys there are, with those whose time has come and which are not deleted yet."""
    return c.db.size


def _flush(c: Call) -> Reply:
    if len(c.args) > 2 or len(c.args) == 2 and c.args[1].upper() not in (b"ASYNC", b"SYNC"):
        raise syntax_error()
    settle(c)
    for key, entry in list(c.db.keys.items()):
        if not c.tx.delete(key) and entry.content != "none":
            # Expired: no instance has to delete it any more.
            c.tx.update(key, "delete")
    return OK


@command(
    b"FLUSHALL",
    arity=-1,
    flags="write",
    group="server",
    summary="Remove all keys from all databases",
    complexity="O(N) where N is the total number of keys in all databases",
)
def flush_all(c: Call) -> Reply:
    """Deletes all keys at all instances, in one effect: what it has not seen stays."""
    return _flush(c)


@command(
    b"FLUSHDB",
    arity=-1,
    flags="write",
    group="server",
    summary="Remove all keys from the current database",
    complexity="O(N) where N is the number of keys in the selected database",
)
def flush_database(c: Call) -> Reply:
    """As FLUSHALL."""
    return _flush(c)


@command(
    b"TIME",
    arity=1,
    flags="loading stale fast",
    group="server",
    since="2.6.0",
    summary="Return the current server time",
)
def time(c: Call) -> Reply:
    """Seconds since 1970, and microseconds."""
    seconds, microseconds = divmod(c.server.now_us(), 1_000_000)
    return [b"%d" % seconds, b"%d" % microseconds]


# CONFIG ---------------------------------------------------------------------------------------------------------------

container(b"CONFIG", group="server", since="2.0.0", summary="A container for server configuration commands")
register_help(
    b"CONFIG",
    "server",
    "5.0.0",
    [
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
    ],
)


@command(
    b"CONFIG|GET",
    arity=-3,
    flags=_ADMIN,
    group="server",
    since="2.0.0",
    summary="Get the values of configuration parameters",
    complexity="O(N) when N is the number of configuration parameters provided",
)
def config_get(c: Call) -> Reply:
    """The settings that match one of the patterns."""
    matchers = [matcher(pattern, ignore_case=True) for pattern in c.args[2:]]
    shown = {}
    for name, value in c.server.config_items().items():
        key = name.encode("latin-1")
        if any(matches(key) for matches in matchers):
            shown[key] = value.encode("utf-8", "surrogateescape")
    return shown


@command(
    b"CONFIG|SET",
    arity=-4,
    flags=_ADMIN,
    group="server",
    since="2.0.0",
    summary="Set configuration parameters to the given values",
    complexity="O(N) when N is the number of configuration parameters provided",
)
def config_set(c: Call) -> Reply:
    """Changes all of the settings named, or none."""
    if len(c.args) % 2:
        raise syntax_error()
    known = c.server.config_items()
    changes: dict[str, str] = {}
    for name, value in zip(c.args[2::2], c.args[3::2], strict=True):
        setting = name.decode("latin-1").lower()
        if setting not in known:
            raise CommandError(b"ERR Unknown option or number of arguments for CONFIG SET - '" + name + b"'")
        if setting in changes:
            raise CommandError(
                f"ERR CONFIG SET failed (possibly related to argument '{setting}') - duplicate parameter"
            )
        changes[setting] = value.decode("utf-8", "surrogateescape")
    c.server.config_set(changes)
    return OK


@command(
    b"CONFIG|RESETSTAT",
    arity=2,
    flags=_ADMIN,
    group="server",
    since="2.0.0",
    summary="Reset the stats returned by INFO",
)
def config_reset_statistics(c: Call) -> Reply:
    """Counts commands and errors from zero again."""
    c.server.statistics.reset()
    return OK


@command(
    b"CONFIG|REWRITE",
    arity=2,
    flags=_ADMIN,
    group="server",
    since="2.8.0",
    summary="Rewrite the configuration file with the in memory configuration",
)
def config_rewrite(c: Call) -> Reply:
    """Keeps the settings for the next start."""
    c.server.config_rewrite()
    return OK


# Replication as Redis has it ------------------------------------------------------------------------------------------


@command(
    b"ROLE",
    arity=1,
    flags="noscript loading stale fast",
    group="server",
    since="2.8.12",
    summary="Return the role of the instance in the context of replication",
)
def role(c: Call) -> Reply:
    """A master without replicas: it takes writes. Peers: CRDT.PEERS."""
    return [b"master", own_clock(c), []]


@command(
    b"WAIT",
    arity=3,
    flags="noscript",
    group="generic",
    since="3.0.0",
    summary="Wait for the synchronous replication of all the write commands sent in the context of the current "
    "connection",
)
def wait(c: Call) -> Reply:
    """0: there are no replicas within the instance; for peers: CRDT.SYNC WAIT.

    Asked for more than 0, it waits until the time limit, as Redis does.
    """
    replicas = integer(c.args[1])
    timeout = timeout_in_ms(c.args[2])
    if replicas <= 0 or c.blocks:
        return 0

    async def waited() -> Reply:
        await _pass(c, timeout)
        return 0

    return Waiting(waited, 0)


async def _pass(c: Call, timeout_ms: int) -> None:
    """Until the time limit; 0: for ever, which the end of the connection ends."""
    if timeout_ms:
        await c.server.sleep(timeout_ms / 1000)
        return
    while True:
        await c.server.sleep(3600)


@command(
    b"WAITAOF",
    arity=4,
    flags="noscript",
    group="generic",
    since="7.2.0",
    summary="Blocks until all of the preceding write commands sent by the connection are written to the append-only "
    "file of the master and/or replicas.",
)
def wait_for_log(c: Call) -> Reply:
    """Whether (1 or 0) the writes so far are on this instance's disk; and 0, as it has no replicas."""
    local = integer(c.args[1], "ERR value is out of range, must be between 0 and 1", low=0, high=1)
    replicas = integer(c.args[2])
    if replicas < 0:
        raise CommandError("ERR value is out of range, must be positive")
    timeout = timeout_in_ms(c.args[3])

    async def waited() -> Reply:
        durable = await c.server.wait_durable(timeout)
        if replicas > 0:
            await _pass(c, timeout)
        return [int(durable), 0]

    return [0, 0] if local == 0 and replicas == 0 else Waiting(waited, [0, 0])


# MODULE ---------------------------------------------------------------------------------------------------------------

container(b"MODULE", group="server", since="4.0.0", summary="A container for module commands")
register_help(b"MODULE", "server", "5.0.0", ["LIST", "    Return a list of loaded modules."])


@command(
    b"MODULE|LIST",
    arity=2,
    flags="admin noscript",
    group="server",
    since="4.0.0",
    summary="List all modules loaded by the server",
    complexity="O(N) where N is the number of loaded modules.",
)
def module_list(c: Call) -> Reply:
    """Empty: custom types come from specs, not from modules."""
    return []
