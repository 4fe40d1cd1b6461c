"""HELP of the containers, as Redis lays it out."""

from __future__ import annotations

from collections.abc import Sequence

from mergelaw.commands.reply import Reply, Status
from mergelaw.commands.table import Call, command


def help_reply(name: str, lines: Sequence[str]) -> Reply:
    """The lines of `<name> HELP`.

    Source: redis 7.0, `src/networking.c`, `addReplyHelp`.
    """
    shown = [
        f"{name.upper()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        *lines,
        "HELP",
        "    Prints this help.",
    ]
    return [Status(line.encode("latin-1")) for line in shown]


def register_help(name: bytes, group: str, since: str, lines: Sequence[str]) -> None:
    """Registers `<name> HELP`."""

    @command(
        name + b"|HELP",
        arity=2,
        flags="loading stale",
        group=group,
        since=since,
        summary="Show helpful text about the different subcommands",
    )
    def run(c: Call) -> Reply:
        return help_reply(name.decode("latin-1"), lines)
