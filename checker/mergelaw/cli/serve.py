"""`mergelaw serve`: one instance of an active-active database, over the Redis protocol.

Its options are the settings of the server, which also come from the environment and from a file.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mergelaw.semantics.engine import Engine
from mergelaw.server.settings import LISTS, SETTINGS, Setting

WRONG_INPUT = 2

_HELP = """Serve one instance of an active-active database, over the Redis protocol.

Each option is a setting that may also stand in the environment (MERGELAW_MAXMEMORY=1gb for --maxmemory) or in a file
of TOML (maxmemory = "1gb"); a flag wins over the environment, and that over the file.
"""

Flags = dict[str, str | Sequence[str]]
"""Settings as they were typed, by their names."""


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""

    def serve_command(**given: Any) -> None:
        config: Path | None = given.pop("config")
        raise typer.Exit(serve(flags_of(given), config))

    _sign(
        serve_command,
        {"config": Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file of settings.")]}
        | {s.attribute: _option(s) for s in SETTINGS.values()},
    )
    app.command("serve", help=_HELP)(serve_command)


def flags_of(given: Mapping[str, Any]) -> Flags:
    """The options that were given, as settings."""
    flags: Flags = {}
    for setting in SETTINGS.values():
        value = given.get(setting.attribute)
        if value is not None and value != []:
            flags[setting.name] = "yes" if value is True else value
    return flags


def serve(flags: Flags, config: Path | None) -> int:
    """Serves until it is told to stop; the exit status: 0, 1 for a type that is not proved, 2 for wrong input."""
    from mergelaw.server.config import FILE_VARIABLE, ConfigError, load
    from mergelaw.server.main import CannotStart, run

    try:
        settings = load(flags, os.environ, config)
        file = config or (Path(os.environ[FILE_VARIABLE]) if os.environ.get(FILE_VARIABLE) else None)
        engines: dict[str, Engine] = {}
        if settings.type:
            from mergelaw.cli.types_served import NotServed, types_served
            from mergelaw.commands import custom

            try:
                types = types_served(settings.type, unproved=settings.unproved)
                custom.register(types)
            except NotServed as problem:
                print(problem, file=sys.stderr)
                return problem.status
            engines = {t.name: t.engine for t in types}
        run(settings, config_file=file, engines=engines)
    except (ConfigError, CannotStart) as error:
        print(f"mergelaw serve: {error}", file=sys.stderr)
        return WRONG_INPUT
    return 0


def _option(setting: Setting) -> Any:
    shown = setting.kind.show(setting.default)
    about = setting.about if setting.name in ("id", "dir") or not shown else f"{setting.about} [default: {shown}]"
    if setting.name == "unproved":
        return Annotated[bool | None, typer.Option("--unproved", help=setting.about)]
    if setting.name in LISTS:
        return Annotated[list[str] | None, typer.Option(f"--{setting.name}", metavar=_short(setting), help=about)]
    return Annotated[str | None, typer.Option(f"--{setting.name}", metavar=_short(setting), help=about)]


def _short(setting: Setting) -> str:
    """The hint's first words, for the column of options."""
    return setting.kind.hint.split(";")[0].split(",")[0].split(" from ")[0].split(" [")[0].replace(" | ", "|")


def _sign(command: Callable[..., None], options: Mapping[str, Any]) -> None:
    """Gives `command` the parameters that typer makes options of."""
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            for name, annotation in options.items()
        ]
    )
    command.__annotations__ = dict(options)
