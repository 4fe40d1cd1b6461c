"""Makes a counterexample plainer without changing what it refutes: a shorter timeline, fewer columns, smaller values.

The number of updates needs no shrinking: the finder tries few updates first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import permutations
from time import process_time
from typing import Protocol, Self, TypeVar

from mergelaw.language.core import substitute
from mergelaw.laws.claims import Instance
from mergelaw.laws.domains import TIMES, domain
from mergelaw.laws.system import Call, System, bits


class Renamable(Protocol):
    """The second half of a counterexample: where in the history of its calls it is."""

    def renamed(self, names: Mapping[int, int]) -> Self:
        """The same with replicas renamed."""
        ...


Where = TypeVar("Where", bound=Renamable)
Calls = tuple[Call, ...]
Cost = tuple[int, ...]


def shrunk(
    system: System,
    calls: Calls,
    where: Where,
    cost: Callable[[Calls, Where], Cost | None],
    plainer: Callable[[Where], Iterator[Where]],
    seconds: float = 1.0,
) -> tuple[Calls, Where]:
    """The plainest variant of a counterexample that single changes lead to, each of which lessens the cost.

    `cost` is None for what refutes nothing; equal costs are told apart by the size of the values. `plainer` gives the
    variants of the second half of a counterexample.
    """
    end = process_time() + seconds
    best = cost(calls, where)
    changed = True
    while best is not None and changed:
        changed = False
        for candidate in _variants(system, calls, where, plainer):
            if process_time() > end:
                break
            found = cost(*candidate)
            if found is None:
                continue
            if (found, _weight(system, candidate[0])) < (best, _weight(system, calls)):
                (calls, where), best, changed = candidate, found, True
                break
    return calls, where


def _variants(
    system: System, calls: Calls, where: Where, plainer: Callable[[Where], Iterator[Where]]
) -> Iterator[tuple[Calls, Where]]:
    for moved in _moved(system, calls):
        yield moved, where
    for order in permutations(range(1, system.replicas + 1)):
        names = dict(enumerate(order, 1))
        yield tuple(replace(c, replica=names.get(c.replica, c.replica)) for c in calls), where.renamed(names)
    for place, call in enumerate(calls):
        for simple in _plainer_calls(system, call):
            yield (*calls[:place], simple, *calls[place + 1 :]), where
    for less in plainer(where):
        yield calls, less


def _moved(system: System, calls: Calls) -> Iterator[Calls]:
    """One update handed to another replica, which knows its own updates and either nothing else or what was known."""
    for place, call in enumerate(calls):
        for replica in range(1, system.replicas + 1):
            if replica != call.replica:
                own = _known(calls[:place], replica)
                for saw in dict.fromkeys((own, own | call.saw)):
                    yield (*calls[:place], replace(call, replica=replica, saw=saw), *calls[place + 1 :])


def _known(calls: Calls, replica: int) -> int:
    known = 0
    for i, call in enumerate(calls):
        if call.replica == replica:
            known |= call.saw | 1 << i
    return known


def _plainer_calls(system: System, call: Call) -> Iterator[Call]:
    for bit in bits(call.saw):
        yield replace(call, saw=call.saw & ~(1 << bit))
    for i, values in enumerate(_domains(system, call)):
        value = call.args[i]
        for plainer in values[: values.index(value)] if value in values else ():
            yield replace(call, args=(*call.args[:i], plainer, *call.args[i + 1 :]))
    if call.when > TIMES[0]:
        yield replace(call, when=TIMES[0])


def _domains(system: System, call: Call) -> list[tuple[object, ...]]:
    sources = system.sources(system.start, call.replica, system.zero, call.update)
    types = [substitute(t, system.bindings) for _, t in system.definition.update(call.update).params]
    return [domain(system.program, t, sources) for t in types]


def _weight(system: System, calls: Calls) -> int:
    """How much there is in the calls: what was received, late times, values far from the simplest."""
    total = 0
    for call in calls:
        total += call.saw.bit_count() + call.when
        for value, values in zip(call.args, _domains(system, call), strict=True):
            total += values.index(value) if value in values else len(values)
    return total


def plainer_instances(system: System, instance: Instance) -> Iterator[Instance]:
    """What is one step from `instance`: less in its states, simpler updates after it, earlier times, other replicas."""
    for i, mask in enumerate(instance.masks):
        for bit in bits(mask):
            yield replace(instance, masks=(*instance.masks[:i], mask & ~(1 << bit), *instance.masks[i + 1 :]))
    for i, mask in enumerate(instance.later):
        for bit in bits(mask):
            yield replace(instance, later=(*instance.later[:i], mask & ~(1 << bit), *instance.later[i + 1 :]))
    for i, call in enumerate(instance.further):
        for plainer in _plainer_calls(system, call):
            yield replace(instance, further=(*instance.further[:i], plainer, *instance.further[i + 1 :]))
    for i, time in enumerate(instance.times):
        if time > TIMES[0]:
            yield replace(instance, times=(*instance.times[:i], TIMES[0], *instance.times[i + 1 :]))
    for i in range(len(instance.actors)):
        for replica in range(1, system.replicas + 1):
            if replica not in instance.actors:
                yield replace(instance, actors=(*instance.actors[:i], replica, *instance.actors[i + 1 :]))
