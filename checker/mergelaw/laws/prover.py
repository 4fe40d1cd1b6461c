"""The prover: Z3 on the SMT-LIB text of an obligation. Trusted for "proved" only.

Its models may need impossible sums or states, so a model is never a counterexample; that is the finder's office.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from mergelaw.language.core import Program
from mergelaw.laws import smt
from mergelaw.laws.goals import goal
from mergelaw.laws.model import Kind, Obligation
from mergelaw.laws.modular import layered
from mergelaw.laws.obligations import DOTS_SEEN, ONE_PLACE
from mergelaw.laws.places import leaves
from mergelaw.laws.scene import Scene
from mergelaw.laws.smt import TRUE, implies, not_
from mergelaw.laws.symbolic import BudgetExceeded, Unsupported
from mergelaw.laws.unroll import recursive_types

if TYPE_CHECKING:
    import z3


@dataclass(frozen=True)
class Proof:
    """What the prover says of one obligation."""

    proved: bool
    seconds: float
    smt2: str | None
    """What was proved, if asked for: a solver answers `unsat`."""
    uses: tuple[str, ...]
    """Declared invariants and relations that were assumed."""
    detail: str
    """Why not proved."""
    recipe: dict[str, Any] | None = None
    """How to find the proof again, with texts only: number of the attempt, and stage and facts of each piece."""


@dataclass(frozen=True)
class Attempt:
    """How hard to try: with declared invariants, and to which depth of nested witnesses.

    Up to depth 1 there are stages: few facts first, then those that are declared, then the deeper ones join them.
    Depth 2 is encoded anew.
    """

    level: int
    declared: bool = True
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


LAYERED = Attempt(1, declared=False, layered=True)
LAYERED_DECLARED = Attempt(1, layered=True)
LAYERED_DEEP = Attempt(2, layered=True)
PLAIN = Attempt(1)
DEEP = Attempt(2)

INDUCTIVE = (Kind.INVARIANT, Kind.COMPATIBLE, Kind.HOME)
MODULAR = (Kind.COMMUTATIVE, Kind.ASSOCIATIVE, Kind.IDEMPOTENT, Kind.IDENTITY, Kind.LIFTING, Kind.FRAME, Kind.FRESH)


def _automatic(o: Obligation) -> bool:
    """Whether it is an invariant that nobody declared."""
    return o.subject in (DOTS_SEEN, ONE_PLACE)


def attempts(program: Program, o: Obligation) -> tuple[Attempt, ...]:
    """The attempts worth making, cheapest first: most laws need no look into the parts."""
    out: tuple[Attempt, ...] = (PLAIN, DEEP)
    if layered(program, o.type) is not None:
        if o.kind in MODULAR or _automatic(o):
            out = (LAYERED_DECLARED, LAYERED_DEEP, *out)
        elif o.kind in (Kind.THEOREM, Kind.FINITE_SUPPORT):
            out = (LAYERED, *out)
    if o.kind is Kind.FRAME:
        # What is declared helps where leaves are looked at one by one, and is much for all of them at once.
        out = (*(replace(a, declared=False) for a in out if a.level == 1), *(replace(a, split=True) for a in out))
    if o.kind is Kind.THEOREM and o.type in recursive_types(program):
        plain = replace(PLAIN, declared=False)
        modular = (a for a in out if a.layered)
        out = (*modular, plain, replace(plain, unroll=True), PLAIN, replace(PLAIN, unroll=True), DEEP)
    return tuple(sorted(out, key=lambda a: (a.level, a.split)))


SEPARATOR = "(reset)\n"
"""Between the scripts of an obligation that is proved piece by piece: each must be `unsat`."""


def prove(
    program: Program,
    o: Obligation,
    timeout_ms: int = 10_000,
    *,
    texts: bool = False,
    recipe: object = None,
) -> Proof:
    """Try to prove `o`. The detail tells why where it fails; a failure says nothing about truth.

    With `texts`, a proof comes with an SMT-LIB text of little more than the facts that it needs, and with a recipe:
    given that again, the same proof is found without a search. A recipe that does not work is as none.
    """
    started = time.perf_counter()
    if recipe is not None and not texts:
        again = _cooked(program, o, recipe, timeout_ms)
        if again is not None:
            return replace(again, seconds=time.perf_counter() - started)
    detail = ""
    order = attempts(program, o)
    numbers = {a: n for n, a in reversed(list(enumerate(order)))}
    if o.kind is Kind.FRAME and not texts:
        # What shows the frame of one update mostly shows that of the next; the files are to be the same every time.
        order = tuple(sorted(order, key=lambda a: a != _worked.get(o.type)))
    for attempt in order:
        left = timeout_ms - (time.perf_counter() - started) * 1000
        if left <= 0:
            return Proof(False, time.perf_counter() - started, None, (), f"no proof: out of time, {detail}")
        scripts: list[str] = []
        pieces: list[tuple[int, list[int]]] = []
        uses: dict[str, None] = {}
        detail = ""
        for piece in range(attempt_pieces(program, o, attempt)) if attempt.split else (None,):
            answered, stage, encoded = _answer(program, o, attempt, piece, max(1, int(left)))
            if encoded is None:
                detail = f"no proof: {answered}"
                break
            if texts:
                found = core(encoded, timeout_ms)
                scripts.append(encoded.script(found))
                pieces.append((stage, sorted(range(len(encoded.facts)) if found is None else found)))
            uses.update(dict.fromkeys(encoded.uses))
        if not detail:
            if o.kind is Kind.FRAME:
                _worked[o.type] = attempt
            made = {"attempt": numbers[attempt], "pieces": pieces} if texts else None
            seconds = time.perf_counter() - started
            return Proof(True, seconds, SEPARATOR.join(scripts) or None, tuple(uses), "", made)
    return Proof(False, time.perf_counter() - started, None, (), detail)


def _cooked(program: Program, o: Obligation, recipe: Any, timeout_ms: int) -> Proof | None:
    """The proof that a recipe of `prove` leads to; None if it leads to none."""
    uses: dict[str, None] = {}
    try:
        attempt = attempts(program, o)[recipe["attempt"]]
        count = attempt_pieces(program, o, attempt) if attempt.split else 1
        for n, (stage, numbers) in zip(range(count), recipe["pieces"], strict=True):
            found = encodings(program, o, attempt, n if attempt.split else None)
            encoded = next(islice(found, stage, None)).only(frozenset(numbers))
            if check(encoded, timeout_ms) != "unsat":
                return None
            uses.update(dict.fromkeys(encoded.uses))
    except (KeyError, IndexError, TypeError, ValueError, StopIteration, Unsupported, BudgetExceeded):
        return None
    return Proof(True, 0.0, None, tuple(uses), "")


_worked: dict[str, Attempt] = {}
"""By type: the attempt that showed the last frame."""


def _answer(
    program: Program, o: Obligation, attempt: Attempt, piece: int | None, timeout_ms: int
) -> tuple[str, int, Encoded | None]:
    """What proves `o`, or one piece of it, and at which stage; else why there is no such thing."""
    said = ""
    try:
        for stage, encoded in enumerate(encodings(program, o, attempt, piece)):
            answer = check(encoded, timeout_ms)
            if answer == "unsat":
                return answer, stage, encoded
            said = "as far as the facts stated go, it may fail" if answer == "sat" else f"the solver says {answer}"
    except Unsupported as e:
        return f"no encoding of {e}", 0, None
    except BudgetExceeded as e:
        return f"the formula would be too large ({e})", 0, None
    return said, 0, None


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

    def only(self, numbers: Collection[int]) -> Encoded:
        """The assertions with these numbers only. Raises: ValueError, if the negated claim is none of them."""
        chosen = sorted(numbers)
        return replace(self, facts=tuple([self.facts[n] for n in chosen]), claim=chosen.index(self.claim))

    def switched(self) -> str:
        """The SMT-LIB text without its question; the negated claim counts only if `CLAIM` is true."""
        switch = smt.const(CLAIM, smt.BOOL)
        facts = [implies(switch, f) if n == self.claim else f for n, f in enumerate(self.facts)]
        return smt.script(facts, self.header, ask=False)


def encodings(program: Program, o: Obligation, attempt: Attempt, piece: int | None = None) -> Iterator[Encoded]:
    """The assertions whose unsatisfiability proves `o`; each has those of the one before, and more.

    Raises: Unsupported, BudgetExceeded.
    """
    smt.reset()
    if attempt.layered:
        layer = layered(program, o.type)
        assert layer is not None
        program = layer
    at_once = attempt.declared and (attempt.level > 1 or (o.kind in INDUCTIVE and not _automatic(o)))
    scene = Scene(program, o.type, declared=at_once, max_level=attempt.level, unroll=attempt.unroll)
    logic = scene.logic
    logic.budget = attempt.budget(o.kind)
    scene.piece = piece
    scene.entries_told = attempt.split
    logic.all_origins = attempt.level > 1
    claim = goal(scene, o)
    title = f"{o.type}: {o.name}"
    if claim is TRUE:
        yield Encoded((smt.FALSE,), 0, (title, "true by construction"), ())
        return
    logic.fact(not_(claim))
    told = 0
    for stage in ("few", "declared", "deep"):
        if stage == "declared" and (scene.declared or not attempt.declared or not scene.properties):
            continue
        if stage == "declared":
            scene.declare()
        logic.max_level = 0 if attempt.level == 1 and stage != "deep" else attempt.level
        logic.saturate()
        scene.enc.relate_sums()
        logic.saturate()
        facts = tuple({t.uid: t for t in logic.facts}.values())
        if len(facts) > told:
            header = (title, "unsat means proved")
            yield Encoded(facts, facts.index(not_(claim)), header, tuple(scene.uses))
        told = len(facts)


@cache
def version() -> str:
    """`z3 4.x.y`."""
    import z3

    return f"z3 {z3.get_version_string()}"


CLAIM = "claim!"
"""Switches the negated claim on."""
CONTRADICTION = "that the premises contradict each other"

_ASKED_MAX = 50
"""Questions that share a context of the solver: making one takes milliseconds, and what is in it slows it down."""
_shared: list[z3.Context] = []
_asked = 0


def check(encoded: Encoded, timeout_ms: int) -> str:
    """Z3's answer: `unsat`, `sat`, `unknown`, or `CONTRADICTION`, since facts that contradict each other prove all."""
    import z3

    solver = _solver(_context(), timeout_ms)
    solver.from_string(encoded.switched())
    answer = str(solver.check(z3.Bool(CLAIM, solver.ctx)))
    return CONTRADICTION if answer == "unsat" and not len(solver.unsat_core()) else answer


def core(encoded: Encoded, timeout_ms: int) -> frozenset[int] | None:
    """Numbers of assertions, the negated claim among them, that suffice for `unsat`; None if Z3 names none in time.

    They are the same in any process, as they are written to proofs/: the context is a new one.
    """
    import z3

    solver = _solver(z3.Context(), timeout_ms)
    for n, assertion in enumerate(z3.parse_smt2_string(encoded.script(), ctx=solver.ctx)):
        solver.assert_and_track(assertion, f"a!{n}")
    if str(solver.check()) != "unsat":
        return None
    found = frozenset(int(str(name)[2:]) for name in solver.unsat_core())
    return found if encoded.claim in found else None


def _context() -> z3.Context:
    import z3

    global _asked
    if not _shared or _asked >= _ASKED_MAX:
        _shared[:] = [z3.Context()]
        _asked = 0
    _asked += 1
    return _shared[0]


def _solver(context: z3.Context, timeout_ms: int) -> z3.Solver:
    import z3

    solver = z3.SimpleSolver(ctx=context)
    # The older simplex does better on the few and small sums of these formulas.
    solver.set("arith.solver", 2)
    solver.set("timeout", timeout_ms)
    return solver
