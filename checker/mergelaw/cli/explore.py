"""`mergelaw explore`: every interleaving within a bound, a random run, or a scenario again."""

from __future__ import annotations

import json as json_format
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.live import Live

    from mergelaw.explore import scenario as scenarios
    from mergelaw.explore.model import Outcome, Progress, Story
    from mergelaw.explore.run import Arguments

HOLDS, REFUTED, WRONG_INPUT, UNKNOWN = 0, 1, 2, 3
SIMULATED_S = 10.0
"""How long a simulation runs where nothing is said."""
REDRAW_S = 0.1


@dataclass(frozen=True)
class Extras:
    """What the command line asks for beside the exploration itself."""

    on: str = "spec"
    json: bool = False
    graph: Path | None = None
    save: Path | None = None
    svg: Path | None = None
    simulate: bool = False
    seed: int = 1
    checkpoint: Path | None = None


def register(app: typer.Typer) -> None:
    """Adds the command to `mergelaw`."""
    app.command()(explore)


def explore(
    spec: Annotated[
        str | None,
        typer.Argument(metavar="TYPE|FILE", help="A type of the library, or a spec file.", show_default=False),
    ] = None,
    replicas: Annotated[int, typer.Option(min=1, metavar="N", help="How many replicas.")] = 3,
    updates: Annotated[int, typer.Option(min=1, metavar="K", help="How many updates in all.")] = 3,
    faults: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Fault kinds by name, with commas, or `none`. [default: the level's own]"),
    ] = None,
    causal: Annotated[bool, typer.Option("--causal", help="The network delivers in causal order.")] = False,
    messages: Annotated[str, typer.Option(metavar="deltas|states", help="What replicas send each other.")] = "deltas",
    on: Annotated[str, typer.Option(metavar="spec|replica|network", help="What to run.")] = "spec",
    seconds: Annotated[
        float | None, typer.Option(min=0.001, metavar="S", help="End after so long.", show_default=False)
    ] = None,
    memory: Annotated[
        int | None, typer.Option(min=1, metavar="MB", help="End at so much memory.", show_default=False)
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Worker processes.")] = 1,
    calls: Annotated[int, typer.Option(min=1, metavar="N", help="How many calls are tried in a state.")] = 16,
    no_reduce: Annotated[bool, typer.Option("--no-reduce", help="Run every interleaving; no reductions.")] = False,
    traces: Annotated[
        bool, typer.Option("--traces", help="Run one execution a Mazurkiewicz trace, relying on no law.")
    ] = False,
    no_theorems: Annotated[bool, typer.Option("--no-theorems", help="Leave theorems out.")] = False,
    until_stopped: Annotated[
        bool, typer.Option("--until-stopped", help="One more update again and again, until Ctrl-C or --seconds.")
    ] = False,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save how far it is, and go on from there.", show_default=False)
    ] = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="Random long runs instead of all runs.")] = False,
    seed: Annotated[int, typer.Option(metavar="S", help="Of --simulate: the first seed.")] = 1,
    scenario: Annotated[
        Path | None, typer.Option("--replay", metavar="FILE", help="Run a saved scenario again.", show_default=False)
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the counterexample as a scenario.", show_default=False)
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the counterexample.", show_default=False)
    ] = None,
    graph: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the states as GraphML.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Explore all that a few replicas can do: every order of updates, messages and faults within a bound."""
    from mergelaw.explore.model import ExploreError, Limits
    from mergelaw.explore.run import UPDATES_MAX, Arguments
    from mergelaw.language import SpecErrors
    from mergelaw.laws.finder import InternalError

    extras = Extras(on, json, graph, save, svg, simulate, seed, checkpoint)
    try:
        if scenario is not None:
            raise typer.Exit(_replay(scenario, extras))
        if spec is None:
            raise ExploreError("name a type of the library or a spec file, as in `mergelaw explore ORSet`")
        arguments = Arguments(
            spec,
            replicas,
            UPDATES_MAX if until_stopped else updates,
            faults_of(on, "reorder" if traces and faults is None else faults, simulate=simulate),
            causal,
            messages,
            not no_reduce,
            traces,
            Limits(seconds, memory),
            jobs,
            calls,
            not no_theorems,
        )
        raise typer.Exit(_explore(arguments, extras))
    except SpecErrors as errors:
        for error in errors.errors:
            path = Path(error.span.file)
            shown = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
            print(error.render(shown), file=sys.stderr)
    except ExploreError as problem:
        print(f"error: {problem}", file=sys.stderr)
    except InternalError as problem:
        print(f"internal error, please report it: {problem}", file=sys.stderr)
        raise typer.Exit(UNKNOWN) from problem
    except OSError as problem:
        if isinstance(problem, BrokenPipeError):
            raise
        print(f"error: {problem.filename or ''}: {problem.strerror or problem}", file=sys.stderr)
    raise typer.Exit(WRONG_INPUT)


def faults_of(on: str, written: str | None, *, simulate: bool) -> tuple[str, ...]:
    """The faults that are named, or those that a level has by default. Raises: ExploreError."""
    from mergelaw.explore.model import ExploreError
    from mergelaw.explore.run import DEFAULT_FAULTS

    if on not in ("spec", "replica", "network"):
        raise ExploreError(f"--on is spec, replica or network, not {on}")
    if written is not None:
        return tuple(f for f in (part.strip() for part in written.split(",")) if f and f != "none")
    if simulate:
        from mergelaw.explore.simulate_plan import FAULTS

        return tuple(FAULTS)
    return DEFAULT_FAULTS if on == "spec" else ("reorder", "duplicate")


def _explore(arguments: Arguments, extras: Extras) -> int:
    from mergelaw.explore import report
    from mergelaw.explore.diagram import svg
    from mergelaw.explore.graph import Graph
    from mergelaw.explore.scenario import to_json, write

    graph = Graph() if extras.graph is not None else None
    with Watch() as watch:
        outcome = _run(replace(arguments, watch=watch.see, graph=graph, checkpoint=extras.checkpoint), extras)
    if graph is not None and extras.graph is not None:
        graph.write(extras.graph)
    story = outcome.story
    if story is not None and extras.save is not None:
        write(extras.save, story, arguments, outcome.on)
    if story is not None and extras.svg is not None:
        extras.svg.write_text(svg(story, f"{outcome.type}: {story.violation.check}"), encoding="utf-8")
    if extras.json:
        record = report.to_json(outcome, None if story is None else to_json(story, arguments, outcome.on))
        print(json_format.dumps(record, indent=2, ensure_ascii=False))
    else:
        print(report.text(outcome))
    return report.status(outcome)


def _run(arguments: Arguments, extras: Extras) -> Outcome:
    from mergelaw.explore.model import ExploreError

    if extras.simulate:
        from mergelaw.explore import simulate_run

        return simulate_run.explore(arguments, seed=extras.seed, seconds=arguments.limits.seconds or SIMULATED_S)
    if extras.on == "replica":
        from mergelaw.explore import replica_run

        return replica_run.explore(arguments)
    if extras.on == "network":
        raise ExploreError("the network runs one scenario at a time: `mergelaw explore --on network --replay FILE`")
    from mergelaw.explore import run

    return run.explore(arguments)


def _replay(path: Path, extras: Extras) -> int:
    from mergelaw.explore import scenario as scenarios
    from mergelaw.explore.story import told

    scenario = scenarios.read(path)
    on = extras.on if extras.on != "spec" else scenario.on
    if on == "spec":
        story = scenarios.replay(scenario)
    elif on == "replica":
        from mergelaw.explore import replica_run

        story = replica_run.replay(scenario.arguments, scenario.steps)
    else:
        story = _on_network(scenario)
    if story is None:
        print(f"{scenario.arguments.spec} on {on}: all checks hold in the scenario (it was saved for {scenario.check})")
        return HOLDS
    print(told(scenario.arguments.spec, story), end="")
    return REFUTED


def _on_network(scenario: scenarios.Scenario) -> Story | None:
    from importlib import import_module
    from importlib.util import find_spec

    from mergelaw.explore.model import ExploreError

    if find_spec("mergelaw.explore.network_run") is None:
        raise ExploreError("scenarios do not run on the network in this version; use --on spec or --on replica")
    found: Story | None = import_module("mergelaw.explore.network_run").replay(scenario.arguments, scenario.steps)
    return found


class Watch:
    """Shows how far a search is on a terminal, and nothing elsewhere; it is gone when results are printed."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._started = self._drawn = 0.0

    def __enter__(self) -> Watch:
        self._started = time.monotonic()
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(file=sys.stderr), auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def see(self, progress: Progress) -> None:
        """Draws a line, unless one was drawn just now."""
        now = time.monotonic()
        if self._live is None or now - self._drawn < REDRAW_S:
            return
        self._drawn = now
        seconds = now - self._started
        speed = progress.states / seconds if seconds > 0 else 0.0
        words = f"{progress.states:,} states, {speed:,.0f} a second, {progress.transitions:,} transitions"
        words += f", depth {progress.depth}, frontier {progress.frontier:,}   {seconds:.1f} s"
        self._live.update(words, refresh=True)
