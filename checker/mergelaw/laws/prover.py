"""The prover: Z3 on the SMT-LIB text of an obligation. Trusted for "proved" only.

Its models may need impossible sums or states, so a model is never a counterexample; that is the finder's office.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

from mergelaw.language.core import Program
from mergelaw.laws import smt
from mergelaw.laws.goals import goal
from mergelaw.laws.model import Kind, Obligation
from mergelaw.laws.modular import layered
from mergelaw.laws.obligations import DOTS_SEEN, ONE_PLACE
from mergelaw.laws.scene import Scene
from mergelaw.laws.smt import TRUE, not_
from mergelaw.laws.symbolic import BudgetExceeded, Unsupported


@dataclass(frozen=True)
class Proof:
    """What the prover says of one obligation."""

    proved: bool
    seconds: float
    smt2: str | None
    """The text of the last attempt; proved iff a solver answers `unsat`."""
    uses: tuple[str, ...]
    """Declared invariants and relations that were assumed."""
    detail: str
    """Why not proved."""


@dataclass(frozen=True)
class Attempt:
    """How hard to try: with declared invariants, and to which depth of nested witnesses."""

    declared: bool
    level: int
    layered: bool = False
    """With the parts abstract."""


LAYERED = Attempt(declared=False, level=1, layered=True)
PLAIN = Attempt(declared=False, level=1)
DECLARED = Attempt(declared=True, level=1)
DEEP = Attempt(declared=True, level=2)

INDUCTIVE = (Kind.INVARIANT, Kind.COMPATIBLE, Kind.HOME)
MODULAR = (Kind.COMMUTATIVE, Kind.ASSOCIATIVE, Kind.IDEMPOTENT, Kind.IDENTITY, Kind.LIFTING, Kind.FRAME, Kind.FRESH)


def attempts(program: Program, o: Obligation) -> tuple[Attempt, ...]:
    """The attempts worth making, cheapest first: most laws need no invariant, and no look into the parts."""
    scene = Scene(program, o.type, declared=False)
    automatic = o.subject in (DOTS_SEEN, ONE_PLACE)
    out: tuple[Attempt, ...] = ()
    if (o.kind in MODULAR or automatic) and layered(program, o.type) is not None:
        out = (LAYERED,)
    if not scene.properties:
        return (*out, PLAIN, Attempt(declared=False, level=2))
    if o.kind in INDUCTIVE and not automatic:
        return (*out, DECLARED, DEEP)
    return (*out, PLAIN, DECLARED, DEEP)


def prove(program: Program, o: Obligation, timeout_ms: int = 10_000) -> Proof:
    """Try to prove `o`. The detail tells why where it fails; a failure says nothing about truth."""
    started = time.perf_counter()
    detail = ""
    text: str | None = None
    uses: tuple[str, ...] = ()
    for attempt in attempts(program, o):
        try:
            encoded, uses = encode(program, o, attempt)
        except Unsupported as e:
            detail = f"no proof: {e} has no encoding"
            continue
        except BudgetExceeded as e:
            detail = f"no proof: the formula would be too large ({e})"
            continue
        text = encoded
        left = timeout_ms - (time.perf_counter() - started) * 1000
        answer = check(text, max(1, int(left)))
        if answer == "unsat":
            return Proof(True, time.perf_counter() - started, text, uses, "")
        detail = "no proof: the solver finds a model" if answer == "sat" else f"no proof: the solver says {answer}"
    return Proof(False, time.perf_counter() - started, text, uses, detail)


def encode(program: Program, o: Obligation, attempt: Attempt) -> tuple[str, tuple[str, ...]]:
    """The SMT-LIB text whose unsatisfiability proves `o`, and the declared facts assumed.

    Raises: Unsupported, BudgetExceeded.
    """
    smt.reset()
    if attempt.layered:
        layer = layered(program, o.type)
        assert layer is not None
        program = layer
    scene = Scene(program, o.type, declared=attempt.declared, max_level=attempt.level)
    claim = goal(scene, o)
    if claim is TRUE:
        return smt.script([smt.FALSE], [f"{o.type}: {o.name}", "true by construction"]), ()
    scene.logic.fact(not_(claim))
    scene.logic.saturate()
    scene.enc.relate_sums()
    scene.logic.saturate()
    uses = tuple(scene.uses)
    header = [f"{o.type}: {o.name}", "unsat means proved", *(f"assumes {u}" for u in uses)]
    return smt.script(relevant(scene.logic.facts), header), uses


def relevant(facts: list[smt.Term]) -> list[smt.Term]:
    """Without repetitions."""
    return list({t.uid: t for t in facts}.values())


@cache
def version() -> str:
    """`z3 4.x.y`."""
    import z3

    return f"z3 {z3.get_version_string()}"


def check(text: str, timeout_ms: int) -> str:
    """Z3's answer to an SMT-LIB text: `unsat`, `sat` or `unknown`."""
    import z3

    solver = z3.SimpleSolver()
    solver.set("timeout", timeout_ms)
    solver.from_string(text)
    return str(solver.check())
