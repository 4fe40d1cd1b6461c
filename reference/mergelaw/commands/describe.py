"""COMMAND and its subcommands: the table of commands, as client libraries and redis-cli ask for it.

Key specifications are derived from the keys' positions; whether a command reads or overwrites a key is told as
coarsely as its flags say it. COMMAND DOCS has no arguments' syntax.

Source: redis 7.0, `src/server.c` (`addReplyCommandInfo`, `commandDocsCommand`, `getKeysSubcommand`), `src/acl.c`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mergelaw.commands.dispatch import look_up
from mergelaw.commands.errors import CommandError, syntax_error
from mergelaw.commands.glob import matcher
from mergelaw.commands.help import register_help
from mergelaw.commands.reply import Reply, SetReply, Status
from mergelaw.commands.table import TABLE, Call, Command, command

_SHOWN_FLAGS = [
    "write",
    "readonly",
    "denyoom",
    "module",
    "admin",
    "pubsub",
    "noscript",
    "blocking",
    "loading",
    "stale",
    "skip_monitor",
    "skip_slowlog",
    "asking",
    "fast",
    "no_auth",
    "no_mandatory_keys",
    "allow_busy",
    "no_async_loading",
    "no_multi",
    "movablekeys",
]

CATEGORIES = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
]
"""All ACL categories, in Redis's order."""

_OF_GROUP = {
    "generic": ("keyspace",),
    "string": ("string",),
    "hash": ("hash",),
    "set": ("set",),
    "sorted-set": ("sortedset",),
    "list": ("list",),
    "bitmap": ("bitmap",),
    "hyperloglog": ("hyperloglog",),
    "geo": ("geo",),
    "stream": ("stream",),
    "connection": ("connection",),
    "transactions": ("transaction",),
}
_OF_COMMAND = {
    "sort": ("set", "sortedset", "list", "dangerous"),
    "sort_ro": ("set", "sortedset", "list", "dangerous"),
    "wait": ("connection",),
    "waitaof": ("connection",),
    "keys": ("keyspace", "dangerous"),
    "restore": ("keyspace", "dangerous"),
    "dbsize": ("keyspace",),
    "flushall": ("keyspace", "dangerous"),
    "flushdb": ("keyspace", "dangerous"),
    "info": ("dangerous",),
    "role": ("admin", "dangerous"),
    "lastsave": ("admin", "dangerous"),
    "swapdb": ("keyspace", "dangerous"),
    "command": ("connection",),
}


def categories(found: Command) -> list[str]:
    """The ACL categories of a command."""
    container = found.name.partition("|")[0]
    holds: set[str] = set()
    if found.run is not None:
        own = _OF_COMMAND.get(container) if container in ("command",) else _OF_COMMAND.get(found.name)
        holds.update(own if own is not None else _OF_GROUP.get(found.group, ()))
    if "write" in found.flags:
        holds.add("write")
    if "readonly" in found.flags:
        holds.add("read")
    if "admin" in found.flags:
        holds.update(("admin", "dangerous"))
    if "pubsub" in found.flags:
        holds.add("pubsub")
    if "blocking" in found.flags:
        holds.add("blocking")
    holds.add("fast" if "fast" in found.flags else "slow")
    return [name for name in CATEGORIES if name in holds]


def _flags(found: Command) -> list[str]:
    return [f for f in _SHOWN_FLAGS if f in found.flags]


def _words(words: Iterable[str]) -> SetReply:
    return SetReply([Status(word.encode("latin-1")) for word in words])


def _key_specifications(found: Command) -> list[Reply]:
    first, last, step = found.keys
    use = _use(found)
    if found.finder is not None:
        unknown: Reply = {b"type": b"unknown", b"spec": {}}
        return [{b"flags": _words([*use, "incomplete"]), b"begin_search": unknown, b"find_keys": unknown}]
    if first == 0:
        return []
    return [
        {
            b"flags": _words(use),
            b"begin_search": {b"type": b"index", b"spec": {b"index": first}},
            b"find_keys": {
                b"type": b"range",
                b"spec": {b"lastkey": last if last < 0 else last - first, b"keystep": step, b"limit": 0},
            },
        }
    ]


def _use(found: Command) -> list[str]:
    return ["RW", "access", "update"] if found.writes else ["RO", "access"]


def _information(found: Command) -> Reply:
    first, last, step = found.keys
    return [
        found.name.encode("latin-1"),
        found.arity,
        _words(_flags(found)),
        first,
        last,
        step,
        _words("@" + name for name in categories(found)),
        [],
        _key_specifications(found),
        [_information(sub) for _, sub in sorted(found.subcommands.items())],
    ]


def _documentation(found: Command) -> dict[bytes, Reply]:
    shown: dict[bytes, Reply] = {
        b"summary": found.summary.encode("latin-1"),
        b"since": found.since.encode("latin-1"),
        b"group": found.group.encode("latin-1"),
        b"complexity": found.complexity.encode("latin-1"),
    }
    if found.subcommands:
        shown[b"subcommands"] = {
            sub.name.encode("latin-1"): _documentation(sub) for _, sub in sorted(found.subcommands.items())
        }
    return shown


def _named(name: bytes) -> Command | None:
    """The command of that name; `container|sub` names a subcommand."""
    of, bar, sub = name.upper().partition(b"|")
    found = TABLE.get(of)
    return found.subcommands.get(sub) if bar and found is not None else found


