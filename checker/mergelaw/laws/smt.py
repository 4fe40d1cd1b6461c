"""Terms of quantifier-free logic (uninterpreted functions with linear arithmetic) and their SMT-LIB 2 text.

Terms are hash-consed: equal terms are the same object, so a formula is a DAG and is printed as one
(shared subterms become `define-fun`s). Constructors simplify constants on the way.
Source: Barrett, Fontaine, Tinelli, "The SMT-LIB Standard", version 2.6 (2017).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import count
from operator import attrgetter
from typing import Any

BOOL = "Bool"
INT = "Int"
REAL = "Real"


class Term:
    """A node of the DAG. `op` is "const", "app", "lit" or an SMT-LIB operator; compare by identity."""

    __slots__ = ("args", "name", "op", "sort", "uid")

    op: str
    name: str
    args: tuple[Term, ...]
    sort: str
    uid: int

    def __repr__(self) -> str:
        return self.name if not self.args else f"({self.name or self.op} {' '.join(map(repr, self.args))})"


_TABLE: dict[tuple[str, str, tuple[Term, ...], str], Term] = {}
"""All terms but negations."""
_NEGATIONS: dict[Term, Term] = {}
_INTEGERS: dict[int, Term] = {}
_REALS: dict[Fraction | int, Term] = {}
"""Short cuts into the table."""


def reset() -> None:
    """Forget all terms; those made before must not be mixed with later ones."""
    for table in (_TABLE, _NEGATIONS, _INTEGERS, _REALS):
        table.clear()
    for t in (TRUE, FALSE):
        _TABLE[(t.op, t.name, (), t.sort)] = t


@contextmanager
def aside() -> Iterator[None]:
    """Inside, terms are made that nothing outside is to hold: no trace of them is left, nor are those outside seen.

    So a text made outside does not depend on whether the terms inside were made at all.
    """
    tables: tuple[dict[Any, Term], ...] = (_TABLE, _NEGATIONS, _INTEGERS, _REALS)
    kept = [dict(t) for t in tables]
    reset()
    try:
        yield
    finally:
        for table, before in zip(tables, kept, strict=True):
            table.clear()
            table.update(before)


def _make(op: str, name: str, args: tuple[Term, ...], sort: str) -> Term:
    key = (op, name, args, sort)
    found = _TABLE.get(key)
    if found is None:
        found = _TABLE[key] = _new(op, name, args, sort)
    return found


def _new(op: str, name: str, args: tuple[Term, ...], sort: str) -> Term:
    t = Term()
    t.op, t.name, t.args, t.sort, t.uid = op, name, args, sort, next(_uids)
    return t


_uids = count(1)
_uid = attrgetter("uid")


TRUE = _make("lit", "true", (), BOOL)
FALSE = _make("lit", "false", (), BOOL)


def const(name: str, sort: str) -> Term:
    """The free constant `name`."""
    return _make("const", name, (), sort)


def app(name: str, args: Sequence[Term], sort: str) -> Term:
    """The uninterpreted function `name` applied to `args` (a constant when there are none)."""
    return _make("app", name, tuple(args), sort) if args else const(name, sort)


def boolean(value: bool) -> Term:
    """true or false."""
    return TRUE if value else FALSE


def integer(value: int) -> Term:
    """An Int numeral."""
    found = _INTEGERS.get(value)
    if found is None:
        found = _INTEGERS[value] = _make("lit", str(value) if value >= 0 else f"(- {-value})", (), INT)
    return found


def real(value: Fraction | int) -> Term:
    """A Real numeral, exact."""
    found = _REALS.get(value)
    if found is None:
        f = Fraction(value)
        num = f"{abs(f.numerator)}.0" if f.denominator == 1 else f"(/ {abs(f.numerator)}.0 {f.denominator}.0)"
        found = _REALS[value] = _make("lit", num if f >= 0 else f"(- {num})", (), REAL)
    return found


def not_(a: Term) -> Term:
    """Negation."""
    found = _NEGATIONS.get(a)
    if found is None:
        found = _NEGATIONS[a] = _not(a)
    return found


def _not(a: Term) -> Term:
    if a is TRUE:
        return FALSE
    if a is FALSE:
        return TRUE
    if a.op == "not":
        return a.args[0]
    return _new("not", "not", (a,), BOOL)


def and_(*items: Term) -> Term:
    """Conjunction; true when empty."""
    return _flat("and", items, TRUE, FALSE)


def or_(*items: Term) -> Term:
    """Disjunction; false when empty."""
    return _flat("or", items, FALSE, TRUE)


def _flat(op: str, items: tuple[Term, ...], unit: Term, absorber: Term) -> Term:
    if len(items) == 2:
        # The usual case, without the detours.
        a, b = items
        if a is absorber or b is absorber:
            return absorber
        if a is unit or a is b:
            return b
        if b is unit:
            return a
        if a.op != op and b.op != op:
            if (a.op == "not" and a.args[0] is b) or (b.op == "not" and b.args[0] is a):
                return absorber
            return _make(op, op, items, BOOL)
    parts: dict[Term, None] = {}
    for i in items:
        if i is absorber:
            return absorber
        if i.op == op:
            # Neither constant is among them.
            parts.update(dict.fromkeys(i.args))
        elif i is not unit:
            parts[i] = None
    if not parts:
        return unit
    if len(parts) == 1:
        return next(iter(parts))
    for j in parts:
        if j.op == "not" and j.args[0] in parts:
            return absorber
    return _make(op, op, tuple(parts), BOOL)


def implies(a: Term, b: Term) -> Term:
    """Implication."""
    return or_(not_(a), b)


def ite(c: Term, a: Term, b: Term) -> Term:
    """If-then-else on terms of one sort."""
    if c is TRUE or a is b:
        return a
    if c is FALSE:
        return b
    if a.sort == BOOL:
        if a is TRUE:
            return or_(c, b)
        if a is FALSE:
            return and_(not_(c), b)
        if b is FALSE:
            return and_(c, a)
        if b is TRUE:
            return or_(not_(c), a)
    else:
        a, b = _same_sort(a, b)
    return _make("ite", "ite", (c, a, b), a.sort)


def _same_sort(a: Term, b: Term) -> tuple[Term, Term]:
    """Widen Int to Real where the two differ."""
    if a.sort == b.sort:
        return a, b
    return to_real(a), to_real(b)


def to_real(a: Term) -> Term:
    """`a` as a Real."""
    if a.sort != INT:
        return a
    if a.op == "lit":
        return real(_value(a))
    return _make("to_real", "to_real", (a,), REAL)


def _value(a: Term) -> int:
    return int(a.name) if not a.name.startswith("(") else -int(a.name[3:-1])


def eq(a: Term, b: Term) -> Term:
    """Equality of two terms of one sort (Int and Real mix)."""
    if a is b:
        return TRUE
    if a.sort == BOOL:
        if a is TRUE:
            return b
        if b is TRUE:
            return a
        if a is FALSE:
            return not_(b)
        if b is FALSE:
            return not_(a)
    else:
        a, b = _same_sort(a, b)
        if a is b:
            return TRUE
        if a.op == "lit" and b.op == "lit":
            return FALSE
    if a.uid > b.uid:
        a, b = b, a
    return _make("=", "=", (a, b), BOOL)


def le(a: Term, b: Term) -> Term:
    """a <= b on numbers."""
    a, b = _same_sort(a, b)
    if a is b:
        return TRUE
    if a.op == "lit" and b.op == "lit" and a.sort == INT:
        return boolean(_value(a) <= _value(b))
    return _make("<=", "<=", (a, b), BOOL)


def lt(a: Term, b: Term) -> Term:
    """a < b on numbers."""
    a, b = _same_sort(a, b)
    if a is b:
        return FALSE
    if a.op == "lit" and b.op == "lit" and a.sort == INT:
        return boolean(_value(a) < _value(b))
    return _make("<", "<", (a, b), BOOL)


def _is_zero(a: Term) -> bool:
    return a.op == "lit" and a.name in ("0", "0.0")


def add(a: Term, b: Term) -> Term:
    """a + b."""
    a, b = _same_sort(a, b)
    if _is_zero(a):
        return b
    if _is_zero(b):
        return a
    if a.op == "lit" and b.op == "lit" and a.sort == INT:
        return integer(_value(a) + _value(b))
    return _make("+", "+", (a, b), a.sort)


def sub(a: Term, b: Term) -> Term:
    """a - b."""
    a, b = _same_sort(a, b)
    if _is_zero(b):
        return a
    if a is b:
        return integer(0) if a.sort == INT else real(0)
    if a.op == "lit" and b.op == "lit" and a.sort == INT:
        return integer(_value(a) - _value(b))
    return _make("-", "-", (a, b), a.sort)


def mul(a: Term, b: Term) -> Term:
    """a * b; not linear unless one side is a numeral."""
    a, b = _same_sort(a, b)
    if _is_zero(a) or _is_zero(b):
        return integer(0) if a.sort == INT else real(0)
    return _make("*", "*", (a, b), a.sort)


def script(assertions: Sequence[Term], header: Sequence[str] = (), *, ask: bool = True) -> str:
    """SMT-LIB 2 text that declares what occurs, asserts `assertions` and, to `ask`, checks satisfiability.

    `header` lines become comments. The result is the same for the same terms in any process.
    """
    uses: dict[Term, int] = dict.fromkeys(assertions, 1)
    todo = list(uses)
    for t in todo:
        for a in t.args:
            n = uses.get(a)
            if n is None:
                uses[a] = 1
                todo.append(a)
            else:
                uses[a] = n + 1
    # Terms are made after those that they are made of.
    todo.sort(key=_uid)
    sorts: dict[str, None] = {}
    functions: dict[str, str] = {}
    text: dict[Term, str] = {}
    definitions: list[str] = []
    for t in todo:
        head, args = t.op, t.args
        if head == "lit":
            text[t] = t.name
            continue
        if head == "const" or head == "app":
            head = f"|{t.name}|"
            if t.name not in functions:
                for sort in (t.sort, *[a.sort for a in args]):
                    if sort not in (BOOL, INT, REAL):
                        sorts[sort] = None
                functions[t.name] = f"(declare-fun {head} ({' '.join([a.sort for a in args])}) {t.sort})"
            if not args:
                text[t] = head
                continue
        if len(args) == 2:
            body = f"({head} {text[args[0]]} {text[args[1]]})"
        else:
            body = f"({head} {' '.join([text[a] for a in args])})"
        if len(body) > 24 and uses[t] > 1:
            name = f"t!{len(definitions) + 1}"
            definitions.append(f"(define-fun {name} () {t.sort} {body})")
            body = name
        text[t] = body
    lines = [f"; {h}" for h in header]
    lines.append("(set-logic ALL)")
    lines += [f"(declare-sort {s} 0)" for s in sorts]
    lines += functions.values()
    lines += definitions
    lines += [f"(assert {text[a]})" for a in assertions]
    if ask:
        lines.append("(check-sat)")
    return "\n".join(lines) + "\n"
