"""Symmetry: which renamings of replicas and texts change nothing, and what a delta is called after one.

Two histories that are renamings of each other have the same future, so a search goes on from one of them only.
Source: Ip and Dill, "Better verification through symmetry" (1996): scalarsets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from immutables import Map

from mergelaw.explore.tables import Tables
from mergelaw.language.core import (
    Base,
    EnumT,
    MapT,
    Named,
    OptionType,
    Program,
    RecordT,
    SeqT,
    TupleT,
    Type,
)
from mergelaw.laws.domains import TEXTS
from mergelaw.semantics.engine import Footprint
from mergelaw.semantics.literals import show
from mergelaw.semantics.values import Raw


@dataclass(frozen=True)
class Renaming:
    """One renaming; what is not in it keeps its name."""

    replicas: Mapping[int, int]
    texts: Mapping[str, str]

    def value(self, program: Program, t: Type, value: Raw) -> Raw:
        """`value`, a value of `t`, renamed."""
        match t:
            case Base("Replica"):
                return self.replicas.get(value, value)
            case Base("Dot"):
                return self.replicas.get(value[0], value[0]), value[1]
            case Base("Text"):
                return self.texts.get(value, value)
            case OptionType(item):
                return None if value is None else (self.value(program, item, value[0]),)
            case SeqT(item):
                return tuple(self.value(program, item, v) for v in value)
            case TupleT(items):
                return tuple(self.value(program, i, v) for i, v in zip(items, value, strict=True))
            case RecordT(fields):
                return tuple(self.value(program, f, v) for (_, f), v in zip(fields, value, strict=True))
            case EnumT():
                payload = program.variants(t)[value[0]][1]
                return (value[0], *(self.value(program, f, v) for (_, f), v in zip(payload, value[1:], strict=True)))
            case MapT(key, item):
                pairs = ((self.value(program, key, k), self.value(program, item, v)) for k, v in value.items())
                return Map(pairs)
            case Named():
                return self.value(program, program.state_type(t), value)
            case _:
                return value

    def footprint(self, program: Program, t: Type, places: Footprint) -> str:
        """A footprint of a delta of `t`, renamed, in words; equal footprints have equal words."""
        if places is None:
            return "*"
        t = program.unfold(t)
        match t:
            case RecordT(fields):
                types: Mapping[Any, Type] = dict(fields)
                named = (f"{n}:{self.footprint(program, types[n], below)}" for n, below in places.items())
                return f"{{{','.join(sorted(named))}}}"
            case MapT(key, item):
                keyed = (
                    f"{show(program, key, self.value(program, key, k))}:{self.footprint(program, item, below)}"
                    for k, below in places.items()
                )
                return f"{{{','.join(sorted(keyed))}}}"
            case _:
                return "{}"

    def delta(self, tables: Tables, delta: int) -> str:
        """What tells a delta from all others, renamed, the same in every process."""
        made = tables.deltas[delta]
        program, t = tables.program, tables.type
        seen = sorted((self.replicas.get(r, r), n) for r, n in made.context)
        dots = [(self.replicas.get(r, r), n) for r, n in made.dots]
        value = show(program, t, self.value(program, t, made.value))
        return f"{value} {seen} {dots} {self.footprint(program, t, made.footprint)}"


def renamings(tables: Tables) -> tuple[Renaming, ...]:
    """All renamings under which the type and the calls that are tried stay as they are; the identity first."""
    symmetric = tables.system.symmetry
    numbers = range(1, tables.replicas + 1)
    replicas = list(permutations(numbers)) if symmetric.replicas else [tuple(numbers)]
    texts = list(permutations(TEXTS)) if symmetric.texts else [TEXTS]
    # Replicas and texts are kept apart: the calls may be closed under the renamings of one and not of the other.
    by_replica = [Renaming(dict(zip(numbers, p, strict=True)), {}) for p in replicas]
    by_text = [Renaming({}, dict(zip(TEXTS, p, strict=True))) for p in texts]
    if not all(_closed(tables, r) for r in by_replica):
        by_replica = by_replica[:1]
    if not all(_closed(tables, r) for r in by_text):
        by_text = by_text[:1]
    return tuple(Renaming(r.replicas, t.texts) for r in by_replica for t in by_text)


def _closed(tables: Tables, renaming: Renaming) -> bool:
    """Whether the calls that are tried at first are tried under their new names too."""
    types = {name: ts for name, ts, _ in tables.updates}
    for replica in range(1, tables.replicas + 1):
        tried = {}
        for at in (replica, renaming.replicas.get(replica, replica)):
            requests = (tables.requests[number] for number, _ in tables.options(tables.zero, at, 1, 0))
            tried[at] = {(r.update, r.args) for r in requests}
        there = tried[renaming.replicas.get(replica, replica)]
        for update, args in tried[replica]:
            pairs = zip(types[update], args, strict=True)
            if (update, tuple(renaming.value(tables.program, t, a) for t, a in pairs)) not in there:
                return False
    return True
