"""The settings of an instance: their names, kinds, defaults, and which may change while it runs.

Names and values are Redis's where Redis has them. `config` reads them from flags, environment and a file.

Source: redis 7.0, `src/config.c`, `redis.conf`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

REPLICA_MAX = 4095
PEER_PORT_AFTER = 10000
"""The peer port is so many after the client port, unless it is set."""


class BadValue(ValueError):
    """A value that a setting may not have; `str` says what it may have, as Redis says it."""


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """Where a peer listens for peers."""

    id: int
    host: str
    port: int

    def __str__(self) -> str:
        """`2=127.0.0.1:16379`, as it is read."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.id}={host}:{self.port}"


@dataclass(frozen=True, slots=True)
class OutputLimit:
    """When a client whose replies pile up is closed; 0: never."""

    hard_bytes: int = 0
    soft_bytes: int = 0
    soft_seconds: int = 0


@dataclass(frozen=True, slots=True)
class OutputLimits:
    """By class of client."""

    normal: OutputLimit = OutputLimit()
    replica: OutputLimit = OutputLimit(256 * 1024**2, 64 * 1024**2, 60)
    """Kept for CONFIG; peers are served by the mesh, which has limits of its own."""
    pubsub: OutputLimit = OutputLimit(32 * 1024**2, 8 * 1024**2, 60)


@dataclass(frozen=True, slots=True)
class Kind:
    """How the values of a setting are read and shown."""

    read: Callable[[str], Any]
    """Raises: BadValue."""
    show: Callable[[Any], str]
    hint: str
    """What a value looks like, for help and errors."""


# Kinds ----------------------------------------------------------------------------------------------------------------

_UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1024, "m": 10**6, "mb": 1024**2, "g": 10**9, "gb": 1024**3}


def _bool(text: str) -> bool:
    match text.lower():
        case "yes" | "true":
            return True
        case "no" | "false":
            return False
    raise BadValue("argument must be 'yes' or 'no'")


def _size(text: str) -> int:
    digits = text.rstrip("bBkKmMgG")
    unit = _UNITS.get(text[len(digits) :].lower())
    if unit is None or not digits.isascii() or not digits.isdigit() or int(digits) * unit >= 2**63:
        raise BadValue("argument must be a memory value")
    return int(digits) * unit


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        bare = text.removeprefix("-")
        if not bare.isascii() or not bare.isdigit() or len(bare) > 20:
            raise BadValue("argument couldn't be parsed into an integer")
        if not low <= int(text) <= high:
            raise BadValue(f"argument must be between {low} and {high} inclusive")
        return int(text)

    return read


def _choice(*values: str) -> Kind:
    def read(text: str) -> str:
        if text.lower() not in values:
            raise BadValue(f"argument(s) must be one of the following: {', '.join(values)}")
        return text.lower()

    return Kind(read, str, " | ".join(values))


