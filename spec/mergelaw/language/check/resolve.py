"""From written types to static types: built-ins, parameters, aliases (expanded), enums and declared types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from mergelaw.language import ast
from mergelaw.language.check import bounds
from mergelaw.language.check.declared import BUILTIN_TYPES, Declared, did_you_mean, sentences
from mergelaw.language.check.unify import POISON, parts
from mergelaw.language.core import (
    Base,
    EnumT,
    MapT,
    Named,
    OptionType,
    ParamT,
    RecordT,
    SeqT,
    TupleT,
    Type,
    TypeParamDef,
    set_of,
)
from mergelaw.language.span import Span

BOUNDS = ("Ordered", "Lattice", "Store")


@dataclass(frozen=True)
class TypeScope:
    """Where a type is written."""

    file: str
    params: Mapping[str, Type] = field(default_factory=dict)
    this: Named | None = None
    """What `This` means; None outside of types."""
    aliases: tuple[str, ...] = ()
    """The aliases being expanded."""


def type_params(d: Declared, written: tuple[ast.TypeParam, ...]) -> tuple[TypeParamDef, ...]:
    """Type parameters; reports unknown bounds, names that stand twice or are taken."""
    seen: set[str] = set()
    for p in written:
        if p.bound is not None and p.bound not in BOUNDS:
            d.errors.add(
                "ML202",
                f"there is no bound `{p.bound}`",
                p.span,
                sentences("Bounds are: Ordered, Lattice, Store.", did_you_mean(p.bound, BOUNDS)),
            )
        if p.name in seen:
            d.errors.add("ML205", f"the type parameter `{p.name}` stands twice", p.span, "Rename one of them.")
        if p.name in BUILTIN_TYPES or p.name == "This":
            d.errors.add("ML216", f"`{p.name}` is a built-in type", p.span, "Give the parameter another name.")
        seen.add(p.name)
    return tuple(TypeParamDef(p.name, p.bound if p.bound in BOUNDS else None) for p in written)


def param_scope(params: tuple[TypeParamDef, ...]) -> dict[str, Type]:
    """Parameter name -> its static type."""
    return {p.name: ParamT(p.name, p.bound) for p in params}


def resolve(d: Declared, t: ast.TypeNode, scope: TypeScope) -> Type:
    """The static type that `t` means; poison, and an error, where it means none."""
    match t:
        case ast.TupleType(items):
            return TupleT(tuple(resolve(d, i, scope) for i in items))
        case ast.RecordType(fields):
            seen: set[str] = set()
            for name, ft in fields:
                if name in seen:
                    d.errors.add("ML205", f"the field `{name}` stands twice", ft.span, "Rename one of them.")
                seen.add(name)
            return RecordT(tuple((n, resolve(d, ft, scope)) for n, ft in fields))
        case ast.NamedType(name, args):
            return _named(d, t, name, tuple(resolve(d, a, scope) for a in args), scope)
    raise AssertionError(t)


def _named(d: Declared, node: ast.NamedType, name: str, args: tuple[Type, ...], scope: TypeScope) -> Type:
    def arity(n: int) -> bool:
        if len(args) == n:
            return True
        takes = "no type arguments" if n == 0 else f"{n} type argument{'s' if n > 1 else ''}"
        given = f"{len(args)} {'are' if len(args) != 1 else 'is'} given" if args else "none is given"
        d.errors.add(
            "ML305",
            f"`{name}` takes {takes}, {given}",
            node.span,
            _example(d, d.meaning(name, scope.file) or name, name),
        )
        return False

    if name in scope.params:
        return scope.params[name] if arity(0) else POISON
    if name == "This":
        if scope.this is None:
            d.errors.add("ML211", "`This` is used outside of a type", node.span, "Name the type instead.")
            return POISON
        return scope.this if arity(0) else POISON
    if name in BUILTIN_TYPES:
        if not arity(BUILTIN_TYPES[name]):
            return POISON
        match name:
            case "Set":
                return set_of(args[0])
            case "Map":
                return MapT(args[0], args[1])
            case "Option":
                return OptionType(args[0])
            case "Seq":
                return SeqT(args[0])
            case _:
                return Base(name)
    found = d.meaning(name, scope.file)
    if found is None and (name in d.types or name in d.enums or name in d.aliases):
        d.errors.add("ML209", *not_imported(d, name, node.span))
        return POISON
    if found is None:
        visible = d.visible.get(scope.file, {})
        known = [*BUILTIN_TYPES, *scope.params, *(n for n, unique in visible.items() if unique not in d.functions)]
        hint = d.import_hint(name) or did_you_mean(name, known)
        d.errors.add("ML202", f"there is no type `{name}`", node.span, hint)
        return POISON
    if found in d.functions:
        d.errors.add("ML202", f"`{name}` is a function, not a type", node.span)
        return POISON
    if found in d.aliases:
        return _alias(d, found, args, scope) if arity(len(d.aliases[found].params)) else POISON
    if found in d.enums:
        return EnumT(found, args) if arity(len(d.enums[found].params)) else POISON
    return Named(found, args) if arity(len(d.types[found].params)) else POISON


def _alias(d: Declared, name: str, args: tuple[Type, ...], scope: TypeScope) -> Type:
    alias = d.aliases[name]
    if name in scope.aliases:
        around = list(scope.aliases[scope.aliases.index(name) :])
        start = around.index(min(around, key=lambda n: d.aliases[n].span))
        name = around[start]
        alias = d.aliases[name]
        circle = " -> ".join([*around[start:], *around[:start], name])
        d.errors.add(
            "ML214",
            f"the alias `{name}` stands for itself: {circle}",
            alias.span,
            "An alias is only a shorter name. For a recursive type declare a `type` or a `store`.",
        )
        return POISON
    params = {p.name: a for p, a in zip(alias.params, args, strict=True)}
    inner = TypeScope(d.home[name], params, None, (*scope.aliases, name))
    return resolve(d, alias.type, inner)


def _example(d: Declared, name: str, written: str) -> str:
    if name in BUILTIN_TYPES:
        names: tuple[str, ...] = ("K", "V")[: BUILTIN_TYPES[name]] if name == "Map" else ("T",) * BUILTIN_TYPES[name]
    elif name in d.aliases:
        names = tuple(p.name for p in d.aliases[name].params)
    elif name in d.types:
        names = tuple(p.name for p in d.types[name].params)
    elif name in d.enums:
        names = tuple(p.name for p in d.enums[name].params)
    else:
        names = ()
    return f"Write `{written}[{', '.join(names)}]`." if names else f"Write `{written}`."


def not_imported(d: Declared, name: str, span: Span) -> tuple[str, Span, str]:
    """Message, place and hint of an error about a name that another file declares."""
    hint = d.import_hint(name) or f'Import it: `import {name} from "{PurePath(d.home[name]).name}"`.'
    return f"`{name}` is declared in another file", span, hint


def check_formed(d: Declared, t: ast.TypeNode, scope: TypeScope) -> None:
    """Reports map values without a zero and type arguments outside their bounds, at the place where they are written.

    To be called when all declarations are known.
    """
    match t:
        case ast.TupleType(items):
            for i in items:
                check_formed(d, i, scope)
        case ast.RecordType(fields):
            for _, f in fields:
                check_formed(d, f, scope)
        case ast.NamedType(name, args):
            for a in args:
                check_formed(d, a, scope)
            resolved = _again(d, t, scope)
            if d.meaning(name, scope.file) in d.aliases:
                for part in parts(resolved):
                    check_layer(d, part, t.span, t.span)
            else:
                check_layer(d, resolved, t.span, args[-1].span if args else t.span)


def check_layer(d: Declared, t: Type, span: Span, last_argument: Span) -> None:
    """Reports a map whose values have no zero, or a type argument outside its bound; not what is deeper."""
    match t:
        case MapT(_, value):
            need_zero(d, value, last_argument, "the values of a Map need")
        case Named(name, args):
            for p, a in zip(d.types[name].params, args, strict=True):
                need_bound(d, a, p, name, span)
        case EnumT(name, args):
            for p, a in zip(d.enums[name].params, args, strict=True):
                need_bound(d, a, p, name, span)
        case _:
            pass


def _again(d: Declared, t: ast.TypeNode, scope: TypeScope) -> Type:
    count = len(d.errors.found)
    result = resolve(d, t, scope)
    del d.errors.found[count:]
    return result


def need_zero(d: Declared, t: Type, span: Span, what: str) -> None:
    """Reports a type without a zero."""
    gap = bounds.zero_gap(d, t)
    if gap is None:
        return
    why = f"{t} has none" if gap == t else f"{t} has none, because of its part {gap}"
    unsure = f"{gap} may be a type without one, such as Replica. " if isinstance(gap, ParamT) else ""
    d.errors.add("ML402", f"{what} a zero, and {why}", span, f"{unsure}Use `Option[{gap}]`: its zero is none.")


def need_bound(d: Declared, t: Type, param: TypeParamDef, owner: str, span: Span) -> None:
    """Reports a type argument outside the bound of its parameter."""
    if not bounds.meets(d, t, param.bound):
        d.errors.add(
            "ML401",
            f"`{param.name}` of {owner} has the bound {param.bound}, which {t} does not meet",
            span,
            bounds.BOUND_HINTS[param.bound or ""],
        )
