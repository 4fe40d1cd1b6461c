"""What `--type` names, made ready to be served: checked, proved, and turned into engines and commands."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from os import cpu_count
from pathlib import Path

from mergelaw.cli import verify as verifying
from mergelaw.cli.select import WrongInput, select
from mergelaw.cli.watch import Watch
from mergelaw.commands.custom import (
    LEAVES_NOTHING,
    CannotServe,
    CustomType,
    check_name,
    custom_type,
    own_end,
    with_delete,
)
from mergelaw.language import SpecErrors, check_file
from mergelaw.language.core import Named, Program
from mergelaw.laws import cache, sources
from mergelaw.laws.model import Kind, Obligation, Result, Verdict
from mergelaw.laws.report import Status, TypeReport
from mergelaw.laws.runner import FileJob, Options
from mergelaw.laws.workers import Pool, Send, Sent
from mergelaw.semantics.library import UnknownType, library, resolved

_WORD = re.compile(r"(?P<file>.*\.crdt)(?::(?P<type>.*))?", re.DOTALL)
_HOLDS = (Verdict.PROVED, Verdict.BOUNDED)
_SHOWN = 10
"""So many obligations that are not proved are named."""
_DELETE_TIMEOUT_S = 3.0
"""For one question about a delete that is added: it is easy, or it does not hold."""


class NotServed(Exception):
    """A type cannot be served. The message is ready to be printed to stderr; `status` is the exit status."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


def types_served(words: Sequence[str], *, unproved: bool = False, timeout_s: float = 10.0) -> tuple[CustomType, ...]:
    """The types that `words` name: `FILE` (its last type), `FILE:TYPE`, or a type of the library; all are proved.

    `unproved` takes them as they are. To serve them, give the database their engines, and the table their commands:

        types = types_served(words, unproved=...)
        custom.register(types)
        Instance(settings, engines={t.name: t.engine for t in types})

    Raises: NotServed: WRONG_INPUT, if a spec is wrong or not there; REFUTED, if a type is not proved.
    """
    found: dict[str, CustomType] = {}
    for word in words:
        try:
            custom = _served(word, unproved, timeout_s)
        except SpecErrors as errors:
            raise NotServed(Status.WRONG_INPUT, _rendered(errors)) from None
        except (UnknownType, CannotServe, WrongInput) as problem:
            raise NotServed(Status.WRONG_INPUT, f"error: --type {word}: {problem}") from None
        except OSError as problem:
            why = problem.strerror or str(problem)
            raise NotServed(Status.WRONG_INPUT, f"error: --type {word}: {why}") from None
        other = found.setdefault(custom.prefix, custom)
        if other is not custom:
            raise NotServed(
                Status.WRONG_INPUT,
                f"error: --type {word}: {custom.name} and {other.name} would have commands of the same name",
            )
    return tuple(found.values())


def _served(word: str, unproved: bool, timeout_s: float) -> CustomType:
    file, written = _parts(word)
    if file is not None:
        # Errors are told with the file's name as it was given.
        check_file(file)
    program, t = resolved(written, file)
    check_name(t.name)
    if unproved:
        return custom_type(program, t, delete=True)
    jobs = _jobs(program, t, file)
    _require_proofs(word, program, t, jobs, timeout_s)
    definition = program.types[t.name]
    if definition.kind != "store" or own_end(definition) is not None:
        return custom_type(program, t, delete=False)
    if _delete_holds(Path(definition.file), t.name):
        return custom_type(program, t, delete=True)
    why_not = "it is not proved that nothing is left of it where all its dots are forgotten"
    return custom_type(program, t, delete=False, why_not=why_not)


def _parts(word: str) -> tuple[Path | None, str | None]:
    """The file and the type that a word names; at least one of them. Raises: WrongInput."""
    found = _WORD.fullmatch(word)
    if found is None:
        if "/" in word:
            raise WrongInput("a spec is a file whose name ends in .crdt")
        return None, word
    file = Path(found["file"])
    if not file.is_file():
        raise WrongInput(f"there is no file {file}")
    if found["type"] == "":
        raise WrongInput("a type should follow the colon")
    return file, found["type"]


# Proofs ---------------------------------------------------------------------------------------------------------------


def _jobs(program: Program, t: Named, file: Path | None) -> list[FileJob]:
    """What there is to verify: the file with all of its own that it imports, or the types of the library used."""
    if file is not None:
        return select([str(file)])
    return select(sorted(_used(program, t) & library().keys()))


