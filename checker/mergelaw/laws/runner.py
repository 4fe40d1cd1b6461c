"""Verifies the types of many files in worker processes.

The parent parses one file after the other and hands its types out while it parses the next. The workers decide.
An obligation whose solver does not return is stopped from outside and is unknown; it costs no other its verdict.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mergelaw.laws.model import Kind, Obligation, Result, Verdict
from mergelaw.laws.recipes import Recipes
from mergelaw.laws.workers import Broken, Done, Lost, Pool, Send, Sent

if TYPE_CHECKING:
    from mergelaw.language import SpecErrors
    from mergelaw.language.core import Program
    from mergelaw.laws.finder import Finder

TICK_S = 0.1
GRACE_S = 15.0
CHUNK = 16
"""The most obligations for the prover that are one task; the parts of a long type can run beside each other."""


@dataclass(frozen=True)
class Options:
    """How to verify."""

    jobs: int
    timeout_s: float
    """For one question to a solver. An obligation may put several; see `limit_s`."""
    obligation: str | None = None
    """Part of the names of the only obligations to look at."""
    texts: bool = False
    """Whether proofs are wanted with their SMT-LIB texts, which takes longer."""
    recipes: Recipes = field(default_factory=dict)
    """What to try first, by type and obligation."""

    def chosen(self, name: str) -> bool:
        """Whether an obligation of this name is to be looked at."""
        return self.obligation is None or self.obligation in name

    @property
    def limit_s(self) -> float:
        """How long a worker may go without a verdict before it is stopped."""
        return 3 * self.timeout_s + GRACE_S


@dataclass(frozen=True)
class FileJob:
    """One file, and those of its types that are to be verified (None: all that it declares itself)."""

    path: Path
    types: tuple[str, ...] | None = None

    @property
    def label(self) -> str:
        """What reports call the file."""
        return str(self.path)


@dataclass(frozen=True)
class TypeTask:
    """What a worker gets: obligations of one type, to be decided in this order."""

    label: str
    program: bytes
    """The program, pickled: once for all tasks of a file, and unpickled once by each worker."""
    type: str
    obligations: tuple[Obligation, ...]
    timeout_ms: int
    texts: bool
    recipes: Mapping[str, object]
    """By obligation; may have some of others."""


@dataclass
class TypeRun:
    """A type on its way: its obligations, and the results so far by obligation name."""

    name: str
    label: str
    obligations: tuple[Obligation, ...]
    results: dict[str, Result] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    """Tracebacks of faults of ours."""

    @property
    def done(self) -> bool:
        """Whether every obligation has a verdict."""
        return len(self.results) == len(self.obligations)

    @property
    def ordered(self) -> tuple[Result, ...]:
        """The results so far in the order of the obligations."""
        return tuple(self.results[o.name] for o in self.obligations if o.name in self.results)


@dataclass
class Run:
    """What became of some files."""

    types: list[TypeRun] = field(default_factory=list)
    errors: list[tuple[FileJob, SpecErrors]] = field(default_factory=list)
    """Files that are no well-typed specs; nothing else counts if there are any."""
    parse_s: float = 0.0
    unmatched: list[str] = field(default_factory=list)
    """The names of all obligations, if `Options.obligation` fits none of them."""


def run(files: Iterable[FileJob], options: Options, watch: Callable[[Run], None] = lambda _: None) -> Run:
    """Verifies the types of `files`; `watch` sees the run grow, at least ten times a second but while a file is parsed.

    A file with errors stops the proving, but the other files are still read, so all errors are told at once.
    Raises: OSError, if a file cannot be read.
    """
    state = Run()
    runs: dict[tuple[str, str], TypeRun] = {}
    names: list[str] = []
    with Pool(_verify, jobs=options.jobs, limit_s=options.limit_s) as pool:
        for job in files:
            for task in _plan(job, options, state):
                names += (o.name for o in task.obligations)
                chosen = tuple(o for o in task.obligations if options.chosen(o.name))
                if not chosen:
                    continue
                runs[task.label, task.type] = TypeRun(task.type, task.label, chosen)
                state.types.append(runs[task.label, task.type])
                if not state.errors:
                    for part in _tasks(chosen):
                        known = {o.name: task.recipes[o.name] for o in part if o.name in task.recipes}
                        pool.submit(replace(task, obligations=part, recipes=known))
            if not state.errors:
                _collect(pool, runs, 0.0)
            watch(state)
        while pool.busy and not state.errors:
            _collect(pool, runs, TICK_S)
            watch(state)
    if options.obligation is not None and not state.types:
        state.unmatched = names
    return state


def _tasks(obligations: tuple[Obligation, ...]) -> Iterator[tuple[Obligation, ...]]:
    """The obligations of a type, divided among workers; those that are explored share what was explored, so as one."""
    explored = tuple(o for o in obligations if o.kind is Kind.WITNESS or o.bound is not None)
    if explored:
        yield explored
    proved = tuple(o for o in obligations if o.kind is not Kind.WITNESS and o.bound is None)
    for i in range(0, len(proved), CHUNK):
        yield proved[i : i + CHUNK]


def _plan(job: FileJob, options: Options, state: Run) -> list[TypeTask]:
    from mergelaw.language import SpecErrors, check_file
    from mergelaw.laws.obligations import obligations

    start = time.perf_counter()
    try:
        program = check_file(job.path)
    except SpecErrors as e:
        state.errors.append((job, e))
        return []
    finally:
        state.parse_s += time.perf_counter() - start
    timeout_ms = round(options.timeout_s * 1000)
    names = program.main if job.types is None else job.types
    data = pickle.dumps(program)
    return [
        TypeTask(
            job.label,
            data,
            name,
            tuple(obligations(program, name)),
            timeout_ms,
            options.texts,
            options.recipes.get(name, {}),
        )
        for name in names
    ]


def _collect(pool: Pool[TypeTask], runs: dict[tuple[str, str], TypeRun], timeout_s: float) -> None:
    for event in pool.events(timeout_s):
        task = event.task
        of = runs[task.label, task.type]
        if isinstance(event, Sent):
            assert isinstance(event.payload, Result), f"a worker sent {event.payload!r}"
            of.results[event.payload.obligation.name] = event.payload
            continue
        missing = tuple(o for o in task.obligations if o.name not in of.results)
        if not missing:
            continue
        # They are decided in order, so the first without a verdict is the one that the worker was at.
        of.results[missing[0].name] = _no_verdict(event, missing[0], pool.limit_s)
        if isinstance(event, Broken):
            of.faults.append(f"{task.type}: {missing[0].name}\n{event.trace}")
        if missing[1:]:
            pool.submit(replace(task, obligations=missing[1:]), first=True)


def _no_verdict(event: Broken[TypeTask] | Lost[TypeTask] | Done[TypeTask], o: Obligation, limit_s: float) -> Result:
    if isinstance(event, Lost):
        return Result(o, Verdict.UNKNOWN, limit_s, "none", event.reason)
    fault = event.trace.strip().splitlines()[-1] if isinstance(event, Broken) else "no verdict came back"
    return Result(o, Verdict.UNKNOWN, 0.0, "none", f"internal error: {fault}")


def _verify(task: TypeTask, send: Send) -> None:
    from mergelaw.laws import garbage
    from mergelaw.laws.prove import SEARCH, decide

    program, finder = _program(task.program), _finder(task.program, task.type)
    limits = replace(SEARCH, seconds=min(SEARCH.seconds, task.timeout_ms / 1000))
    for o in task.obligations:
        with garbage.put_off():
            recipe = task.recipes.get(o.name)
            send(decide(program, finder, o, task.timeout_ms, limits, texts=task.texts, recipe=recipe))


@lru_cache(maxsize=8)
def _program(data: bytes) -> Program:
    program: Program = pickle.loads(data)
    return program


@lru_cache(maxsize=8)
def _finder(data: bytes, type_name: str) -> Finder:
    from mergelaw.laws.finder import Finder

    return Finder(_program(data), type_name)
