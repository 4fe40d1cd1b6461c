"""Commands of the connection itself: HELLO, AUTH, PING, ECHO, SELECT, QUIT, RESET.

There is one database: SELECT takes 0 only, as in a Redis that was set up with one.

Source: redis 7.0, `src/networking.c` (`helloCommand`), `src/acl.c` (`authCommand`), `src/db.c` (`selectCommand`).
"""

from __future__ import annotations

from mergelaw.commands.dispatch import leave_block
from mergelaw.commands.errors import (
    DATABASE_OUT_OF_RANGE,
    WRONG_PASSWORD,
    CommandError,
    syntax_error,
    wrong_arity,
)
from mergelaw.commands.parse import Arguments, integer
from mergelaw.commands.reply import OK, PONG, Reply, Status
from mergelaw.commands.table import Call, ClientState, command

REDIS_VERSION = "7.0.15"
"""The Redis whose commands and texts these are."""

_OPEN = "noscript loading stale fast no_auth allow_busy"
_DEFAULT_USER = b"default"


@command(b"PING", arity=-1, flags="fast", group="connection", summary="Ping the server")
def ping(c: Call) -> Reply:
    """PONG, or the argument."""
    if len(c.args) > 2:
        raise wrong_arity("ping")
    return PONG if len(c.args) == 1 else c.args[1]


@command(b"ECHO", arity=2, flags="loading stale fast", group="connection", summary="Echo the given string")
def echo(c: Call) -> Reply:
    """The argument."""
    return c.args[1]


@command(
    b"SELECT",
    arity=2,
    flags="loading stale fast",
    group="connection",
    summary="Change the selected database for the current connection",
)
def select(c: Call) -> Reply:
    """OK for database 0, the only one."""
    chosen = integer(c.args[1])
    if not -(2**31) <= chosen < 2**31:
        raise CommandError("ERR value is out of range, value must between -2147483648 and 2147483647")
    if chosen != 0:
        raise CommandError(DATABASE_OUT_OF_RANGE)
    return OK


@command(b"QUIT", arity=-1, flags=_OPEN, group="connection", summary="Close the connection")
def quit_(c: Call) -> Reply:
    """OK, and the connection is closed."""
    c.client.closing = True
    return OK


@command(b"RESET", arity=1, flags=_OPEN, group="connection", since="6.2.0", summary="Reset the connection")
def reset(c: Call) -> Reply:
    """The connection is as it was when it was made."""
    client = c.client
    leave_block(client)
    client.protocol = 2
    client.name = b""
    client.replies = "on"
    client.no_evict = client.no_touch = client.monitor = False
    client.user = _DEFAULT_USER
    client.authenticated = not c.server.password_required()
    return Status(b"RESET")


@command(
    b"AUTH",
    arity=-2,
    flags=_OPEN,
    group="connection",
    summary="Authenticate to the server",
    complexity="O(N) where N is the number of passwords defined for the user",
)
def auth(c: Call) -> Reply:
    """OK if the password opens the server."""
    if len(c.args) > 3:
        raise syntax_error()
    if len(c.args) == 2 and not c.server.password_required():
        raise CommandError(
            "ERR AUTH <password> called without any password configured for the default user. "
            "Are you sure your configuration is correct?"
        )
    _log_in(c, *(c.args[1:] if len(c.args) == 3 else (_DEFAULT_USER, c.args[1])))
    return OK


@command(b"HELLO", arity=-1, flags=_OPEN, group="connection", since="6.0.0", summary="Handshake with Redis")
def hello(c: Call) -> Reply:
    """Chooses the protocol, maybe logs in and names the connection; tells who the server is."""
    client = c.client
    protocol: int | None = None
    name: bytes | None = None
    options = Arguments(c.args)
    if options:
        protocol = integer(options.next(), "ERR Protocol version is not an integer or out of range")
        if protocol not in (2, 3):
            raise CommandError("NOPROTO unsupported protocol version")
    while options:
        option = options.next()
        if option.upper() == b"AUTH" and len(options) >= 2:
            _log_in(c, options.next(), options.next())
        elif option.upper() == b"SETNAME" and options:
            name = options.next()
            check_name(name)
        else:
            raise CommandError(b"ERR Syntax error in HELLO option '" + option + b"'")
    if not client.authenticated:
        raise CommandError(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the "
            "HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and "
            "select the RESP protocol version at the same time"
        )
    if name is not None:
        client.name = name
    if protocol is not None:
        client.protocol = protocol
    return {
        b"server": b"redis",
        b"version": REDIS_VERSION.encode(),
        b"proto": client.protocol,
        b"id": client.id,
        b"mode": b"standalone",
        b"role": b"master",
        b"modules": [],
    }


def _log_in(c: Call, user: bytes, password: bytes) -> None:
    """Raises: CommandError (WRONGPASS)."""
    # Without a password the default user's is any.
    required = c.server.password_required()
    if not (c.server.check_password(user, password) if required else user == _DEFAULT_USER):
        raise CommandError(WRONG_PASSWORD)
    c.client.user = user
    c.client.authenticated = True


def check_name(name: bytes, what: str = "Client names") -> None:
    """Raises: CommandError, if CLIENT LIST could not show `name` in one word."""
    if any(not 33 <= byte <= 126 for byte in name):
        raise CommandError(f"ERR {what} cannot contain spaces, newlines or special characters.")


def described(client: ClientState, now_ms: int) -> str:
    """The line of `client` in CLIENT LIST.

    Source: redis 7.0, `src/networking.c`, `catClientInfoString`.
    """
    queued = -1 if client.queue is None else len(client.queue)
    flags = "".join(
        letter
        for letter, holds in (
            ("O", client.monitor),
            ("x", client.queue is not None),
            ("c", client.closing),
            ("e", client.no_evict),
            ("T", client.no_touch),
        )
        if holds
    )
    fields = {
        "id": client.id,
        "addr": client.address.decode("latin-1"),
        "laddr": client.local_address.decode("latin-1"),
        "fd": client.descriptor,
        "name": client.name.decode("latin-1"),
        "age": max(0, now_ms - client.created_ms) // 1000,
        "idle": max(0, now_ms - client.active_ms) // 1000,
        "flags": flags or "N",
        "db": 0,
        "sub": 0,
        "psub": 0,
        "ssub": 0,
        "multi": queued,
        "qbuf": client.query_bytes,
        "qbuf-free": 0,
        "argv-mem": 0,
        "multi-mem": sum(len(a) for _, args in client.queue or () for a in args),
        "rbs": 0,
        "rbp": 0,
        "obl": 0,
        "oll": 0,
        "omem": client.output_bytes,
        "tot-mem": client.query_bytes + client.output_bytes,
        "events": "r",
        "cmd": client.command or "NULL",
        "user": client.user.decode("latin-1"),
        "redir": -1,
        "resp": client.protocol,
        "lib-name": client.library.decode("latin-1"),
        "lib-ver": client.library_version.decode("latin-1"),
    }
    return " ".join(f"{name}={value}" for name, value in fields.items())