_FLAGS = "loading stale"


@command(
    b"COMMAND",
    arity=-1,
    flags=_FLAGS,
    group="server",
    since="2.8.13",
    summary="Get array of Redis command details",
    complexity="O(N) where N is the total number of Redis commands",
)
def all_commands(c: Call) -> Reply:
    """What COMMAND INFO tells, of all."""
    return [_information(found) for _, found in sorted(TABLE.items())]


register_help(
    b"COMMAND",
    "server",
    "5.0.0",
    [
        "(no subcommand)",
        "    Return details about all Redis commands.",
        "COUNT",
        "    Return the total number of commands in this Redis server.",
        "LIST",
        "    Return a list of all commands in this Redis server.",
        "INFO [<command-name> ...]",
        "    Return details about multiple Redis commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "DOCS [<command-name> ...]",
        "    Return documentation details about multiple Redis commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "GETKEYS <full-command>",
        "    Return the keys from a full Redis command.",
        "GETKEYSANDFLAGS <full-command>",
        "    Return the keys and the access flags from a full Redis command.",
    ],
)


@command(
    b"COMMAND|COUNT",
    arity=2,
    flags=_FLAGS,
    group="server",
    since="2.8.13",
    summary="Get total number of Redis commands",
)
def count(c: Call) -> Reply:
    """How many there are, subcommands not counted."""
    return len(TABLE)


@command(
    b"COMMAND|INFO",
    arity=-2,
    flags=_FLAGS,
    group="server",
    since="2.8.13",
    summary="Get array of specific Redis command details, or all when no argument is given.",
    complexity="O(N) where N is the number of commands to look up",
)
def info(c: Call) -> Reply:
    """Of each command: name, arity, flags, key positions, ACL categories, tips, key specifications, subcommands."""
    if len(c.args) == 2:
        return all_commands(c)
    found = [_named(name) for name in c.args[2:]]
    return [None if one is None else _information(one) for one in found]


@command(
    b"COMMAND|DOCS",
    arity=-2,
    flags=_FLAGS,
    group="server",
    since="7.0.0",
    summary="Get array of specific Redis command documentation",
    complexity="O(N) where N is the number of commands to look up",
)
def docs(c: Call) -> Reply:
    """Of each command named that there is: summary, first version, group, complexity."""
    if len(c.args) == 2:
        return {found.name.encode("latin-1"): _documentation(found) for _, found in sorted(TABLE.items())}
    chosen = [found for found in map(_named, c.args[2:]) if found is not None]
    return {found.name.encode("latin-1"): _documentation(found) for found in chosen}


@command(
    b"COMMAND|LIST",
    arity=-2,
    flags=_FLAGS,
    group="server",
    since="7.0.0",
    summary="Get an array of Redis command names",
    complexity="O(N) where N is the total number of Redis commands",
)
def list_(c: Call) -> Reply:
    """All names; FILTERBY chooses by pattern or ACL category, subcommands then as well."""
    args = c.args
    if len(args) == 2:
        return [found.name.encode("latin-1") for _, found in sorted(TABLE.items())]
    if len(args) != 5 or args[2].upper() != b"FILTERBY":
        raise syntax_error()
    chosen: Callable[[Command], bool]
    match args[3].upper():
        case b"MODULE":
            return []
        case b"ACLCAT":
            wanted = args[4].decode("latin-1").lower()
            chosen = lambda found: wanted in categories(found)  # noqa: E731
        case b"PATTERN":
            matches = matcher(args[4], ignore_case=True)
            chosen = lambda found: matches(found.name.encode("latin-1"))  # noqa: E731
        case _:
            raise syntax_error()
    everything = [one for _, found in sorted(TABLE.items()) for one in (found, *found.subcommands.values())]
    return [found.name.encode("latin-1") for found in everything if chosen(found)]


def _keys_of(args: list[bytes]) -> tuple[Command, list[bytes]]:
    try:
        found = look_up(args)
    except CommandError:
        raise CommandError("ERR Invalid command specified") from None
    if found.finder is None and found.keys[0] == 0:
        raise CommandError("ERR The command has no key arguments")
    if not found.accepts(len(args)):
        raise CommandError("ERR Invalid number of arguments specified for command")
    positions = found.positions(args)
    if not positions:
        raise CommandError("ERR Invalid arguments specified for command")
    return found, [args[at] for at in positions]


@command(
    b"COMMAND|GETKEYS",
    arity=-4,
    flags=_FLAGS,
    group="server",
    since="2.8.13",
    summary="Extract keys given a full Redis command",
    complexity="O(N) where N is the number of arguments to the command",
)
def get_keys(c: Call) -> Reply:
    """The keys of the command that the arguments are."""
    return _keys_of(c.args[2:])[1]


@command(
    b"COMMAND|GETKEYSANDFLAGS",
    arity=-4,
    flags=_FLAGS,
    group="server",
    since="7.0.0",
    summary="Extract keys and access flags given a full Redis command",
    complexity="O(N) where N is the number of arguments to the command",
)
def get_keys_and_flags(c: Call) -> Reply:
    """The keys of the command that the arguments are, each with how it is used."""
    found, keys = _keys_of(c.args[2:])
    return [[key, _words(_use(found))] for key in keys]