def _require_proofs(word: str, program: Program, t: Named, jobs: Sequence[FileJob], timeout_s: float) -> None:
    """Raises: NotServed, if a type that `t` is made of is not proved."""
    with Watch(sys.stderr) as watch:
        found = verifying.find(jobs, Options(cpu_count() or 1, timeout_s), watch, fresh=False)
    if found is None:
        raise NotServed(Status.WRONG_INPUT, f"error: --type {word}: the spec has errors")
    used = _used(program, t)
    reports = [report for report in found.types if report.name in used]
    wrong = [r for report in reports for r in report.results if r.verdict not in _HOLDS]
    if wrong:
        raise NotServed(Status.REFUTED, _refusal(word, t, reports, wrong, jobs))


def _refusal(
    word: str, t: Named, reports: Sequence[TypeReport], wrong: Sequence[Result], jobs: Sequence[FileJob]
) -> str:
    count = sum(len(report.results) for report in reports)
    lines = [f"error: --type {word}: {t.name} is not proved, so it is not served; of {count} obligations not proved:"]
    lines += [f"  {r.verdict.value:<8} {r.obligation.type}: {r.obligation.name}" for r in wrong[:_SHOWN]]
    lines += [f"  and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
    files = " ".join(dict.fromkeys(str(job.path) for job in jobs))
    lines.append(
        f"`mergelaw verify {files}` tells why. `--unproved` serves it all the same: instances may then differ."
    )
    return "\n".join(lines)


@dataclass(frozen=True)
class _Delete:
    """The proof that a delete, which is added to a type, keeps its laws and leaves nothing."""

    program: Program
    type: str
    obligations: tuple[Obligation, ...]


def _delete_holds(file: Path, name: str) -> bool:
    """Whether it is proved that all dots of a store may be forgotten, and that this leaves nothing."""
    entry = cache.key(f"{name} with a delete", sources.closure(file))
    known = cache.load(entry)
    if known is not None and name in known:
        return _all_hold(known[name])
    program = check_file(file)
    extended = with_delete(program, name)
    if extended is None:
        return False
    results = _decided(_Delete(extended, name, _added(program, extended, name)))
    cache.store(entry, {name: results})
    return _all_hold(results)


def _all_hold(results: Iterable[Result]) -> bool:
    return all(r.verdict is Verdict.PROVED for r in results)


def _added(program: Program, extended: Program, name: str) -> tuple[Obligation, ...]:
    """The obligations that the delete brings; first that it leaves nothing, which is most likely not to hold."""
    from mergelaw.laws.obligations import obligations

    before = {o.name for o in obligations(program, name)}
    added = [o for o in obligations(extended, name) if o.name not in before and o.kind is not Kind.WITNESS]
    return tuple(sorted(added, key=lambda o: o.subject != LEAVES_NOTHING))


def _decided(task: _Delete) -> list[Result]:
    """The verdicts up to the first that is no proof; one that does not come is unknown."""
    results: list[Result] = []
    with Pool(_decide, jobs=1, limit_s=Options(1, _DELETE_TIMEOUT_S).limit_s) as pool:
        pool.submit(task)
        while pool.busy:
            for event in pool.events(0.1):
                if isinstance(event, Sent) and isinstance(event.payload, Result):
                    results.append(event.payload)
    if len(results) < len(task.obligations) and _all_hold(results):
        results.append(Result(task.obligations[len(results)], Verdict.UNKNOWN, 0.0, "none", "no verdict came back"))
    return results


def _decide(task: _Delete, send: Send) -> None:
    from mergelaw.laws import garbage
    from mergelaw.laws.finder import Finder, Limits
    from mergelaw.laws.prove import decide

    finder = Finder(task.program, task.type)
    limits = Limits(updates=2, replicas=2, seconds=_DELETE_TIMEOUT_S)
    for obligation in task.obligations:
        with garbage.put_off():
            result = decide(task.program, finder, obligation, round(_DELETE_TIMEOUT_S * 1000), limits)
        send(result)
        if result.verdict is not Verdict.PROVED:
            return


# Texts ----------------------------------------------------------------------------------------------------------------


def _used(program: Program, t: Named) -> set[str]:
    """The names of the declared types that `t` is made of, itself among them."""
    used: set[str] = set()
    todo: list[object] = [t]
    while todo:
        for name in _named(todo.pop()):
            if name not in used:
                used.add(name)
                todo.append(program.types[name])
    return used


def _named(part: object) -> Iterator[str]:
    """The names of the declared types in a piece of the typed core."""
    if isinstance(part, Named):
        yield part.name
    if isinstance(part, tuple):
        for item in part:
            yield from _named(item)
    elif is_dataclass(part):
        for field in part.__dataclass_fields__:
            yield from _named(getattr(part, field))


def _rendered(errors: SpecErrors) -> str:
    """All errors, each with its line and a caret."""
    texts: dict[str, str] = {}
    for error in errors.errors:
        file = error.span.file
        if file not in texts:
            texts[file] = sources.read(Path(file)) if Path(file).is_file() else ""
    return "\n\n".join(error.render(texts[error.span.file]).rstrip() for error in errors.errors)
