"""Which functions and queries may call themselves."""

from __future__ import annotations

from collections.abc import Iterator

from mergelaw.language import core
from mergelaw.language.core import Expr, Program

Node = tuple[str, str]
"""("", name) of a function, (type's name, name) of a query."""


class CallGraph:
    """The calls between the functions and queries of a program, whatever their type arguments."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._calls: dict[Node, frozenset[Node]] = {}

    def recursive_function(self, name: str) -> bool:
        """Whether function `name` may call itself."""
        return self._reaches_itself(("", name))

    def recursive_query(self, owner: str, name: str) -> bool:
        """Whether query `name` of type `owner` may call itself."""
        return self._reaches_itself((owner, name))

    def _reaches_itself(self, node: Node) -> bool:
        reached: set[Node] = set()
        pending = list(self._of(node))
        while pending:
            n = pending.pop()
            if n not in reached:
                reached.add(n)
                pending += self._of(n)
        return node in reached

    def _of(self, node: Node) -> frozenset[Node]:
        if node not in self._calls:
            owner, name = node
            body = self._program.types[owner].query(name).body if owner else self._program.functions[name].body
            self._calls[node] = frozenset(_calls(body))
        return self._calls[node]


def _calls(e: Expr) -> Iterator[Node]:
    match e:
        case core.CallFun(name=name):
            yield "", name
        case core.CallQuery(owner=owner, query=query):
            yield owner.name, query
    for c in core.children(e):
        yield from _calls(c)
