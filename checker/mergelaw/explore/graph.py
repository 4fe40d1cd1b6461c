"""The graph of states that a search walked, as GraphML."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx

from mergelaw.semantics.literals import show

if TYPE_CHECKING:
    from mergelaw.explore.histories import Histories
    from mergelaw.explore.history import Explored


class Graph:
    """Collects edges, and writes them."""

    def __init__(self) -> None:
        self._graph: Any = networkx.MultiDiGraph()
        self._numbers: dict[Hashable, int] = {}

    def _node(self, key: Hashable) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers)
            self._graph.add_node(number)
        return number

    def add_edge(self, before: Hashable, after: Hashable, action: object) -> None:
        """One action that leads from state to state, told by their keys."""
        words = " ".join(str(part) for part in action) if isinstance(action, tuple) else str(action)
        self._graph.add_edge(self._node(before), self._node(after), action=words)

    def histories(self, search: Histories) -> Callable[[Explored], None]:
        """What a search of histories tells its levels to; the last level is not kept, so it is not drawn."""

        def level(found: Explored) -> None:
            for node in found.level:
                here = self._node(node)
                states = search.lattice(node)
                system = search.tables.system
                whole = states[max(states, key=int.bit_count)]
                self._graph.nodes[here]["updates"] = len(node)
                self._graph.nodes[here]["state"] = show(system.program, system.type, system.value(whole))
                for number in node:
                    before = tuple(n for n in node if n != number)
                    if before in self._numbers or not before:
                        wanted = search.tables.requests[search.events[number].request]
                        self._graph.add_edge(self._node(before), here, action=wanted.update)

        return level

    def write(self, path: Path) -> None:
        """Writes GraphML. Raises: OSError."""
        networkx.write_graphml(self._graph, path)

    def __len__(self) -> int:
        return len(self._numbers)
