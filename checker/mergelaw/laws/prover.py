"""The prover: Z3 on the SMT-LIB text of an obligation. Trusted for "proved" only.

Its models may need impossible sums or states, so a model is never a counterexample; that is the finder's office.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Collection
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

    def budget(self, kind: Kind) -> int:
        """How many instances to make at most; the next attempt is often the cheaper one."""
        if self.layered:
            return 3_000
        return 20_000 if kind is Kind.THEOREM or self.level > 1 else 8_000


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
    if layered(program, o.type) is not None:
        if o.kind in MODULAR or automatic:
            out = (LAYERED, LAYERED_DECLARED, LAYERED_DEEP)
        elif o.kind in (Kind.THEOREM, Kind.FINITE_SUPPORT):
            out = (LAYERED,)
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
        out = (*out, *(replace(a, unroll=True) for a in out if not a.layered))
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
                encoded = encode(program, o, attempt, piece)
            except Unsupported as e:
                detail = f"no proof: no encoding of {e}"
                break
            except BudgetExceeded as e:
                detail = f"no proof: the formula would be too large ({e})"
                break
            answer, core = check(encoded, max(1, int(left)))
            if answer != "unsat":
                said = "as far as the facts stated go, it may fail" if answer == "sat" else f"the solver says {answer}"
                detail = f"no proof: {said}"
                break
            texts.append(encoded.script(core))
            uses.update(dict.fromkeys(encoded.uses))
        if not detail:
            return Proof(True, time.perf_counter() - started, SEPARATOR.join(texts), tuple(uses), "")
    return Proof(False, time.perf_counter() - started, None, (), detail)


def attempt_pieces(program: Program, o: Obligation, attempt: Attempt) -> int:
    """How many pieces a split attempt has."""
    if attempt.layered:
        program = layered(program, o.type) or program
    scene = Scene(program, o.type, declared=False)
    return sum(1 for _ in leaves(scene.enc, scene.type))


@dataclass(frozen=True)
class Encoded:
    """The assertions of one obligation, or piece of one: unsatisfiable iff it holds under the facts instantiated."""

    facts: tuple[smt.Term, ...]
    claim: int
    """Number of the negated claim among them."""
    header: tuple[str, ...]
    uses: tuple[str, ...]
    """The declared facts assumed."""

    def script(self, core: Collection[int] | None = None) -> str:
        """The SMT-LIB text; of the assertions with these numbers only, if given."""
        chosen = self.facts if core is None else [f for n, f in enumerate(self.facts) if n in core]
        return smt.script(chosen, self.header)


def encode(program: Program, o: Obligation, attempt: Attempt, piece: int | None = None) -> Encoded:
    """The assertions whose unsatisfiability proves `o`. Raises: Unsupported, BudgetExceeded."""
    smt.reset()
    gc.set_threshold(200_000, 20, 50)  # thousands of small closures at once, all gone soon after
    if attempt.layered:
        layer = layered(program, o.type)
        assert layer is not None
        program = layer
    scene = Scene(program, o.type, declared=attempt.declared, max_level=attempt.level, unroll=attempt.unroll)
    scene.logic.budget = attempt.budget(o.kind)
    scene.piece = piece
    scene.entries_told = attempt.split
    scene.logic.all_origins = attempt.level > 1
    claim = goal(scene, o)
    title = f"{o.type}: {o.name}"
    if claim is TRUE:
        return Encoded((smt.FALSE,), 0, (title, "true by construction"), ())
    scene.logic.fact(not_(claim))
    scene.logic.saturate()
    scene.enc.relate_sums()
    scene.logic.saturate()
    facts = tuple({t.uid: t for t in scene.logic.facts}.values())
    return Encoded(facts, facts.index(not_(claim)), (title, "unsat means proved"), tuple(scene.uses))


@cache
def version() -> str:
    """`z3 4.x.y`."""
    import z3

    return f"z3 {z3.get_version_string()}"


def check(encoded: Encoded, timeout_ms: int) -> tuple[str, frozenset[int]]:
    """Z3's answer, `unsat`, `sat` or `unknown`, and for `unsat` the numbers of assertions that suffice."""
    import z3

    # A context of its own: what was asked before must not change the core, which is written to proofs/.
    context = z3.Context()
    solver = z3.SimpleSolver(ctx=context)
    solver.set("timeout", timeout_ms)
    for n, assertion in enumerate(z3.parse_smt2_string(encoded.script(), ctx=context)):
        solver.assert_and_track(assertion, f"a!{n}")
    answer = str(solver.check())
    if answer != "unsat":
        return answer, frozenset()
    core = frozenset(int(str(name)[2:]) for name in solver.unsat_core())
    # Facts that contradict each other prove anything; a proof has to use the claim.
    return (answer, core) if encoded.claim in core else ("that the premises contradict each other", core)
