"""What can go wrong between a delta and a state, and between two replicas, in words."""

from __future__ import annotations

from mergelaw.explore.model import Violation
from mergelaw.explore.tables import Tables
from mergelaw.laws.difference import differences
from mergelaw.laws.model import Shown
from mergelaw.semantics.literals import show


def diverged(tables: Tables, left: int, left_state: int, right: int, right_state: int) -> Violation:
    """Two replicas received the same and hold different states."""
    system = tables.system
    values = system.value(left_state), system.value(right_state)
    details = tuple(
        Shown(f"instance {r}", show(system.program, system.type, v)) for r, v in zip((left, right), values, strict=True)
    )
    places = tuple(d.path for d in differences(system.program, system.type, *values) if d.path)
    because = f"instances {left} and {right} have received the same updates and hold different states"
    merge = system.definition.merge
    return Violation("convergence", because, details, merge.span if merge else system.definition.span, places)


def frame(tables: Tables, applied: int, merged: int) -> Violation:
    """A delta applied at the places that it names is not the delta merged."""
    system = tables.system
    found = (("applied at its places", applied), ("merged", merged))
    details = tuple(Shown(n, show(system.program, system.type, system.value(s))) for n, s in found)
    places = tuple(d.path for d in differences(system.program, system.type, *map(system.value, (applied, merged))))
    because = "a delta changes a place that it does not name, so applying it there gives another state than merging it"
    return Violation("frame", because, details, None, tuple(p for p in places if p))


def again(tables: Tables, before: int, after: int) -> Violation:
    """A delta that arrives again changes the state."""
    system = tables.system
    details = tuple(
        Shown(n, show(system.program, system.type, system.value(s))) for n, s in (("before", before), ("after", after))
    )
    because = "an update that arrives again counts again"
    return Violation("idempotent", because, details, system.definition.merge.span if system.definition.merge else None)


def alone(violation: Violation) -> Violation:
    """The same of a delta by itself."""
    because = f"{violation.because} of the delta by itself, which may arrive before all others"
    return Violation(violation.check, because, violation.details, violation.span, violation.differs)
