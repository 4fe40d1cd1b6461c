"""Which values get names: those read more than once, and those that a loop would compute again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from mergelaw.language.core import BOOL, At, Count, Expr, Get, If, Keys, MapE, MapT, Match, Op, Pick, Seen, Sum, Var
from mergelaw.semantics.compile.tree import (
    Called,
    Dots,
    Joined,
    bound_names,
    is_atom,
    mentions,
    subexpressions,
)


def hint_of(e: Expr) -> str:
    """What to call the value of `e`."""
    match e:
        case Get(_, _, name):
            return name
        case At(_, subject, _):
            return hint_of(subject)
        case Var(_, name):
            return name
        case Sum() | Count():
            return "total"
        case Keys():
            return "keys"
        case Op(_, op, _):
            return op
        case Joined():
            return "merged"
        case _:
            return "part"


def _worth_a_name(e: Expr) -> bool:
    match e:
        case At(_, subject, _):
            return e.type != BOOL or isinstance(subject, Seen)
        case Get() | Called() | Joined() | Dots() | Sum() | Count() | Keys() | Pick() | MapE():
            return True
        case Op():
            return isinstance(e.type, MapT)
        case _:
            return not is_atom(e) and isinstance(e.type, MapT)


def uses(e: Expr) -> Counter[Expr]:
    """How often each value worth a name is read at most, of branches the one that reads it more."""
    found: Counter[Expr] = Counter()
    match e:
        case If(_, condition, then, orelse):
            found = uses(condition) + (uses(then) | uses(orelse))
        case Match(_, subject, cases):
            bodies: Counter[Expr] = Counter()
            for _, body in cases:
                bodies |= uses(body)
            found = uses(subject) + bodies
        case _:
            names = bound_names(e)
            for c in subexpressions(e):
                for x, n in uses(c).items():
                    if not any(mentions(x, name) for name in names):
                        found[x] += n
    if _worth_a_name(e) and not (e.type == BOOL and isinstance(e, Get) and isinstance(e.subject, Var)):
        found[e] += 1
    return found


def invariants(e: Expr, bound: frozenset[str], recursive: Callable[[str], bool]) -> Iterator[Expr]:
    """The greatest subexpressions of `e` that are worth a name and depend on none of `bound`."""
    if _worth_a_name(e) and not _depends(e, bound) and not _recurses(e, recursive):
        yield e
        return
    bound = bound | frozenset(bound_names(e))
    for c in subexpressions(e):
        yield from invariants(c, bound, recursive)


def _depends(e: Expr, bound: frozenset[str]) -> bool:
    if isinstance(e, Var):
        return e.name in bound
    return any(_depends(c, bound) for c in subexpressions(e))


def _recurses(e: Expr, recursive: Callable[[str], bool]) -> bool:
    """Whether `e` calls a function that may call itself, which only the branch around the call makes end."""
    if isinstance(e, Called) and recursive(e.function):
        return True
    return any(_recurses(c, recursive) for c in subexpressions(e))
