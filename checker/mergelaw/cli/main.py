"""The command line of Mergelaw: options and help. What a command does is imported when it runs, so help is quick."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mergelaw.cli import cluster, explore, serve

app = typer.Typer(
    name="mergelaw",
    help="Replicated data types from small specs: proved lawful, or refuted by a timeline.",
    epilog="Exit status: 0 holds, 1 refuted or failed, 2 wrong input, 3 unknown or out of time.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _commands() -> None:
    pass


@app.command()
def verify(
    specs: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE|TYPE", help="Spec files, or types of the library. [default: the whole library]"),
    ] = None,
    jobs: Annotated[int, typer.Option(min=0, metavar="N", help="Worker processes; 0: one a processor.")] = 0,
    timeout: Annotated[
        float, typer.Option(min=0.001, metavar="S", help="Seconds for one question to a solver.")
    ] = 10.0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Verify unchanged types too.")] = False,
    recheck: Annotated[bool, typer.Option("--recheck", help="Prove the files of proofs/ again with cvc5.")] = False,
    obligation: Annotated[
        str | None, typer.Option(metavar="NAME", help="Verify only obligations whose name has this in it.")
    ] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Tell where the time went.")] = False,
    write_proofs: Annotated[bool, typer.Option("--write-proofs", help="Bring proofs/ up to date.")] = False,
    check_proofs: Annotated[bool, typer.Option("--check-proofs", help="Fail if proofs/ is not up to date.")] = False,
) -> None:
    """Prove types lawful: every obligation for all states and any number of replicas, or a counterexample."""
    from mergelaw.cli import verify as command

    arguments = command.Arguments(
        tuple(specs or ()), jobs, timeout, json, fresh, recheck, obligation, stats, write_proofs, check_proofs
    )
    raise typer.Exit(command.verify(arguments))


@app.command()
def fmt(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Spec files.", show_default=False)],
    check: Annotated[bool, typer.Option("--check", help="Change nothing; name the files that would change.")] = False,
) -> None:
    """Lay spec files out anew in the one format; comments stay. A file with syntax errors is left alone."""
    from mergelaw.cli import fmt as command

    raise typer.Exit(command.fmt(files, check=check))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The type to begin, such as Cart.", show_default=False)],
) -> None:
    """Begin a type: writes a small spec with a flaw for `verify` to find, and says what to do next."""
    from mergelaw.cli import new as command

    raise typer.Exit(command.new(name, Path.cwd()))


explore.register(app)
serve.register(app)
cluster.register(app)


def main() -> None:
    """The entry point of the `mergelaw` command."""
    try:
        app(prog_name="mergelaw")
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; flushing what is left would only fail again.
        sys.stderr.close()
        sys.exit(1)


if __name__ == "__main__":
    main()
