"""What clients do in a simulation: transactions of random updates on a few keys."""

from __future__ import annotations

from random import Random

from mergelaw.explore.replica_menu import Served
from mergelaw.explore.simulate_instance import Op, SimulatedInstance
from mergelaw.laws.domains import Sources, argument_lists, dots_in, names_in
from mergelaw.replica.model import KEY

_FRESH = 8
"""After so many draws the arguments are read anew out of what an instance holds."""


class Work:
    """Draws operations for one type. The same seed on the same states gives the same operations."""

    def __init__(self, served: Served, keys: int) -> None:
        self._served = served
        self._keys = tuple(b"k%d" % i for i in range(keys))
        self._pools: dict[tuple[int, int, bytes], list[Op]] = {}
        self._drawn: dict[tuple[int, int, bytes], int] = {}
        updates = [u for u in served.updates if served.store != KEY or not u.endswith("collect")]
        self._updates = {u: served.updates[u] for u in updates}

    def operations(self, random: Random, instance: SimulatedInstance) -> tuple[tuple[Op, ...], str]:
        """What some client asks of `instance` in one transaction, and of which store.

        Now and then it is a Redis type under the key of a custom one: then one of the two is visible.
        """
        key = self._keys[int(random.random() * len(self._keys))]
        if self._served.store != KEY and random.random() < 0.05:
            return ((key, random.choice(("add", "remove")), random.choice("xy")),), KEY
        return self._own(random, instance, key), self._served.store

    def _own(self, random: Random, instance: SimulatedInstance, key: bytes) -> tuple[Op, ...]:
        if random.random() < 0.1:
            return ((key, "DEL"),)
        pool = self._pool(instance, key)
        return tuple(pool[int(random.random() * len(pool))] for _ in range(1 if random.random() < 0.8 else 2))

    def _pool(self, instance: SimulatedInstance, key: bytes) -> list[Op]:
        # A process names no accumulators of the ones before it.
        place = instance.replica, instance.runs, key
        drawn = self._drawn.get(place, 0)
        self._drawn[place] = drawn + 1
        if drawn % _FRESH == 0 or place not in self._pools:
            self._pools[place] = self._read(instance, key)
        return self._pools[place]

    def _read(self, instance: SimulatedInstance, key: bytes) -> list[Op]:
        served, db = self._served, instance.db
        entry = db.entry(key)
        value = None if entry is None else entry.component(served.store)
        if value is None:
            value = served.engine.zero()
        held = names_in(served.program, served.type, value)[:6]
        dots = dots_in(served.program, served.type, value) if served.takes_dots else ()
        own = tuple(d for d in dots if d[0] == db.replica and d[1] >= db.run_first)[-2:]
        found: list[Op] = []
        for name, types in self._updates.items():
            named = own if served.names_accumulator(name) else dots
            fresh = tuple((db.replica, db.last + 1 + i) for i in range(served.engine.dots_taken(name)))
            sources = Sources((1, 2, 3), named[:6], lambda t, f=fresh: served.states(t, db.replica, f), held)  # type: ignore[misc]
            calls = list(argument_lists(served.program, types, sources, 3))
            if named and served.names_accumulator(name):
                # A client's increase goes onto the accumulator that is there.
                calls = [args for args in calls if None not in args]
            found += [(key, name, *args) for args in calls]
        return found
