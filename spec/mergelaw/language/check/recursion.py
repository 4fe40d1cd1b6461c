"""Recursion ends: every call in a circle hands on something that is not greater than one chosen parameter, and on
every way around the circle something gets smaller. What is smaller, `descent` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from mergelaw.language import core
from mergelaw.language.check.declared import Errors
from mergelaw.language.check.descent import Definition, Key, Site, Size, sites
from mergelaw.language.core import Type

CHOICES = 4096
"""How many ways to choose a parameter for each member of a circle are tried."""


def check_recursion(program: core.Program, news: core.Program, errors: Errors) -> frozenset[str]:
    """Reports recursion that need not end; comes back with the names of the recursive functions.

    Looks at what `news` has of the program: whole files, so that no circle leaves it.
    """
    definitions = _definitions(news)
    edges = {k: frozenset(s.callee for s in sites(program, d, 0)) & definitions.keys() for k, d in definitions.items()}
    reach = _reachable(edges)
    done: set[Key] = set()
    for key in definitions:
        if key in reach[key] and key not in done:
            circle = [k for k in definitions if k in reach[key] and key in reach[k]]
            done.update(circle)
            _check_circle(program, circle, definitions, errors)
    return frozenset(k[1] for k in definitions if k[0] == "fun" and k in reach[k])


def _definitions(program: core.Program) -> dict[Key, Definition]:
    found: dict[Key, Definition] = {}
    for f in program.functions.values():
        found["fun", f.name] = Definition(_each("", f.params), f.body)
    for t in program.types.values():
        for q in t.queries:
            found["query", t.name, q.name] = Definition(_each("this", q.params), q.body)
        for u in t.updates:
            found["update", t.name, u.name] = Definition(_each("this", u.params), (u.requires, u.body))
        if t.merge is not None:
            found["merge", t.name, "merge"] = Definition(((t.merge.left, t.merge.right),), t.merge.body)
    return found


def _each(this: str, params: tuple[tuple[str, Type], ...]) -> tuple[tuple[str, ...], ...]:
    """Every parameter by itself."""
    names = (this, *(n for n, _ in params)) if this else tuple(n for n, _ in params)
    return tuple((n,) for n in names)


def _reachable(edges: Mapping[Key, frozenset[Key]]) -> dict[Key, frozenset[Key]]:
    found: dict[Key, frozenset[Key]] = {}
    for start in edges:
        seen: set[Key] = set()
        todo = list(edges[start])
        while todo:
            k = todo.pop()
            if k not in seen:
                seen.add(k)
                todo += edges[k]
        found[start] = frozenset(seen)
    return found


def _idle(calls: Mapping[Key, list[Site]], at: Mapping[Key, int]) -> list[Site]:
    """The calls that keep the circle going for ever: those that may grow, else those on circles without any descent."""
    sites = [(k, s, s.sizes[at[s.callee]]) for k, ss in calls.items() for s in ss]
    growing = [s for _, s, size in sites if size == Size.ANY]
    if growing:
        return growing
    level = [(k, s) for k, s, size in sites if size == Size.NOT_GREATER]
    reach = _reachable({k: frozenset(s.callee for j, s in level if j == k) for k in calls})
    return [s for k, s in level if k == s.callee or k in reach[s.callee]]


def _check_circle(
    program: core.Program, circle: list[Key], definitions: Mapping[Key, Definition], errors: Errors
) -> None:
    """Reports the circle unless some choice of one parameter a member makes every call inside descend."""
    members = set(circle)
    calls = {
        k: [
            [s for s in sites(program, definitions[k], i) if s.callee in members]
            for i in range(len(definitions[k].params))
        ]
        for k in circle
    }
    if any(not definitions[k].params for k in circle):
        choices: Iterator[tuple[int, ...]] = iter(())
    else:
        choices = product(*(range(len(definitions[k].params)) for k in circle))
    best: list[Site] | None = None
    for n, choice in enumerate(choices):
        if n >= CHOICES:
            break
        at = dict(zip(circle, choice, strict=True))
        bad = _idle({k: calls[k][at[k]] for k in circle}, at)
        if not bad:
            return
        if best is None or len(bad) < len(best):
            best = bad
    if best is None:
        best = [s for k in circle for s in sites(program, definitions[k], 0) if s.callee in members]
    for s in best:
        errors.add(
            "ML502", f"{_claim(circle, s.callee)} with nothing that is surely smaller", s.span, _advice(s.callee)
        )


def _claim(circle: list[Key], callee: Key) -> str:
    if len(circle) > 1:
        return f"{' -> '.join(k[-1] for k in [*circle, circle[0]])} call one another here"
    return (
        f"the merge of {callee[1]} calls itself here" if callee[0] == "merge" else f"`{callee[-1]}` calls itself here"
    )


def _advice(callee: Key) -> str:
    values = "what a pattern takes out of the parameter"
    if callee[0] == "fun":
        return (
            "Descend in one parameter, the same at every call: `if n == 0 then ... else f(monus(n, 1))`, "
            f"`if s == [] then ... else f(rest(s))`, or {values}."
        )
    if callee[0] == "merge":
        return "A merge that is written out says what to do with each part: `{ part = merge(a.part, b.part), ... }`."
    return (
        "Go on into something smaller: `part[k]` where it is not zero, as for `k` in a comprehension over `part` "
        f"or under a test `part[k] != {{}}`; {values}; or `rest(path)` where the path is not empty."
    )
