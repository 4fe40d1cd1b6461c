"""Making deltas of journals: what updates have written at their own replica, place by place (see `local`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from immutables import Map

from mergelaw.language.core import MapT, Program, RecordT, Type
from mergelaw.semantics.compile.local import ALL, Place
from mergelaw.semantics.engine import Footprint
from mergelaw.semantics.values import Raw, zero

Journal = dict[Any, Raw]
"""Place -> what is there now: the number of the place, or a tuple of the number and the keys on the way to it."""

_Tree = dict[Any, Any] | tuple[Raw]
"""Step -> tree below it; or the value there, alone."""


Form = Callable[[Journal], tuple[Raw, Footprint] | None]
"""Makes the delta of journals that have the same places; None: the keys on the way to them are not the same."""

_FEW = 4
"""Journals of up to so many places have a function of their own, by the numbers of the places."""


class Assembler:
    """Makes values and footprints of one type of journals."""

    def __init__(self, program: Program, t: Type, places: Sequence[Place]) -> None:
        """`places` may grow."""
        self._program = program
        self._type = t
        self._places = places
        self._zeros: dict[Type, Raw] = {}
        self._forms: dict[tuple[int, ...], Form] = {}

    def delta(self, journal: Journal) -> tuple[Raw, Footprint]:
        """The value that has what `journal` says, and the footprint that names just that."""
        if 0 < len(journal) <= _FEW:
            numbers = tuple([entry if type(entry) is int else entry[0] for entry in journal])
            form = self._forms.get(numbers)
            if form is None:
                form = self._forms[numbers] = self._form(numbers)
            made = form(journal)
            if made is not None:
                return made
        tree = self._tree(journal)
        return self._value(self._type, tree), _footprint(tree)

    def _form(self, numbers: tuple[int, ...]) -> Form:
        places = [self._places[number] for number in numbers]
        emptied = [p[:-1] for p in places if p and p[-1] is ALL]
        if any(sum(p[: len(whole)] == whole for p in places) > 1 for whole in emptied):
            # What was written after a map was emptied stands beside that.
            return lambda journal: None
        return _Printer(self._program, self._places).form(self._type, numbers)

    def touched(self, journal: Journal) -> Footprint:
        """The footprint alone."""
        return _footprint(self._tree(journal))

    def _tree(self, journal: Journal) -> _Tree:
        tree: dict[Any, Any] = {}
        for entry, value in journal.items():
            steps: tuple[Any, ...]
            if type(entry) is int:
                steps = self._places[entry]
            else:
                keys = iter(entry)
                steps = tuple([next(keys) if step is None else step for step in self._places[next(keys)]])
            if not steps:
                return (value,)
            node = tree
            for step in steps[:-1]:
                below = node.get(step)
                if below is None:
                    below = node[step] = {}
                node = below
            if steps[-1] is ALL:
                node[ALL] = ()
            else:
                node[steps[-1]] = (value,)
        return tree

    def _value(self, t: Type, tree: _Tree) -> Raw:
        if isinstance(tree, tuple):
            return tree[0]
        t = self._program.unfold(t)
        nothing = self._zeros.get(t)
        if nothing is None:
            nothing = self._zeros[t] = zero(self._program, t)
        if isinstance(t, RecordT):
            parts = list(nothing)
            for name, below in tree.items():
                at = t.position(name)
                parts[at] = self._value(t.fields[at][1], below)
            return tuple(parts)
        assert isinstance(t, MapT), t
        made = {key: self._value(t.value, below) for key, below in tree.items() if key is not ALL}
        empty = zero(self._program, t.value)
        return Map({key: value for key, value in made.items() if value != empty})


def _footprint(tree: _Tree) -> Footprint:
    if isinstance(tree, tuple) or ALL in tree:
        return None
    return {step: _footprint(below) for step, below in tree.items()}


class _Printer:
    """Writes the function that makes deltas of journals with certain places."""

    def __init__(self, program: Program, places: Sequence[Place]) -> None:
        self._program = program
        self._places = places
        self._names: dict[str, Any] = {"Map": Map}
        self._keys: dict[Place, str] = {}
        """The name of the key below each map."""
        self._checks: list[str] = []

    def form(self, t: Type, numbers: tuple[int, ...]) -> Form:
        """The function of journals with the places `numbers`, in this order."""
        tree: _Tree = {}
        for i, number in enumerate(numbers):
            steps = self._places[number]
            at = 0
            if not steps:
                tree = (f"v{i}",)
            node: Any = tree
            for n, step in enumerate(steps):
                if step is None:
                    at += 1
                    self._name_key(steps[:n], f"e{i}[{at}]", f"v{i}")
                if n + 1 < len(steps):
                    node = node.setdefault(step, {})
                else:
                    node[step] = () if step is ALL else (f"v{i}",)
        pairs = ", ".join(f"(e{i}, v{i})" for i in range(len(numbers)))
        value, footprint = self._value(t, tree, ()), self._footprint(tree, ())
        lines = ["def form(journal):", f"    {pairs}, = journal.items()"]
        lines += [f"    {line}" for line in self._checks]
        lines.append(f"    return {value}, {footprint}")
        exec("\n".join(lines), self._names)
        form: Form = self._names["form"]
        return form

    def _name_key(self, above: Place, text: str, value: str) -> None:
        """A key below the map at `above`, which all places there have to share, and a value that must not be zero."""
        name = self._keys.get(above)
        if name is None:
            name = self._keys[above] = f"k{len(self._keys)}"
            self._checks.append(f"{name} = {text}")
            self._checks.append(f"if not {value}: return None")
        else:
            self._checks.append(f"if {text} != {name} or not {value}: return None")

    def _zero(self, t: Type) -> str:
        name = f"z{len(self._names)}"
        self._names[name] = zero(self._program, t)
        return name

    def _value(self, t: Type, tree: _Tree, above: Place) -> str:
        if isinstance(tree, tuple):
            return str(tree[0])
        t = self._program.unfold(t)
        if isinstance(t, RecordT):
            parts = [
                self._value(f, tree[name], (*above, name)) if name in tree else self._zero(f) for name, f in t.fields
            ]
            return f"({', '.join(parts)},)"
        assert isinstance(t, MapT), t
        if ALL in tree:
            return self._zero(t)
        return f"Map({{{self._keys[above]}: {self._value(t.value, tree[None], (*above, None))}}})"

    def _footprint(self, tree: _Tree, above: Place) -> str:
        if isinstance(tree, tuple) or ALL in tree:
            return "None"
        items = [
            f"{self._keys[above] if step is None else repr(step)}: {self._footprint(below, (*above, step))}"
            for step, below in tree.items()
        ]
        return f"{{{', '.join(items)}}}"
