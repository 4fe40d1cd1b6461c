"""What the compiler adds to the core tree, and how it walks and rewrites it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from mergelaw.language.core import (
    At,
    Build,
    Expr,
    Get,
    Let,
    Lit,
    Match,
    Named,
    Pattern,
    Pick,
    PSome,
    PTuple,
    PVar,
    PVariant,
    Quant,
    Seen,
    SeqFor,
    Type,
    Var,
    Zero,
)


@dataclass(frozen=True)
class Joined(Expr):
    """`merge(left, right)` of values of `owner`; the contexts are named as `Seen` names them here."""

    owner: Named
    left: Expr
    right: Expr
    left_seen: str
    right_seen: str


@dataclass(frozen=True)
class Called(Expr):
    """A call of a generated function: with `args`, then the contexts `seens`."""

    function: str
    args: tuple[Expr, ...]
    seens: tuple[str, ...]


@dataclass(frozen=True)
class Dots(Expr):
    """The live dots of `subject`, a value of `owner`, as a Set[Dot]."""

    owner: Type
    subject: Expr


_parts: dict[type[Expr], tuple[str, ...]] = {}
"""The fields of each kind of node that may hold subexpressions."""


def _parts_of(node: type[Expr]) -> tuple[str, ...]:
    found = _parts.get(node)
    if found is None:
        found = _parts[node] = tuple(f.name for f in fields(node) if f.name not in ("type", "span"))
    return found


def map_children(e: Expr, f: Callable[[Expr], Expr]) -> Expr:
    """`e` with `f` applied to its direct subexpressions; `e` itself where nothing changed."""
    changed: dict[str, object] = {}
    for name in _parts_of(type(e)):
        old = getattr(e, name)
        new = _mapped(old, f)
        if new is not old:
            changed[name] = new
    if not changed:
        return e
    made = object.__new__(type(e))
    for name in e.__dataclass_fields__:
        object.__setattr__(made, name, changed.get(name, getattr(e, name)))
    return made


def _mapped(x: object, f: Callable[[Expr], Expr]) -> object:
    if isinstance(x, Expr):
        return f(x)
    if isinstance(x, tuple) and x:
        new = tuple([_mapped(i, f) for i in x])
        return x if all(a is b for a, b in zip(new, x, strict=True)) else new
    return x


def subexpressions(e: Expr) -> list[Expr]:
    """The direct subexpressions of `e`."""
    found: list[Expr] = []

    def keep(x: Expr) -> Expr:
        found.append(x)
        return x

    map_children(e, keep)
    return found


def size(e: Expr, limit: int = 1_000_000) -> int:
    """How many nodes `e` has; counting stops beyond `limit`."""
    total = 1
    for c in subexpressions(e):
        if total > limit:
            break
        total += size(c, limit - total)
    return total


def count_uses(e: Expr, name: str) -> int:
    """How often variable `name` occurs in `e`; an occurrence under a binder that loops counts as two."""
    if isinstance(e, Var):
        return int(e.name == name)
    total = sum(count_uses(c, name) for c in subexpressions(e))
    return total * 2 if isinstance(e, (Build, Pick, Quant, SeqFor)) else total


def mentions(e: Expr, name: str) -> bool:
    """Whether variable `name` occurs in `e`."""
    if isinstance(e, Var):
        return e.name == name
    return any(mentions(c, name) for c in subexpressions(e))


def contains(e: Expr, test: Callable[[Expr], bool]) -> bool:
    """Whether `test` holds of `e` or one of its subexpressions."""
    return test(e) or any(contains(c, test) for c in subexpressions(e))


def substituted(e: Expr, values: Mapping[str, Expr]) -> Expr:
    """`e` with variables replaced. Binders of `e` are unique names, so nothing is captured."""
    if isinstance(e, Var):
        return values.get(e.name, e)
    return map_children(e, lambda c: substituted(c, values))


def replaced(e: Expr, values: Mapping[Expr, Expr]) -> Expr:
    """`e` with whole subexpressions replaced."""
    found = values.get(e)
    return found if found is not None else map_children(e, lambda c: replaced(c, values))


def with_contexts(e: Expr, names: Mapping[str, str]) -> Expr:
    """`e` with the names of contexts replaced."""
    e = map_children(e, lambda c: with_contexts(c, names))
    match e:
        case Seen(state=s) if s in names:
            return Seen(e.type, names[s])
        case Joined() if e.left_seen in names or e.right_seen in names:
            left, right = names.get(e.left_seen, e.left_seen), names.get(e.right_seen, e.right_seen)
            return Joined(e.type, e.owner, e.left, e.right, left, right)
        case Called() if e.seens:
            return Called(e.type, e.function, e.args, tuple(names.get(s, s) for s in e.seens))
    return e


def is_atom(e: Expr) -> bool:
    """Whether `e` costs nothing to write twice."""
    return isinstance(e, (Var, Lit, Zero))


def is_path(e: Expr) -> bool:
    """Whether `e` only reads a place of a variable: `a.adds[k]`."""
    match e:
        case Var() | Zero():
            return True
        case Get(subject=s):
            return is_path(s)
        case At(subject=s, key=k):
            return is_path(s) and is_atom(k)
        case _:
            return False


def pattern_names(p: Pattern) -> list[str]:
    """The variables that `p` binds."""
    match p:
        case PVar(name):
            return [name]
        case PSome(item):
            return pattern_names(item)
        case PTuple(items):
            return [n for i in items for n in pattern_names(i)]
        case PVariant(args=args):
            return [n for i in args for n in pattern_names(i)]
        case _:
            return []


def renamed_pattern(p: Pattern, names: Mapping[str, str]) -> Pattern:
    """`p` with its variables renamed."""
    match p:
        case PVar(name):
            return PVar(names.get(name, name))
        case PSome(item):
            return PSome(renamed_pattern(item, names))
        case PTuple(items):
            return PTuple(tuple(renamed_pattern(i, names) for i in items))
        case PVariant(index, args):
            return PVariant(index, tuple(renamed_pattern(i, names) for i in args))
        case _:
            return p


def bound_names(e: Expr) -> list[str]:
    """The variables that `e` itself binds, not those of its subexpressions."""
    match e:
        case Let(name=name):
            return [name]
        case Build(var=var) | Pick(var=var) | Quant(var=var) | SeqFor(var=var):
            return [var]
        case Match(cases=cases):
            return [n for p, _ in cases for n in pattern_names(p)]
        case _:
            return []
