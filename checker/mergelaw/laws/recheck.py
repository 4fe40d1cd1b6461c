"""The second opinion: cvc5 proves the files of `proofs/` again, each from its text alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from mergelaw.laws.report import Recheck
from mergelaw.laws.workers import Broken, Lost, Pool, Send, Sent

TICK_S = 0.1
BATCH = 16
"""Files a task: fewer round trips, and still an even load."""
GRACE_S = 5.0


class NoSecondSolver(Exception):
    """cvc5 is not installed; the message says how to get it."""


@dataclass(frozen=True)
class ProofFile:
    """One file that is to be found unsatisfiable."""

    type: str
    obligation: str
    path: Path


@dataclass(frozen=True)
class _Task:
    files: tuple[ProofFile, ...]
    timeout_ms: int


def solver_name() -> str:
    """`cvc5 1.2.0`. Raises: NoSecondSolver."""
    try:
        import cvc5
    except ImportError as e:
        raise NoSecondSolver('--recheck needs cvc5: pip install "mergelaw[recheck]"') from e
    return f"cvc5 {cvc5.__version__}"


def recheck(
    files: Iterable[ProofFile], *, jobs: int, timeout_s: float, watch: Callable[[int], None] = lambda _: None
) -> list[Recheck]:
    """What cvc5 answers to each file, in the order given; `watch` gets the number of files done.

    `unsat` is the only answer that confirms. A process that does not return in time is stopped.
    """
    files = list(files)
    answers: dict[Path, Recheck] = {}
    with Pool(_recheck, jobs=jobs, limit_s=timeout_s + GRACE_S) as pool:
        for i in range(0, len(files), BATCH):
            pool.submit(_Task(tuple(files[i : i + BATCH]), round(1000 * timeout_s)))
        while pool.busy:
            for event in pool.events(TICK_S):
                if isinstance(event, Sent):
                    assert isinstance(event.payload, tuple), f"a worker sent {event.payload!r}"
                    file, answer, seconds = event.payload
                    answers[file.path] = Recheck(file.type, file.obligation, answer, seconds)
                    continue
                left = [f for f in event.task.files if f.path not in answers]
                if isinstance(event, Lost | Broken) and left:
                    # A task answers its files in order, so the first that is missing is the one at fault.
                    reason = event.reason if isinstance(event, Lost) else event.trace.strip().splitlines()[-1]
                    answers[left[0].path] = Recheck(left[0].type, left[0].obligation, reason, 0.0)
                    if left[1:]:
                        pool.submit(_Task(tuple(left[1:]), event.task.timeout_ms))
            watch(len(answers))
    return [answers[f.path] for f in files]


def _recheck(task: _Task, send: Send) -> None:
    for file in task.files:
        start = time.perf_counter()
        answer = check(file.path, task.timeout_ms) if file.path.is_file() else "missing"
        send((file, answer, time.perf_counter() - start))


def check(path: Path, timeout_ms: int) -> str:
    """cvc5's answer to a file: `unsat` if to each `check-sat` in it, else the first other one, or what is wrong."""
    import cvc5

    terms = cvc5.TermManager()
    solver = cvc5.Solver(terms)
    solver.setOption("tlimit-per", str(timeout_ms))
    symbols = cvc5.SymbolManager(terms)
    parser = cvc5.InputParser(solver, symbols)
    try:
        parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, str(path))
        output = []
        while not (command := parser.nextCommand()).isNull():
            output.append(command.invoke(solver, symbols))
    except RuntimeError as e:
        return f"error: {str(e).strip().splitlines()[0]}"
    answers = "".join(output).split()
    if len(answers) != path.read_text().count("(check-sat)"):
        return "error: the file has more questions than answers"
    return next((a for a in answers if a != "unsat"), "unsat") if answers else "error: the file asks nothing"
