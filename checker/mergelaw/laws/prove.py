"""All obligations of one type, decided by the two engines: the prover proves, the finder refutes.

Neither: unknown. A theorem marked `bounded N` is explored, and reported as bounded, never as proved.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from mergelaw.language.core import Program
from mergelaw.laws import garbage, prover
from mergelaw.laws.finder import Exhausted, Finder, Limits
from mergelaw.laws.model import Counterexample, Kind, Obligation, Result, Verdict
from mergelaw.laws.obligations import obligations

FINDER = "finder"
SEARCH = Limits(updates=4, replicas=3, seconds=10.0, histories=8_000)
"""How far the finder looks where the prover fails."""
BOUNDED_SECONDS = 60.0
"""How long the finder may take to explore a theorem up to its bound, at least."""
WITNESS = Limits(updates=6, replicas=2, seconds=10.0)
"""How far the finder looks for a state that meets the premises."""


MISSING = "a fact is missing (`invariant`, `compatible` or `home`), or the engines are too weak; see spec/README.md"
"""What to do about an unknown."""


def verify_type(
    program: Program,
    type_name: str,
    *,
    timeout_ms: int = 10_000,
    only: str | None = None,
    on_result: Callable[[Result], None] = lambda _: None,
    limits: Limits = SEARCH,
) -> list[Result]:
    """Verdicts on all obligations of a type (or those whose name contains `only`), told to `on_result` as they come.

    Raises: KeyError, if the program does not declare the type; finder.InternalError, if a counterexample does not
    replay.
    """
    finder = Finder(program, type_name)
    out = []
    for o in obligations(program, type_name):
        if only is not None and only not in o.name:
            continue
        with garbage.put_off():
            result = decide(program, finder, o, timeout_ms, limits)
        on_result(result)
        out.append(result)
    return out


def decide(
    program: Program,
    finder: Finder,
    o: Obligation,
    timeout_ms: int,
    limits: Limits,
    *,
    texts: bool = False,
    recipe: object = None,
) -> Result:
    """The verdict on one obligation; what was proved comes with its SMT-LIB text and a recipe if `texts` are wanted.

    A `recipe` of an earlier decision is followed first, instead of a search; what it leads to is checked all the same.
    """
    started = time.perf_counter()

    def result(verdict: Verdict, engine: str, detail: str = "", found: Counterexample | None = None) -> Result:
        return Result(o, verdict, time.perf_counter() - started, engine, detail, found)

    if o.kind is Kind.WITNESS:
        updates = finder.met_again(o, recipe, WITNESS) if recipe is not None and not texts else None
        if updates is not None:
            return result(Verdict.PROVED, FINDER, f"met after {updates} updates")
        met = finder.witness(o, WITNESS)
        if isinstance(met, Counterexample):
            found = result(Verdict.PROVED, FINDER, f"met after {met.updates} updates")
            return replace(found, recipe=finder.recipe(o)) if texts else found
        what = "a state that is not zero" if o.subject == "laws" else f"a state that meets the premises of {o.subject}"
        how_far = f"with up to {met.updates} updates" + ("" if met.complete else ", then the time was up")
        return result(Verdict.VACUOUS, FINDER, f"{what} was not found {how_far}")
    if o.bound is not None:
        seconds = max(BOUNDED_SECONDS, timeout_ms / 1000)
        explored = finder.refute(o, Limits(o.bound, limits.replicas, seconds))
        if isinstance(explored, Counterexample):
            return result(Verdict.REFUTED, FINDER, found=explored)
        if explored.complete and isinstance(finder.witness(o, Limits(o.bound, limits.replicas, seconds)), Exhausted):
            why = f"its premises are not met with up to {o.bound} updates; name a greater bound"
            return result(Verdict.VACUOUS, FINDER, why)
        verdict = Verdict.BOUNDED if explored.complete else Verdict.UNKNOWN
        return result(verdict, FINDER, _extent(explored, o.bound))
    proof = prover.prove(program, o, timeout_ms, texts=texts, recipe=recipe)
    if proof.proved:
        proved = result(Verdict.PROVED, prover.version())
        return replace(proved, uses=proof.uses, smt2=proof.smt2, recipe=proof.recipe)
    explored = finder.refute(o, limits)
    if isinstance(explored, Counterexample):
        return result(Verdict.REFUTED, FINDER, found=explored)
    missing = f"{proof.detail}, and {_extent(explored, None)}; {MISSING}"
    return result(Verdict.UNKNOWN, prover.version(), missing)


def _extent(explored: Exhausted, bound: int | None) -> str:
    if explored.histories == 0:
        return "the finder has no way to refute it"
    count = f"no counterexample with up to {explored.updates} updates ({explored.histories} histories)"
    if bound is not None and not explored.complete:
        return f"{count}; out of time before {bound}"
    return count
