"""`mergelaw verify`: from what the user names to verdicts, text and exit status."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mergelaw.cli.select import WrongInput, rests_on, select, suggestion
from mergelaw.cli.watch import Watch
from mergelaw.laws import cache, ledger, recipes, report, sources
from mergelaw.laws.model import Result, Verdict
from mergelaw.laws.recheck import NoSecondSolver, ProofFile, recheck, solver_name
from mergelaw.laws.report import Recheck, Report, Status, TypeReport
from mergelaw.laws.runner import FileJob, Options, Run, run


@dataclass(frozen=True)
class Arguments:
    """The command line, as `main.verify` has it."""

    specs: tuple[str, ...] = ()
    jobs: int = 0
    timeout_s: float = 10.0
    json: bool = False
    fresh: bool = False
    recheck: bool = False
    obligation: str | None = None
    stats: bool = False
    write_proofs: bool = False
    check_proofs: bool = False

    @property
    def needs_texts(self) -> bool:
        """Whether the SMT-LIB texts are wanted, which only a fresh run has."""
        return self.write_proofs or self.check_proofs


@dataclass(frozen=True)
class Found:
    """The verdicts of all that was asked for, and where they came from."""

    types: tuple[TypeReport, ...]
    parse_s: float
    faults: tuple[str, ...]


def verify(arguments: Arguments) -> Status:
    """Runs the command and prints what it has to say: results to stdout, progress and complaints to stderr."""
    start = time.perf_counter()
    try:
        return _verify(arguments, start)
    except (WrongInput, NoSecondSolver, ledger.LedgerError) as e:
        print(f"error: {e}", file=sys.stderr)
    except OSError as e:
        if isinstance(e, BrokenPipeError):
            raise
        print(f"error: {e.filename or ''}: {e.strerror or e}", file=sys.stderr)
    return Status.WRONG_INPUT


def _verify(arguments: Arguments, start: float) -> Status:
    if arguments.needs_texts and arguments.obligation:
        raise WrongInput("--write-proofs and --check-proofs look at whole types; leave --obligation out")
    if arguments.write_proofs and arguments.check_proofs:
        raise WrongInput("--write-proofs brings proofs/ up to date, so --check-proofs would have nothing to say")
    rechecked_by = solver_name() if arguments.recheck else ""
    jobs = select(arguments.specs)
    cores = os.cpu_count() or 1
    known = {} if arguments.needs_texts else recipes.read(_proofs_folder(job.label for job in jobs))
    options = Options(arguments.jobs or cores, arguments.timeout_s, arguments.obligation, arguments.needs_texts, known)
    with Watch(sys.stderr) as watch:
        found = find(jobs, options, watch, fresh=arguments.fresh or arguments.needs_texts)
        if found is None:
            return Status.WRONG_INPUT
        changes = _proofs(arguments, jobs, found.types)
        rechecks = _recheck(found.types, options, watch) if arguments.recheck else []
    alike: dict[str, list[str]] = {}
    for fault in found.faults:
        place, _, trace = fault.partition("\n")
        alike.setdefault(trace, []).append(place)
    for trace, places in alike.items():
        more = f" (and {len(places) - 1} more)" if places[1:] else ""
        print(f"internal error, please report it:\n{places[0]}{more}\n{trace}", file=sys.stderr)
    seconds = time.perf_counter() - start
    result = Report(found.types, seconds, found.parse_s, tuple(rechecks), rechecked_by, rests_on(jobs))
    if arguments.json:
        print(json.dumps(result.to_json(), indent=2, ensure_ascii=False))
    else:
        _print(result, stats=arguments.stats)
    status = result.status
    if arguments.check_proofs and changes:
        print(f"proofs/ is stale ({len(changes)}); run `mergelaw verify --write-proofs`:", file=sys.stderr)
        for change in changes:
            print(f"  {change}", file=sys.stderr)
        status = status if status is not Status.HOLDS else Status.REFUTED
    return status


def find(jobs: Sequence[FileJob], options: Options, watch: Watch, *, fresh: bool) -> Found | None:
    """The verdicts on the types of all files, of earlier runs if the texts are the same; None: errors were printed."""
    known: dict[FileJob, list[TypeReport]] = {}
    entries: dict[str, str] = {}
    for job in jobs:
        entries[job.label] = cache.key(job.label, sources.closure(job.path))
        if not fresh and (reports := _cached(job, entries[job.label], options)) is not None:
            known[job] = reports
    watch.start(known.values())
    open_jobs = [job for job in jobs if job not in known]
    # Long files have long types; starting them first keeps all workers busy to the end.
    by_size = sorted(open_jobs, key=lambda job: -job.path.stat().st_size)
    kept: set[tuple[str, str]] = set()

    def see(state: Run) -> None:
        watch.see(state)
        # Kept as soon as it is known, so that a run that is broken off has not been for nothing.
        for t in state.types:
            if t.done and options.obligation is None and (t.label, t.name) not in kept:
                kept.add((t.label, t.name))
                cache.store(entries[t.label], {t.name: list(t.ordered)})

    outcome = run(by_size, options, see) if open_jobs else Run()
    if outcome.errors:
        watch.stop()
        _print_errors(outcome)
        return None
    for job in open_jobs:
        runs = [t for t in outcome.types if t.label == job.label]
        known[job] = [TypeReport(t.name, t.label, t.ordered) for t in runs]
    types = tuple(t for job in jobs for t in known[job])
    if not any(t.results for t in types):
        _refuse_empty(options.obligation, outcome)
    return Found(types, outcome.parse_s, tuple(f for t in outcome.types for f in t.faults))


def _refuse_empty(obligation: str | None, outcome: Run) -> None:
    if obligation is None:
        raise WrongInput("there is nothing to verify: the files declare no type")
    hint = suggestion(obligation, outcome.unmatched)
    raise WrongInput(f"no type named has an obligation `{obligation}`.{hint or ' --json lists their names.'}")


def _cached(job: FileJob, entry: str, options: Options) -> list[TypeReport] | None:
    """The reports on all types that `job` asks for from the cache; None iff one of them is missing."""
    found = cache.load(entry)
    if found is None:
        return None
    names = job.types or tuple(sources.declared(sources.read(job.path)))
    if any(name not in found for name in names):
        return None
    reports = [
        TypeReport(name, job.label, tuple(r for r in found[name] if options.chosen(r.obligation.name)), cached=True)
        for name in names
    ]
    chosen = [t for t in reports if t.results]
    # An unknown name is better answered by a run that knows all names.
    return chosen or None


def _print_errors(outcome: Run) -> None:
    texts: dict[str, str] = {}
    seen: set[object] = set()
    for job, errors in outcome.errors:
        for error in errors.errors:
            # Files that import one wrong file all report its errors.
            if error in seen:
                continue
            seen.add(error)
            file = error.span.file
            if file not in texts:
                texts[file] = sources.read(Path(file)) if Path(file).is_file() else sources.read(job.path)
            print(error.render(texts[file]), file=sys.stderr, end="\n\n")


def _print(result: Report, *, stats: bool) -> None:
    print("\n".join(report.table(result.types)))
    for r in result.results:
        if r.verdict not in (Verdict.PROVED, Verdict.BOUNDED):
            print(f"\n{told(r)}")
    bounded = [r for r in result.results if r.verdict is Verdict.BOUNDED]
    if bounded:
        print()
    for r in bounded:
        print(f"bounded  {r.obligation.type}: {r.obligation.name}   {r.detail}".rstrip())
    doubts: dict[tuple[str, str], list[str]] = {}
    for c in result.rechecks:
        if c.answer != "unsat":
            doubts.setdefault((c.answer, c.type), []).append(c.obligation)
    for (answer, name), obligations in doubts.items():
        print(f"\n{result.rechecked_by} says `{answer}` to {name}: {', '.join(obligations)}")
    if stats:
        print("\n" + "\n".join(report.stats(result)))
    print("\n" + "\n".join([report.summary(result), *report.claim(result)]))


def told(r: Result) -> str:
    """A result that is not proved, as text: its counterexample, or why there is none."""
    from mergelaw.laws.timeline import draw

    if r.counterexample is not None:
        return draw(r.counterexample, r.obligation).rstrip()
    o = r.obligation
    return f"{r.verdict.value}  {o.type}: {o.name}   ({o.span})\n  {r.detail}".rstrip()


def _checkout() -> Path | None:
    """The folder of the checkout that the library is part of; None if it was installed as a package."""
    root = sources.library().parents[2]
    return root if (root / "pyproject.toml").is_file() else None


def _proofs_folder(files: Iterable[str]) -> Path:
    """`proofs/` of the checkout for types of the library, else of the current folder."""
    root = _checkout()
    return (root if root is not None and all(sources.of_library(Path(f)) for f in files) else Path.cwd()) / "proofs"


def _proofs(arguments: Arguments, jobs: Sequence[FileJob], types: Sequence[TypeReport]) -> list[str]:
    """Writes or compares the folder of proofs, if asked to; what changed, or is stale."""
    if not arguments.needs_texts:
        return []
    texts = {job.label: cache.texts_digest(sources.closure(job.path)) for job in jobs}
    records = [ledger.TypeRecord(t.name, _ledger_file(t.file), texts[t.file], t.results) for t in types]
    if len({r.name for r in records}) < len(records):
        raise WrongInput("two files declare a type of the same name; its folder in proofs/ could hold only one")
    folder = _proofs_folder(t.file for t in types)
    if arguments.check_proofs:
        return ledger.stale(folder, records, whole=not arguments.specs)
    changes = ledger.write(folder, records, whole=not arguments.specs)
    recipes.write(folder, {t.name: t.results for t in types}, whole=not arguments.specs)
    print(f"{folder}: {len(changes)} changes" if changes else f"{folder}: up to date", file=sys.stderr)
    return changes


def _ledger_file(file: str) -> str:
    path = Path(file)
    return sources.in_library(path) if sources.of_library(path) else path.name


def _recheck(types: Sequence[TypeReport], options: Options, watch: Watch) -> list[Recheck]:
    """cvc5's answers on the proof files of `types`, and `missing` for a proof that the folder has no word of."""
    folder = _proofs_folder(t.file for t in types)
    wanted = {(t.name, r.obligation.name) for t in types for r in t.results if r.verdict is Verdict.PROVED}
    files = [
        ProofFile(*parts)
        for parts in ledger.proof_files(folder, (t.name for t in types))
        if (parts[0], parts[1]) in wanted
    ]
    written = ledger.read(folder)
    missing = [
        Recheck(t, o, "missing, run mergelaw verify --write-proofs", 0.0)
        for t, o in sorted(wanted)
        if o not in written.get(t, {}).get("obligations", {})
    ]
    return missing + recheck(
        files, jobs=options.jobs, timeout_s=options.timeout_s, watch=lambda n: watch.count("rechecked", n, len(files))
    )
