"""The prover: Z3 on the SMT-LIB text of an obligation. Trusted for "proved" only.

Its models may need impossible sums or states, so a model is never a counterexample; that is the finder's office.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass, replace
from functools import cache

from mergelaw.language.core import Program
from mergelaw.laws import smt
from mergelaw.laws.goals import goal
from mergelaw.laws.model import Kind, Obligation
from mergelaw.laws.modular import layered
from mergelaw.laws.obligations import DOTS_SEEN, ONE_PLACE
from mergelaw.laws.places import leaves
from mergelaw.laws.scene import Scene
from mergelaw.laws.smt import TRUE, not_
from mergelaw.laws.symbolic import BudgetExceeded, Unsupported
from mergelaw.laws.unroll import recursive_types


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
    unroll: bool = False
    """With a recursive type unfolded once inside itself."""
    split: bool = False
    """Leaf by leaf."""

    @property
    def budget(self) -> int:
        """How many instances to make at most; the next attempt is often the cheaper one."""
        return 3_000 if self.layered else 8_000 if self.level == 1 else 15_000


LAYERED = Attempt(declared=False, level=1, layered=True)
LAYERED_DECLARED = Attempt(declared=True, level=1, layered=True)
LAYERED_DEEP = Attempt(declared=True, level=2, layered=True)
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
        out = (LAYERED, LAYERED_DECLARED, LAYERED_DEEP)
    if not scene.properties:
        out = (*out, PLAIN, Attempt(declared=False, level=2))
    elif o.kind in INDUCTIVE and not automatic:
        out = (*out, DECLARED, DEEP)
    else:
        out = (*out, PLAIN, DECLARED, DEEP)
    if o.kind is Kind.FRAME:
        pieces = [replace(a, split=True) for a in out if a.declared]
        out = (*(a for a in out if not a.declared), *sorted(pieces, key=lambda a: (a.level, not a.layered)))
    if o.kind is Kind.THEOREM and o.type in recursive_types(program):
        out = (*out, *(replace(a, unroll=True) for a in out))
    return out


SEPARATOR = "(reset)\n"
"""Between the scripts of an obligation that is proved piece by piece: each must be `unsat`."""


def prove(program: Program, o: Obligation, timeout_ms: int = 10_000) -> Proof:
    """Try to prove `o`. The detail tells why where it fails; a failure says nothing about truth."""
    started = time.perf_counter()
    detail = ""
    for attempt in attempts(program, o):
        left = timeout_ms - (time.perf_counter() - started) * 1000
        if left <= 0:
            return Proof(False, time.perf_counter() - started, None, (), f"no proof: out of time, {detail}")
        texts: list[str] = []
        uses: dict[str, None] = {}
        detail = ""
        for piece in range(attempt_pieces(program, o, attempt)) if attempt.split else (None,):
            try:
                text, assumed = encode(program, o, attempt, piece)
            except Unsupported as e:
                detail = f"no proof: {e} has no encoding"
                break
            except BudgetExceeded as e:
                detail = f"no proof: the formula would be too large ({e})"
                break
            answer = check(text, max(1, int(left)))
            if answer != "unsat":
                said = "finds a model" if answer == "sat" else f"says {answer}"
                detail = f"no proof: the solver {said}"
                break
            texts.append(text)
            uses.update(dict.fromkeys(assumed))
        if not detail:
            return Proof(True, time.perf_counter() - started, SEPARATOR.join(texts), tuple(uses), "")
    return Proof(False, time.perf_counter() - started, None, (), detail)


def attempt_pieces(program: Program, o: Obligation, attempt: Attempt) -> int:
    """How many pieces a split attempt has."""
    if attempt.layered:
        program = layered(program, o.type) or program
    scene = Scene(program, o.type, declared=False)
    return sum(1 for _ in leaves(scene.enc, scene.type))


def encode(
    program: Program, o: Obligation, attempt: Attempt, piece: int | None = None
) -> tuple[str, tuple[str, ...]]:
    """The SMT-LIB text whose unsatisfiability proves `o`, and the declared facts assumed.

    Raises: Unsupported, BudgetExceeded.
    """
    smt.reset()
    gc.set_threshold(200_000, 20, 50)  # thousands of small closures at once, all gone soon after
    if attempt.layered:
        layer = layered(program, o.type)
        assert layer is not None
        program = layer
    scene = Scene(program, o.type, declared=attempt.declared, max_level=attempt.level, unroll=attempt.unroll)
    scene.logic.budget = attempt.budget
    scene.piece = piece
    scene.entries_told = attempt.split
    scene.logic.all_origins = attempt.level > 1
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
