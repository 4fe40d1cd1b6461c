"""Terms of quantifier-free logic (uninterpreted functions with linear arithmetic) and their SMT-LIB 2 text.

Terms are hash-consed: equal terms are the same object, so a formula is a DAG and is printed as one
(shared subterms become `define-fun`s). Constructors simplify constants on the way.
Source: Barrett, Fontaine, Tinelli, "The SMT-LIB Standard", version 2.6 (2017).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from operator import attrgetter

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


def reset() -> None:
    """Forget all terms; those made before must not be mixed with later ones."""
    _TABLE.clear()
    for t in (TRUE, FALSE):
        _TABLE[(t.op, t.name, (), t.sort)] = t


def _make(op: str, name: str, args: tuple[Term, ...], sort: str) -> Term:
    key = (op, name, args, sort)
    found = _TABLE.get(key)
    if found is None:
        found = Term()
        found.op, found.name, found.args, found.sort, found.uid = op, name, args, sort, _next_uid()
        _TABLE[key] = found
    return found


_counter = 0
_uid = attrgetter("uid")


def _next_uid() -> int:
    global _counter
    _counter += 1
    return _counter


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
    return _make("lit", str(value) if value >= 0 else f"(- {-value})", (), INT)


def real(value: Fraction | int) -> Term:
    """A Real numeral, exact."""
    f = Fraction(value)
    num = f"{abs(f.numerator)}.0" if f.denominator == 1 else f"(/ {abs(f.numerator)}.0 {f.denominator}.0)"
    return _make("lit", num if f >= 0 else f"(- {num})", (), REAL)


def not_(a: Term) -> Term:
    """Negation."""
    if a is TRUE:
        return FALSE
    if a is FALSE:
        return TRUE
    if a.op == "not":
        return a.args[0]
    return _make("not", "not", (a,), BOOL)


def _flat(op: str, items: Iterable[Term], unit: Term, absorber: Term) -> Term:
    seen: dict[int, Term] = {}
    for i in items:
        for j in i.args if i.op == op else (i,):
            if j is absorber:
                return absorber
            if j is not unit:
                seen[j.uid] = j
    for j in seen.values():
        if j.op == "not" and j.args[0].uid in seen:
            return absorber
    if not seen:
        return unit
    if len(seen) == 1:
        return next(iter(seen.values()))
    return _make(op, op, tuple(seen.values()), BOOL)


def and_(*items: Term) -> Term:
    """Conjunction; true when empty."""
    return _flat("and", items, TRUE, FALSE)


def or_(*items: Term) -> Term:
    """Disjunction; false when empty."""
    return _flat("or", items, FALSE, TRUE)


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
            if a in uses:
                uses[a] += 1
            else:
                uses[a] = 1
                todo.append(a)
    # Terms are made after those that they are made of.
    todo.sort(key=_uid)
    sorts: dict[str, None] = {}
    functions: dict[str, str] = {}
    text: dict[Term, str] = {}
    definitions: list[str] = []
    for t in todo:
        op = t.op
        if op == "const" or op == "app":
            head = f"|{t.name}|"
            if t.name not in functions:
                for sort in (t.sort, *(a.sort for a in t.args)):
                    if sort not in (BOOL, INT, REAL):
                        sorts[sort] = None
                functions[t.name] = f"(declare-fun {head} ({' '.join([a.sort for a in t.args])}) {t.sort})"
            if op == "const":
                text[t] = head
                continue
        elif op == "lit":
            text[t] = t.name
            continue
        else:
            head = op
        body = f"({head} {' '.join([text[a] for a in t.args])})"
        if uses[t] > 1 and len(body) > 24:
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