def address(text: str, default_port: int | None = None) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`. Raises: BadValue."""
    host, colon, port = text.rpartition(":")
    if not colon and default_port is not None:
        host, port = text, str(default_port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise BadValue(f"'{text}' is no address: give HOST:PORT")
    return host, int(port)


def peer(text: str) -> PeerAddress:
    """A peer written as `ID=HOST:PORT`. Raises: BadValue."""
    number, equals, place = text.partition("=")
    if not equals or not number.isascii() or not number.isdigit() or not 1 <= int(number) <= REPLICA_MAX:
        raise BadValue(f"'{text}' is no peer: give ID=HOST:PORT, the id from 1 to {REPLICA_MAX}")
    return PeerAddress(int(number), *address(place))


def _peers(text: str) -> tuple[PeerAddress, ...]:
    found = tuple(peer(word) for word in text.replace(",", " ").split())
    if len({p.id for p in found}) < len(found):
        raise BadValue("two peers have the same id")
    return found


def _addresses(text: str) -> tuple[str, ...]:
    found = tuple(text.replace(",", " ").split())
    for word in found:
        address(word)
    return found


def _types(text: str) -> tuple[str, ...]:
    # Not at the commas of `ORMap[Text, Max]`.
    return tuple(word.strip() for word in re.split(r",(?![^\[]*\])", text) if word.strip())


def _output_limits(text: str) -> OutputLimits:
    words = text.split()
    if len(words) % 4 or not words:
        raise BadValue("Wrong number of arguments in buffer limit configuration.")
    limits = OutputLimits()
    for at in range(0, len(words), 4):
        name = {"slave": "replica"}.get(words[at].lower(), words[at].lower())
        if name not in {f.name for f in fields(limits)}:
            raise BadValue("Invalid client class specified in buffer limit configuration.")
        try:
            hard, soft = _size(words[at + 1]), _size(words[at + 2])
            limit = OutputLimit(hard, soft, _integer(0, 2**31 - 1)(words[at + 3]))
        except BadValue:
            raise BadValue("Error in hard, soft or soft_seconds setting in buffer limit configuration.") from None
        limits = replace(limits, **{name: limit})
    return limits


def _show_output_limits(limits: OutputLimits) -> str:
    return " ".join(
        f"{name} {limit.hard_bytes} {limit.soft_bytes} {limit.soft_seconds}"
        for name, limit in (("normal", limits.normal), ("slave", limits.replica), ("pubsub", limits.pubsub))
    )


_TEXT = Kind(str, str, "TEXT")
_FILE = Kind(str, str, "FILE")
_YES_NO = Kind(_bool, lambda on: "yes" if on else "no", "yes | no")
_SIZE = Kind(_size, str, "BYTES, such as 100mb")
_PORT = Kind(_integer(0, 65535), str, "PORT; 0: none")
_WORDS = Kind(lambda text: tuple(text.replace(",", " ").split()), " ".join, "HOST [HOST]...")
_TYPES = Kind(_types, ",".join, "FILE|TYPE[,FILE|TYPE]...")
_ADDRESSES = Kind(_addresses, " ".join, "HOST:PORT [HOST:PORT]...")
_PEERS = Kind(_peers, lambda peers: " ".join(map(str, peers)), "ID=HOST:PORT [ID=HOST:PORT]...")
_OUTPUT_LIMITS = Kind(_output_limits, _show_output_limits, "CLASS HARD SOFT SECONDS")


def _count(low: int, high: int) -> Kind:
    return Kind(_integer(low, high), str, f"NUMBER from {low} to {high}" if high < 2**31 - 1 else f"NUMBER from {low}")


def _setting(default: Any, kind: Kind, about: str, *, fixed: bool = False, secret: bool = False) -> Any:
    """A field of Settings; `fixed`: CONFIG SET may not change it; `secret`: logs do not show it."""
    return field(default=default, metadata={"kind": kind, "about": about, "fixed": fixed, "secret": secret})


# The settings ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one instance. A setting is named like its field, with `-` for `_`."""

    id: int = _setting(0, _count(1, REPLICA_MAX), "Number of this instance; no other has it, ever.", fixed=True)
    database: str = _setting("mergelaw", _TEXT, "Name of the database; instances of others are no peers.", fixed=True)
    dir: str = _setting("", _FILE, "Folder of the data; mergelaw-ID where none is named.", fixed=True)

    bind: tuple[str, ...] = _setting(("127.0.0.1",), _WORDS, "Where clients are served.", fixed=True)
    port: int = _setting(6379, _PORT, "Port for clients.", fixed=True)
    tcp_backlog: int = _setting(511, _count(1, 2**31 - 1), "Connections that wait to be accepted.", fixed=True)
    tcp_keepalive: int = _setting(300, _count(0, 2**31 - 1), "Seconds between probes of idle clients; 0: none.")
    timeout: int = _setting(0, _count(0, 2**31 - 1), "Seconds after which an idle client is closed; 0: never.")
    maxclients: int = _setting(10000, _count(1, 2**32 - 1), "Most clients at a time.")
    protected_mode: bool = _setting(True, _YES_NO, "Without a password, serve clients of this machine only.")
    requirepass: str = _setting("", _TEXT, "Password of clients; empty: none.", secret=True)
    client_query_buffer_limit: int = _setting(1024**3, _SIZE, "Longest request, or run of unread ones, of a client.")
    client_output_buffer_limit: OutputLimits = _setting(  # noqa: RUF009 - `field`, by way of `_setting`
        OutputLimits(), _OUTPUT_LIMITS, "Replies that a client may leave unread before it is closed."
    )
    proto_max_bulk_len: int = _setting(512 * 1024**2, _SIZE, "Longest string in a request.")

    tls_port: int = _setting(0, _PORT, "Port for clients over TLS.", fixed=True)
    tls_cert_file: str = _setting("", _FILE, "Certificate for clients.", fixed=True)
    tls_key_file: str = _setting("", _FILE, "Its key.", fixed=True)
    tls_key_file_pass: str = _setting("", _TEXT, "The key's password.", fixed=True, secret=True)
    tls_ca_cert_file: str = _setting("", _FILE, "Authorities that sign clients' certificates.", fixed=True)
    tls_auth_clients: str = _setting(
        "yes", _choice("no", "yes", "optional"), "Whether clients need a certificate.", fixed=True
    )

    peer: tuple[PeerAddress, ...] = _setting((), _PEERS, "The other instances, by their peer ports.", fixed=True)
    join: tuple[str, ...] = _setting(
        (), _ADDRESSES, "A running database to be added to, by peer ports; in place of peer.", fixed=True
    )
    peer_bind: tuple[str, ...] = _setting(("127.0.0.1",), _WORDS, "Where peers are served.", fixed=True)
    peer_port: int = _setting(0, _PORT, "Port for peers; the client port + 10000 where none is named.", fixed=True)
    peer_announce: str = _setting(
        "", _TEXT, "HOST:PORT that peers reach the peer port under, where it differs.", fixed=True
    )
    peer_secret: str = _setting("", _TEXT, "What all instances share, to prove themselves.", fixed=True, secret=True)
    peer_tls_cert_file: str = _setting("", _FILE, "Certificate for peers; they need one too.", fixed=True)
    peer_tls_key_file: str = _setting("", _FILE, "Its key.", fixed=True)
    peer_tls_ca_cert_file: str = _setting("", _FILE, "Authorities that sign peers' certificates.", fixed=True)
    compression: int = _setting(3, _count(0, 6), "Of what is sent to peers; 0: none.", fixed=True)
    causal_consistency: bool = _setting(False, _YES_NO, "Effects wait for what their origin knew.", fixed=True)
    repl_backlog_size: int = _setting(64 * 1024**2, _SIZE, "Effects kept for peers that reconnect.", fixed=True)
    repl_timeout: int = _setting(60, _count(1, 2**31 - 1), "Seconds of silence after which a peer is gone.", fixed=True)

    maxmemory: int = _setting(0, _SIZE, "Memory from which on commands that need more are refused; 0: no limit.")
    maxmemory_policy: str = _setting("noeviction", _choice("noeviction"), "What is evicted at maxmemory.")

    appendfsync: str = _setting("everysec", _choice("everysec", "always", "no"), "When writes are forced to the disk.")
    snapshot_log_size: int = _setting(16 * 1024**2, _SIZE, "Log of effects from which on it is compacted.")

    slowlog_log_slower_than: int = _setting(
        10000, _count(-1, 2**63 - 1), "Microseconds from which on a command is slow; -1: never."
    )
    slowlog_max_len: int = _setting(128, _count(0, 2**63 - 1), "Slow commands that are kept.")
    hz: int = _setting(10, _count(1, 500), "Rounds a second of what is done in the background.")
    shutdown_timeout: int = _setting(10, _count(0, 2**31 - 1), "Seconds that peers get to receive the last effects.")

    loglevel: str = _setting("notice", _choice("debug", "verbose", "notice", "warning"), "How much is logged.")
    log_format: str = _setting("human", _choice("human", "json"), "Lines for people, or JSON.", fixed=True)
    logfile: str = _setting("", _FILE, "Where logs go; empty: standard error.", fixed=True)
    metrics_port: int = _setting(0, _PORT, "Port for Prometheus.", fixed=True)
    metrics_bind: str = _setting("127.0.0.1", _TEXT, "Where Prometheus is served.", fixed=True)

    type: tuple[str, ...] = _setting(
        (), _TYPES, "Types served as commands: spec files, or types of the library.", fixed=True
    )
    unproved: bool = _setting(False, _YES_NO, "Serve types that are not proved, too.", fixed=True)

    @property
    def peer_listen_port(self) -> int:
        """The peer port in effect."""
        return self.peer_port or (self.port or self.tls_port) + PEER_PORT_AFTER

    @property
    def folder(self) -> str:
        """The folder of the data in effect."""
        return self.dir or f"mergelaw-{self.id}"


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of one setting."""

    name: str
    """As users write it: `proto-max-bulk-len`."""
    attribute: str
    kind: Kind
    default: Any
    about: str
    fixed: bool
    secret: bool


SETTINGS: dict[str, Setting] = {
    f.name.replace("_", "-"): Setting(
        f.name.replace("_", "-"),
        f.name,
        f.metadata["kind"],
        f.default,
        f.metadata["about"],
        f.metadata["fixed"],
        f.metadata["secret"],
    )
    for f in fields(Settings)
}
"""By name, in the order of help."""

LISTS = frozenset({"bind", "join", "peer", "peer-bind", "type"})
"""Settings that may be given several times, or as a TOML array."""


def shown(settings: Settings) -> dict[str, str]:
    """All settings as CONFIG GET shows them, with the few that clients ask for and that cannot be otherwise here."""
    items = {name: s.kind.show(getattr(settings, s.attribute)) for name, s in SETTINGS.items()}
    items["dir"] = settings.folder
    items["peer-port"] = str(settings.peer_listen_port)
    return items | {"appendonly": "yes", "databases": "1", "save": ""}


def changed(settings: Settings, changes: Mapping[str, str]) -> Settings:
    """`settings` with `changes`, all or none of them.

    Raises: KeyError, for a name that no setting has; BadSetting, for a wrong value or a setting that is fixed.
    """
    values: dict[str, Any] = {}
    static = shown(settings)
    for name, text in changes.items():
        setting = SETTINGS.get(name)
        if setting is None and name not in static:
            raise KeyError(name)
        if setting is None or setting.fixed:
            raise BadSetting(name, "can't set immutable config")
        try:
            values[setting.attribute] = setting.kind.read(text)
        except BadValue as error:
            raise BadSetting(name, str(error)) from None
    return replace(settings, **values)


class BadSetting(Exception):
    """CONFIG SET may not do it; `problem` in Redis's words."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem
