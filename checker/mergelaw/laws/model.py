"""Obligations, verdicts and counterexamples: the data that the engines exchange and reports print."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from mergelaw.language.span import Span


class Kind(Enum):
    """What an obligation says, in the order of the report."""

    COMMUTATIVE = "commutative"
    ASSOCIATIVE = "associative"
    IDEMPOTENT = "idempotent"
    IDENTITY = "identity"
    FINITE_SUPPORT = "finite support"
    INVARIANT = "invariant"
    COMPATIBLE = "compatible"
    HOME = "home"
    FRAME = "frame"
    FRESH = "fresh"
    THEOREM = "theorem"
    LIFTING = "lifting"
    WITNESS = "witness"


class Verdict(Enum):
    """The only verdicts on an obligation. BOUNDED: explored up to a bound that the spec names, never "proved"."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"
    BOUNDED = "bounded"
    VACUOUS = "vacuous"


@dataclass(frozen=True)
class Obligation:
    """One thing to prove about one type."""

    type: str
    """Name of the declared type."""
    kind: Kind
    subject: str | None
    """Name of the invariant, relation, theorem or update that it is about."""
    step: str | None
    """Of INVARIANT, COMPATIBLE, HOME: `initially`, `by delta of U`, `by merge`, `when seen grows`, ..."""
    span: Span = field(compare=False)
    """The clause at fault if it fails."""
    bound: int | None = None
    """Of a theorem marked `bounded N`."""

    @property
    def name(self) -> str:
        """Unique within the type, e.g. `invariant dots_seen by delta of add`."""
        return " ".join(p for p in (self.kind.value, self.subject, self.step) if p)


@dataclass(frozen=True)
class TimelineStep:
    """One row of a timeline: what one instance does, and what changed by it."""

    instance: int
    """From 1."""
    action: str
    """`add("x") at 1.2`, `merge from instance 2`, ..."""
    change: str
    """What the step changed in the instance's state, as a literal of the language; may be empty."""


@dataclass(frozen=True)
class Shown:
    """A labelled value in the language's literal syntax."""

    label: str
    literal: str


@dataclass(frozen=True)
class Counterexample:
    """A refutation, replayed on the evaluator.

    `states` are the inputs of the law or theorem, `results` what was computed from them (for a law: its
    two sides), `differs` the paths at which the two results differ, `timeline` the updates and merges
    that reach the states.
    """

    states: tuple[Shown, ...]
    results: tuple[Shown, ...]
    differs: tuple[str, ...]
    timeline: tuple[TimelineStep, ...]
    replicas: int
    updates: int
    because: str
    """One sentence: what is violated."""
    span: Span
    """The clause at fault."""
    rule: str | None = None
    """`name: sentence` of the rule concerned, where the spec has one."""


@dataclass(frozen=True)
class Result:
    """The verdict on one obligation."""

    obligation: Obligation
    verdict: Verdict
    seconds: float
    engine: str
    """`z3 4.x`, `finder`, `checker` (static checks of the text) ..."""
    detail: str = ""
    """Why unknown, up to which bound explored, what was vacuous."""
    counterexample: Counterexample | None = None
    uses: tuple[str, ...] = ()
    """Names of the invariants and relations that the proof needed."""
    smt2: str | None = field(default=None, repr=False, compare=False)
    """The proof obligation as SMT-LIB 2 text (`unsat` means proved)."""
    recipe: dict[str, Any] | None = field(default=None, repr=False, compare=False)
    """How to come to the same verdict without a search; see `recipes`."""
