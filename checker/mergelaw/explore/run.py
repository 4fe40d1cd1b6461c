"""One exploration on the spec level, from what the user asks to the outcome."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from mergelaw.explore import checkpoint
from mergelaw.explore import story as stories
from mergelaw.explore.checks import Checks
from mergelaw.explore.coverage import coverage
from mergelaw.explore.graph import Graph
from mergelaw.explore.histories import Histories
from mergelaw.explore.history import Explored, OnLevel
from mergelaw.explore.model import (
    HOLDS,
    REFUTED,
    UNKNOWN,
    Bound,
    ExploreError,
    Limits,
    Outcome,
    Progress,
    Story,
    Watch,
    unwatched,
)
from mergelaw.explore.parallel import Workers
from mergelaw.explore.plain import COVERED, FAULTS, Action, Plain, Setting
from mergelaw.explore.programs import Programmed, programs
from mergelaw.explore.search import breadth_first, memory_mb
from mergelaw.explore.select import Subject, proof_of_laws, subject
from mergelaw.explore.tables import CALLS, Tables
from mergelaw.explore.theorems import Settled, Stop, Theorems
from mergelaw.explore.traces import Traced, traces
from mergelaw.laws import cache, sources

DEFAULT_FAULTS = ("reorder", "duplicate", "drop", "partition", "sync", "clock")
"""What a network and clocks do anyway."""

REPLICAS_MAX, UPDATES_MAX = 9, 12


@dataclass(frozen=True)
class Arguments:
    """What to explore, and how far."""

    spec: str
    replicas: int = 3
    updates: int = 3
    faults: tuple[str, ...] = DEFAULT_FAULTS
    causal: bool = False
    messages: str = "deltas"
    """deltas, or states: replicas exchange their whole states."""
    reduce: bool = True
    traces: bool = False
    """One execution for each Mazurkiewicz trace of each fixed program, without relying on any law."""
    limits: Limits = field(default_factory=Limits)
    jobs: int = 1
    calls: int = CALLS
    theorems: bool = True
    watch: Watch = unwatched
    graph: Graph | None = None
    checkpoint: Path | None = None
    """Where to save how far it is; if the file is there, the search goes on from it."""

    def check(self) -> None:
        """Raises: ExploreError, if a value makes no sense."""
        if not 1 <= self.replicas <= REPLICAS_MAX:
            raise ExploreError(f"--replicas is from 1 to {REPLICAS_MAX}, not {self.replicas}")
        if not 1 <= self.updates <= UPDATES_MAX:
            raise ExploreError(f"--updates is from 1 to {UPDATES_MAX}, not {self.updates}")
        for fault in self.faults:
            if fault not in FAULTS:
                known = ", ".join(FAULTS)
                raise ExploreError(f"there is no fault `{fault}` on the spec level; there are: {known} (and `none`)")
        if self.traces and (not self.reduce or self.messages != "deltas" or {*self.faults} - {"reorder", "clock"}):
            raise ExploreError(
                "--traces is for networks without faults but reorder and clock, with deltas and reductions"
            )
        if self.jobs > 1 and (self.traces or not self.reduce):
            raise ExploreError("--jobs is for the reduced search; leave --traces and --no-reduce out")
        if self.checkpoint is not None and (self.traces or not self.reduce):
            raise ExploreError("--checkpoint is for the reduced search; leave --traces and --no-reduce out")
        if self.messages not in ("deltas", "states"):
            raise ExploreError(f"--messages is deltas or states, not {self.messages}")

    @property
    def setting(self) -> Setting:
        """What can happen."""
        return Setting(self.updates, frozenset(self.faults), self.causal, self.messages == "states")


def explore(arguments: Arguments) -> Outcome:
    """All that can happen within the bound, or a counterexample.

    Raises: ExploreError, if the input is wrong; SpecErrors; OSError; InternalError, if the engines disagree.
    """
    arguments.check()
    return explored(subject(arguments.spec), arguments)


def explored(of: Subject, arguments: Arguments) -> Outcome:
    """`explore` of a type that is loaded already."""
    started = time.monotonic()
    proof = proof_of_laws(of) if arguments.reduce else ""
    tables = Tables(of.program, of.type, arguments.replicas, calls=arguments.calls, given=of.given)
    if not tables.options(tables.zero, 1, 1, 0):
        raise ExploreError(f"no update of {of.type} can be made at first, so there is nothing to explore")
    checks = Checks(tables, laws=not proof)
    search = _traces if arguments.traces else _reduced if arguments.reduce else _plain
    outcome = search(tables, checks, arguments, proof)
    if outcome.verdict == HOLDS and arguments.theorems:
        _theorems(of, arguments, outcome, started)
    outcome.seconds = time.monotonic() - started
    return outcome


def _bound(tables: Tables, arguments: Arguments) -> Bound:
    first = tables.options(tables.zero, 1, 1, 0)
    return Bound(
        arguments.replicas,
        arguments.updates,
        tuple(f for f in FAULTS if f in arguments.faults) + (("causal",) if arguments.causal else ()),
        arguments.messages,
        len(first),
    )


def _reduced(tables: Tables, checks: Checks, arguments: Arguments, proof: str) -> Outcome:
    found, search = _run(tables, checks, arguments, trusted=bool(proof))
    used = ["a state is told by the set of deltas received, and deliveries are not permuted"]
    used[0] += f" ({proof})" if proof else " (checked: all orders of every set agree)"
    if search.symmetric_replicas:
        used.append("replicas are alike: nothing in the type orders them")
    if search.symmetric_texts:
        used.append("texts are alike: nothing in the type orders or names them")
    if COVERED[0] in arguments.faults or COVERED[1] in arguments.faults:
        used.append("loss and partitions add no state: a delta may stay on its way for ever")
    story = None
    if found.fault is not None:
        story = stories.of_history(tables, arguments.setting, checks, found.fault)
    return Outcome(
        type=str(tables.type),
        on="spec",
        verdict=_verdict(story, found.stopped),
        bound=_bound(tables, arguments),
        states=found.progress.states,
        transitions=found.progress.transitions,
        executions=found.executions,
        traces=0,
        depth=found.updates,
        seconds=0.0,
        stopped=found.stopped,
        used=tuple(used),
        coverage=coverage(tables, found.ran, found.concurrent),
        story=story,
        checks=_checks(checks),
    )


def _run(tables: Tables, checks: Checks, arguments: Arguments, *, trusted: bool) -> tuple[Explored, Histories]:
    search = Histories(tables, arguments.setting, checks, trusted=trusted)
    told: list[OnLevel] = [] if arguments.graph is None else [arguments.graph.histories(search)]
    begin = None
    if arguments.checkpoint is not None:
        path, of = arguments.checkpoint, _identity(tables, arguments)
        begin = checkpoint.load(path, search, of)
        told.append(lambda found: checkpoint.save(path, search, found, of))

    def level(found: Explored) -> None:
        for tell in told:
            tell(found)

    with Workers(search, arguments.jobs) if arguments.jobs > 1 else nullcontext() as workers:
        expand = None if workers is None else workers.expanded
        return search.run(arguments.limits, arguments.watch, level, begin, expand), search


def _identity(tables: Tables, arguments: Arguments) -> str:
    """What a checkpoint must have been made of for a search to go on from it."""
    texts = cache.texts_digest(sources.closure(Path(tables.system.definition.file)))
    return f"{tables.type} {texts} {_bound(tables, arguments)}"


def _plain(tables: Tables, checks: Checks, arguments: Arguments, proof: str) -> Outcome:
    system = Plain(tables, arguments.setting, checks)
    found = breadth_first(system, arguments.limits, arguments.watch, arguments.graph)
    story = None if found.trace is None else stories.of_trace(system, found.trace)
    return Outcome(
        type=str(tables.type),
        on="spec",
        verdict=_verdict(story, found.stopped),
        bound=_bound(tables, arguments),
        states=found.progress.states,
        transitions=found.progress.transitions,
        executions=0,
        traces=0,
        depth=found.progress.depth,
        seconds=0.0,
        stopped=found.stopped,
        used=("nothing: every interleaving, up to equal states",),
        story=story,
        checks=_checks(checks),
    )


def _traces(tables: Tables, checks: Checks, arguments: Arguments, proof: str) -> Outcome:
    """Every program of so many updates, each with one execution a trace."""
    started = time.monotonic()
    plain = Plain(tables, arguments.setting, checks)
    total: Traced[int, Action] = Traced()
    limits = arguments.limits
    count = 0
    for program in programs(tables, arguments.setting):
        left = None if limits.seconds is None else max(0.0, limits.seconds - (time.monotonic() - started))
        found = traces(Programmed(plain, program), replace(limits, seconds=left), arguments.watch)
        count += 1
        total.executions += found.executions
        total.blocked += found.blocked
        total.progress.states += found.progress.states
        total.progress.transitions += found.progress.transitions
        total.progress.depth = max(total.progress.depth, found.progress.depth)
        total.trace, total.stopped = found.trace, found.stopped
        if total.trace is not None or total.stopped:
            break
    story = None if total.trace is None else stories.of_trace(plain, total.trace)
    used = f"one execution a trace of {count} programs (source sets and sleep sets); {total.blocked} given up half-way"
    return Outcome(
        type=str(tables.type),
        on="spec",
        verdict=_verdict(story, total.stopped),
        bound=_bound(tables, arguments),
        states=total.progress.states,
        transitions=total.progress.transitions,
        executions=total.executions,
        traces=total.executions,
        depth=0 if total.stopped else arguments.updates,
        seconds=0.0,
        stopped=total.stopped,
        used=(used,),
        story=story,
        checks=_checks(checks),
    )


def _checks(checks: Checks) -> tuple[str, ...]:
    return ("convergence: same received, same state", "frame", *checks.names)


def _verdict(story: Story | None, stopped: str) -> str:
    return REFUTED if story is not None else UNKNOWN if stopped else HOLDS


def _theorems(of: Subject, arguments: Arguments, outcome: Outcome, started: float) -> None:
    """Goes on with the theorems and puts what comes of them into `outcome`."""
    theorems = Theorems(
        of.program,
        of.type,
        arguments.replicas,
        calls=arguments.calls,
        causal=arguments.causal,
        given=of.given,
        symmetric=arguments.reduce,
    )
    progress = Progress(outcome.states, outcome.transitions, outcome.depth)
    tick = _Ticker(arguments.limits, arguments.watch, progress, started)
    looked: list[Settled] = []
    for definition in theorems.definitions:
        settled = theorems.settle(definition, arguments.updates, tick)
        looked.append(settled)
        if settled.story is not None:
            outcome.story, outcome.verdict = settled.story, REFUTED
            break
    outcome.checks += tuple(_extent(s, arguments.updates) for s in looked)
    late = [s.name for s in looked if s.story is None and s.updates < arguments.updates and not _too_long(theorems, s)]
    if outcome.verdict == HOLDS and late and tick.stopped:
        outcome.verdict, outcome.stopped = UNKNOWN, f"{tick.stopped}, before theorem {late[0]} was looked at in full"


def _too_long(theorems: Theorems, settled: Settled) -> bool:
    """Whether a theorem makes more updates itself than the bound allows, so that there is nothing to look at."""
    return settled.updates == -1 and settled.instances == 0


def _extent(settled: Settled, updates: int) -> str:
    if settled.story is not None or settled.updates == updates:
        return f"theorem {settled.name}"
    if settled.updates == -1 and settled.instances == 0:
        return f"theorem {settled.name} (not at all: it takes more than {updates} updates itself)"
    return f"theorem {settled.name} (up to {max(settled.updates, 0)} updates)"


class _Ticker:
    """Counts instances and ends the search when the limits say so."""

    def __init__(self, limits: Limits, watch: Watch, progress: Progress, started: float) -> None:
        self._limits = limits
        self._watch = watch
        self._progress = progress
        self._end = None if limits.seconds is None else started + limits.seconds
        self._count = 0
        self.stopped = ""

    def __call__(self) -> None:
        self._count += 1
        if self._count % 64 and not self.stopped:
            return
        self._watch(self._progress)
        if self._end is not None and time.monotonic() >= self._end:
            self.stopped = f"out of time after {self._limits.seconds:g} s"
        elif self._limits.memory_mb is not None and memory_mb() >= self._limits.memory_mb:
            self.stopped = f"the process holds {memory_mb()} MB, and --memory allows {self._limits.memory_mb}"
        if self.stopped:
            raise Stop
