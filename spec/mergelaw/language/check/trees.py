"""Core trees: their free variables, and copies with variables and type parameters replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from operator import is_
from typing import Any

from mergelaw.language import core
from mergelaw.language.check.nodes import CHILD_FIELDS, changed
from mergelaw.language.core import Expr, Pattern, Type, substitute
from mergelaw.language.span import Span


def rebuilt(x: Any, change: Callable[[Any], Any]) -> Any:
    """The node `x` with every node directly inside replaced by what `change` makes of it; `x` itself if all stay."""
    values = {}
    for name in CHILD_FIELDS[x.__class__]:
        old = getattr(x, name)
        new = _changed(old, change)
        if new is not old:
            values[name] = new
    return changed(x, values)


def _changed(x: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(x, tuple):
        new = [_changed(i, change) for i in x]
        return x if all(map(is_, x, new)) else tuple(new)
    return change(x) if isinstance(x, Expr | core.Delta | core.Entry | core.Path) else x


def pattern_variables(p: Pattern) -> Iterator[str]:
    """The variables that `p` binds."""
    match p:
        case core.PVar(name):
            yield name
        case core.PSome(item):
            yield from pattern_variables(item)
        case core.PVariant(_, args):
            for a in args:
                yield from pattern_variables(a)
        case core.PTuple(items):
            for i in items:
                yield from pattern_variables(i)
        case _:
            pass


def scopes(e: Expr) -> tuple[tuple[tuple[str, ...], tuple[Expr, ...]], ...]:
    """The direct subexpressions of `e`, grouped by the variables that `e` binds in them."""
    match e:
        case core.Let(name=name, value=value, body=body):
            return ((), (value,)), ((name,), (body,))
        case core.Match(subject=subject, cases=cases):
            return ((), (subject,)), *((tuple(pattern_variables(p)), (b,)) for p, b in cases)
        case core.Build(var=var, body=body, sources=sources):
            return ((), sources), ((var,), (body,))
        case core.Pick(var=var, source=source, keys=keys):
            return ((), (source,)), ((var,), tuple(k for k, _ in keys))
        case core.Quant(var=var, source=found, body=body):
            return ((), () if found is None else (found,)), ((var,), (body,))
        case core.SeqFor(var=var, source=source, keys=keys, condition=condition, body=body):
            inner = (*(k for k, _ in keys), *(() if condition is None else (condition,)), body)
            return ((), (source,)), ((var,), inner)
        case _:
            return (((), tuple(core.children(e))),)


def free(e: Expr) -> frozenset[str]:
    """The variables that `e` does not bind itself; contexts (`Seen`) do not count."""
    if isinstance(e, core.Var):
        return frozenset((e.name,))
    found: frozenset[str] = frozenset()
    for names, parts in scopes(e):
        for p in parts:
            found |= free(p).difference(names)
    return found


class NoContext(Exception):
    """`seen` of something whose context is not known."""


class Copier:
    """Copies of an expression with type parameters, free variables and the context of `this` replaced.

    Variables are replaced by expressions, or renamed.
    Bound variables of the copy that would catch a variable of the replacements are renamed.
    """

    def __init__(self, types: Mapping[str, Type], avoid: frozenset[str], seen_of: str | None) -> None:
        self._types = types
        self._avoid = avoid
        self._seen_of = seen_of

    def copy(self, e: Expr, env: Mapping[str, Expr | str]) -> Expr:
        """Raises: NoContext."""
        match e:
            case core.Var():
                found = env.get(e.name, e.name)
                return found if isinstance(found, Expr) else core.Var(self._type(e.type), found, span=e.span)
            case core.Seen():
                if self._seen_of is None:
                    raise NoContext
                return core.Seen(e.type, self._seen_of, span=e.span)
            case core.Let(name=name):
                inner, new = self._renamed(env, (name,))
                return core.Let(
                    self._type(e.type), new[0], self.copy(e.value, env), self.copy(e.body, inner), span=e.span
                )
            case core.Match():
                cases = []
                for p, b in e.cases:
                    names = tuple(pattern_variables(p))
                    inner, new = self._renamed(env, names)
                    cases.append((_pattern(p, dict(zip(names, new, strict=True))), self.copy(b, inner)))
                return core.Match(self._type(e.type), self.copy(e.subject, env), tuple(cases), span=e.span)
            case core.Build() | core.Pick() | core.Quant() | core.SeqFor():
                return self._binder(e, env)
            case _:
                values = {f.name: self._any(getattr(e, f.name), env) for f in fields(e)}
                return type(e)(**values)

    def _binder(self, e: core.Build | core.Pick | core.Quant | core.SeqFor, env: Mapping[str, Expr | str]) -> Expr:
        inner, (new,) = self._renamed(env, (e.var,))
        values: dict[str, Any] = {}
        for f in fields(e):
            outside = f.name in ("source", "sources")
            values[f.name] = self._any(getattr(e, f.name), env if outside else inner)
        values["var"] = new
        return type(e)(**values)

    def _renamed(
        self, env: Mapping[str, Expr | str], names: tuple[str, ...]
    ) -> tuple[dict[str, Expr | str], list[str]]:
        inner = dict(env)
        new = []
        for name in names:
            unique, n = name, 1
            while unique in self._avoid:
                n += 1
                unique = f"{name}_{n}"
            new.append(unique)
            if unique == name:
                inner.pop(name, None)
            else:
                inner[name] = unique
        return inner, new

    def _any(self, x: Any, env: Mapping[str, Expr | str]) -> Any:
        if isinstance(x, Expr):
            return self.copy(x, env)
        if isinstance(x, Type):
            return self._type(x)
        if isinstance(x, tuple):
            return tuple([self._any(i, env) for i in x])
        assert not is_dataclass(x) or isinstance(x, Span | Pattern), x
        return x

    def _type(self, t: Type) -> Type:
        return substitute(t, self._types)


def _pattern(p: Pattern, names: Mapping[str, str]) -> Pattern:
    match p:
        case core.PVar(name):
            return core.PVar(names[name])
        case core.PSome(item):
            return core.PSome(_pattern(item, names))
        case core.PVariant(index, args):
            return core.PVariant(index, tuple(_pattern(a, names) for a in args))
        case core.PTuple(items):
            return core.PTuple(tuple(_pattern(i, names) for i in items))
        case _:
            return p
