"""CLIENT and its subcommands.

Client-side caching is not served: TRACKING ON is refused, and what asks about it answers that it is off.

Source: redis 7.0, `src/networking.c` (`clientCommand`); CLIENT NO-TOUCH and SETINFO as in redis 7.2.
"""

from __future__ import annotations

from mergelaw.commands.blocking import unblock as end_wait
from mergelaw.commands.connection import check_name, described
from mergelaw.commands.errors import CommandError, subcommand_arguments, syntax_error
from mergelaw.commands.help import register_help
from mergelaw.commands.parse import Arguments, integer, timeout_in_ms
from mergelaw.commands.reply import NO_REPLY, OK, Reply, Verbatim
from mergelaw.commands.table import Call, ClientState, command, container

_FLAGS = "noscript loading stale"
_ADMIN = "admin noscript loading stale"
_KINDS = {b"NORMAL": True, b"MASTER": False, b"REPLICA": False, b"SLAVE": False, b"PUBSUB": False}
"""Types of clients -> whether the clients here are of it."""

container(b"CLIENT", group="connection", since="2.4.0", summary="A container for client connection commands")
register_help(
    b"CLIENT",
    "connection",
    "5.0.0",
    [
        "CACHING (YES|NO)",
        "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
        "GETREDIR",
        "    Return the client ID we are redirecting to when tracking is enabled.",
        "GETNAME",
        "    Return the name of the current connection.",
        "ID",
        "    Return the ID of the current connection.",
        "INFO",
        "    Return information about the current client connection.",
        "KILL <ip:port>",
        "    Kill connection made from <ip:port>.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Kill connections. Options are:",
        "    * ADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made from the specified address",
        "    * LADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made to specified local address",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Kill connections by type.",
        "    * USER <username>",
        "      Kill connections authenticated by <username>.",
        "    * SKIPME (YES|NO)",
        "      Skip killing current connection (default: yes).",
        "LIST [options ...]",
        "    Return information about client connections. Options:",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Return clients of specified type.",
        "UNPAUSE",
        "    Stop the current client pause, resuming traffic.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Suspend all, or just write, clients for <timeout> milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Control the replies sent to the current connection.",
        "SETINFO (LIB-NAME|LIB-VER) <value>",
        "    Tell which client library is used.",
        "SETNAME <name>",
        "    Assign the name <name> to the current connection.",
        "UNBLOCK <clientid> [TIMEOUT|ERROR]",
        "    Unblock the specified blocked client.",
        "TRACKINGINFO",
        "    Report tracking status for the current connection.",
        "NO-EVICT (ON|OFF)",
        "    Protect current client connection from eviction.",
        "NO-TOUCH (ON|OFF)",
        "    Commands of this connection do not count as use of the keys.",
    ],
)


@command(
    b"CLIENT|ID",
    arity=2,
    flags=_FLAGS,
    group="connection",
    since="5.0.0",
    summary="Returns the client ID for the current connection",
)
def client_id(c: Call) -> Reply:
    """The connection's number; none is given twice."""
    return c.client.id


@command(
    b"CLIENT|GETNAME",
    arity=2,
    flags=_FLAGS,
    group="connection",
    since="2.6.9",
    summary="Get the current connection name",
)
def get_name(c: Call) -> Reply:
    """The name that SETNAME gave; null without."""
    return c.client.name or None


@command(
    b"CLIENT|SETNAME",
    arity=3,
    flags=_FLAGS,
    group="connection",
    since="2.6.9",
    summary="Set the current connection name",
)
def set_name(c: Call) -> Reply:
    """Names the connection; an empty name takes the name away."""
    check_name(c.args[2])
    c.client.name = c.args[2]
    return OK


@command(
    b"CLIENT|SETINFO",
    arity=4,
    flags=_FLAGS,
    group="connection",
    since="7.2.0",
    summary="Set information specific to the client or connection",
)
def set_info(c: Call) -> Reply:
    """Keeps what the client library says of itself."""
    match c.args[2].upper():
        case b"LIB-NAME":
            check_name(c.args[3], "lib-name")
            c.client.library = c.args[3]
        case b"LIB-VER":
            check_name(c.args[3], "lib-ver")
            c.client.library_version = c.args[3]
        case _:
            raise CommandError(b"ERR Unrecognized option '" + c.args[2] + b"'")
    return OK


