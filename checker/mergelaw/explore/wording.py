"""Updates and changes in words, as timelines show them."""

from __future__ import annotations

from mergelaw.explore.tables import Request, Tables
from mergelaw.laws.difference import differences
from mergelaw.semantics.literals import show


def called(tables: Tables, wanted: Request, delta: int) -> str:
    """A call with what it took: `add("x") at 1.2 when 3`."""
    types, timed = next((ts, timed) for name, ts, timed in tables.updates if name == wanted.update)
    args = ", ".join(show(tables.program, t, a) for t, a in zip(types, wanted.args, strict=True))
    words = f"{wanted.update}({args})"
    if tables.system.reads_contexts or tables.system.definition.update(wanted.update).at:
        words += f" at {', '.join(f'{r}.{n}' for r, n in tables.deltas[delta].dots)}"
    return f"{words} when {wanted.when}" if timed else words


def changed(tables: Tables, before: int, after: int) -> str:
    """What differs between two states: `adds["x"] = {1.1}`."""
    system = tables.system
    found = differences(system.program, system.type, system.value(before), system.value(after))
    shown = ((d.path, show(system.program, d.type, d.right)) for d in found)
    return ", ".join(f"{path} = {literal}" if path else literal for path, literal in shown)