@command(
    b"CLIENT|INFO",
    arity=2,
    flags=_FLAGS,
    group="connection",
    since="6.2.0",
    summary="Returns information about the current client connection.",
)
def info(c: Call) -> Reply:
    """The connection's line of CLIENT LIST."""
    return Verbatim((described(c.client, c.now_ms) + "\n").encode("latin-1"))


@command(
    b"CLIENT|LIST",
    arity=-2,
    flags=_ADMIN,
    group="connection",
    since="2.4.0",
    summary="Get the list of client connections",
    complexity="O(N) where N is the number of client connections",
)
def list_(c: Call) -> Reply:
    """A line for each connection."""
    chosen = list(c.server.clients())
    if len(c.args) == 4 and c.args[2].upper() == b"TYPE":
        chosen = chosen if _of_kind(c.args[3]) else []
    elif len(c.args) > 3 and c.args[2].upper() == b"ID":
        ids = [integer(a, "ERR Invalid client ID") for a in c.args[3:]]
        by_id = {client.id: client for client in chosen}
        chosen = [by_id[i] for i in ids if i in by_id]
    elif len(c.args) != 2:
        raise syntax_error()
    text = "".join(described(client, c.now_ms) + "\n" for client in chosen)
    return Verbatim(text.encode("latin-1"))


@command(
    b"CLIENT|REPLY",
    arity=3,
    flags=_FLAGS,
    group="connection",
    since="3.2.0",
    summary="Instruct the server whether to reply to commands",
)
def reply(c: Call) -> Reply:
    """ON answers OK; OFF and SKIP answer nothing, and nor do further commands, or the next one."""
    client = c.client
    match c.args[2].upper():
        case b"ON":
            client.replies = "on"
            return OK
        case b"OFF":
            client.replies = "off"
        case b"SKIP":
            if client.replies == "on":
                client.replies = "skip-next"
        case _:
            raise syntax_error()
    return NO_REPLY


@command(
    b"CLIENT|KILL",
    arity=-3,
    flags=_ADMIN,
    group="connection",
    since="2.4.0",
    summary="Kill the connection of a client",
    complexity="O(N) where N is the number of client connections",
)
def kill(c: Call) -> Reply:
    """Closes connections: OK in the old form (one address), how many in the new one."""
    if len(c.args) == 3:
        for client in c.server.clients():
            if client.address == c.args[2]:
                _close(c, client)
                return OK
        raise CommandError("ERR No such client")
    options = Arguments(c.args, 2)
    if len(options) % 2:
        raise syntax_error()
    tests: list[tuple[str, object]] = []
    skip_me = True
    while options:
        option, value = options.keyword(), options.next()
        match option:
            case b"ID":
                tests.append(("id", integer(value, "ERR client-id should be greater than 0", low=1)))
            case b"TYPE":
                if not _of_kind(value):
                    tests.append(("id", 0))
            case b"ADDR":
                tests.append(("address", value))
            case b"LADDR":
                tests.append(("local_address", value))
            case b"USER":
                if value != b"default":
                    raise CommandError(b"ERR No such user '" + value + b"'")
                tests.append(("user", value))
            case b"SKIPME" if value.upper() in (b"YES", b"NO"):
                skip_me = value.upper() == b"YES"
            case _:
                raise syntax_error()
    killed = 0
    for client in list(c.server.clients()):
        if all(getattr(client, name) == value for name, value in tests) and not (skip_me and client is c.client):
            _close(c, client)
            killed += 1
    return killed


@command(
    b"CLIENT|PAUSE",
    arity=-3,
    flags=_ADMIN,
    group="connection",
    since="2.9.50",
    summary="Stop processing commands from clients for some time",
)
def pause(c: Call) -> Reply:
    """Clients' commands, or their writes only, wait for so many milliseconds."""
    writes_only = False
    if len(c.args) == 4:
        match c.args[3].upper():
            case b"WRITE":
                writes_only = True
            case b"ALL":
                pass
            case _:
                raise CommandError("ERR CLIENT PAUSE mode must be WRITE or ALL")
    elif len(c.args) > 4:
        raise subcommand_arguments("client", c.args[1])
    c.server.pause_clients(c.now_ms + timeout_in_ms(c.args[2]), writes_only)
    return OK


@command(
    b"CLIENT|UNPAUSE",
    arity=2,
    flags=_ADMIN,
    group="connection",
    since="6.2.0",
    summary="Resume processing of clients that were paused",
    complexity="O(N) Where N is the number of paused clients",
)
def unpause(c: Call) -> Reply:
    """Ends a pause."""
    c.server.pause_clients(0, False)
    return OK


@command(
    b"CLIENT|NO-EVICT",
    arity=3,
    flags=_ADMIN,
    group="connection",
    since="7.0.0",
    summary="Set client eviction mode for the current connection",
)
def no_evict(c: Call) -> Reply:
    """Whether the connection is spared when clients' buffers take too much memory."""
    c.client.no_evict = _switch(c.args[2])
    return OK


@command(
    b"CLIENT|NO-TOUCH",
    arity=3,
    flags=_FLAGS,
    group="connection",
    since="7.2.0",
    summary="Controls whether commands sent by the client will alter the LRU/LFU of the keys they access.",
)
def no_touch(c: Call) -> Reply:
    """Whether the connection's commands count as use of the keys."""
    c.client.no_touch = _switch(c.args[2])
    return OK


@command(
    b"CLIENT|UNBLOCK",
    arity=-3,
    flags=_ADMIN,
    group="connection",
    since="5.0.0",
    summary="Unblock a client blocked in a blocking command from a different connection",
    complexity="O(log N) where N is the number of client connections",
)
def unblock(c: Call) -> Reply:
    """1 if the client has waited for keys, and does no longer."""
    reason = c.args[3].upper() if len(c.args) == 4 else b"TIMEOUT"
    if reason not in (b"TIMEOUT", b"ERROR"):
        raise CommandError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
    return int(end_wait(c.db, integer(c.args[2]), reason == b"ERROR"))


@command(
    b"CLIENT|TRACKING",
    arity=-3,
    flags=_FLAGS,
    group="connection",
    since="6.0.0",
    summary="Enable or disable server assisted client side caching support",
)
def tracking(c: Call) -> Reply:
    """OFF is OK; ON is refused."""
    match c.args[2].upper():
        case b"OFF":
            return OK
        case b"ON":
            raise CommandError("ERR CLIENT TRACKING is not supported: this server does not send invalidation messages")
        case _:
            raise syntax_error()


@command(
    b"CLIENT|TRACKINGINFO",
    arity=2,
    flags=_FLAGS,
    group="connection",
    since="6.2.0",
    summary="Return information about server assisted client side caching for the current connection",
)
def tracking_info(c: Call) -> Reply:
    """That it is off."""
    return {b"flags": [b"off"], b"redirect": -1, b"prefixes": []}


@command(
    b"CLIENT|GETREDIR",
    arity=2,
    flags=_FLAGS,
    group="connection",
    since="6.0.0",
    summary="Get tracking notifications redirection client ID if any",
)
def get_redirection(c: Call) -> Reply:
    """-1: tracking is off."""
    return -1


@command(
    b"CLIENT|CACHING",
    arity=3,
    flags=_FLAGS,
    group="connection",
    since="6.0.0",
    summary="Instruct the server about tracking or not keys in the next request",
)
def caching(c: Call) -> Reply:
    """Refused: tracking is off."""
    raise CommandError(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
    )


def _of_kind(kind: bytes) -> bool:
    found = _KINDS.get(kind.upper())
    if found is None:
        raise CommandError(b"ERR Unknown client type '" + kind + b"'")
    return found


def _switch(word: bytes) -> bool:
    match word.upper():
        case b"ON":
            return True
        case b"OFF":
            return False
        case _:
            raise syntax_error()


def _close(c: Call, client: ClientState) -> None:
    if client is c.client:
        client.closing = True
    else:
        c.server.kill(client)
