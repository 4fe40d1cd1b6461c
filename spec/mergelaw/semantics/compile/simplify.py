"""Simplifying closed expressions, exactly: the result is equal for all values, no law is assumed.

What it is for: `m[k]` moves inward (a comprehension at a key is its body there), so that set algebra and
comprehensions become formulas about one key; and operands known to be zero vanish, so that it shows when
merging with nothing changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Protocol

from mergelaw.language.core import (
    BOOL,
    INT,
    NAT,
    REAL,
    TEXT,
    TIME,
    At,
    Base,
    Build,
    Count,
    EnumT,
    Expr,
    Get,
    If,
    Keys,
    Let,
    Lit,
    MapE,
    MapT,
    Match,
    Named,
    Op,
    OptionType,
    Pattern,
    Pick,
    PNone,
    Program,
    PSome,
    PTuple,
    PVar,
    PVariant,
    PWild,
    Quant,
    RecordE,
    RecordT,
    Seen,
    SeqE,
    SeqT,
    Some,
    Sum,
    TupleE,
    TupleT,
    Type,
    Var,
    Variant,
    Zero,
)
from mergelaw.semantics.compile.algebra import ALGEBRA, FALSE, TRUE, is_zero
from mergelaw.semantics.compile.specialise import Names
from mergelaw.semantics.compile.tree import (
    Joined,
    count_uses,
    is_atom,
    is_path,
    map_children,
    mentions,
    pattern_names,
    substituted,
)

Facts = Mapping[Expr, bool]
"""Truth values of expressions that are known where a branch is taken."""

_LITERAL_ZEROS: dict[Type, Lit] = {
    BOOL: FALSE,
    NAT: Lit(NAT, 0),
    INT: Lit(INT, 0),
    REAL: Lit(REAL, Fraction(0)),
    TIME: Lit(TIME, 0),
    TEXT: Lit(TEXT, ""),
}
_ZERO_IS_LEAST = (BOOL, NAT, TIME, TEXT)


class Merges(Protocol):
    """What the simplifier asks about merges of declared types."""

    def keeps(self, owner: Named, side: str) -> bool:
        """Whether merging zero into the value at `side` ("left" or "right" operand) returns that value, always."""
        ...

    def unfolded(self, e: Joined, simplifier: Simplifier) -> Expr | None:
        """The merge clause in place of `e`, where that is small."""
        ...


class Simplifier:
    """Simplifies expressions that `Specialiser` closed; `names` are those of the function they belong to."""

    def __init__(self, program: Program, names: Names, merges: Merges) -> None:
        self.names = names
        self._program = program
        self._merges = merges

    def __call__(self, e: Expr, facts: Facts | None = None) -> Expr:
        """`e`, simplified, given what is known."""
        return self._simple(e, facts or {})

    # -- zeros -------------------------------------------------------------------------------------

    def zero(self, t: Type) -> Expr:
        """The zero of `t`."""
        t = self._program.unfold(t)
        return (_LITERAL_ZEROS.get(t) if isinstance(t, Base) else None) or Zero(t)

    def unfold(self, t: Type) -> Type:
        """`t`, with declared types at its head replaced by their states."""
        return self._program.unfold(t)

    def zero_is_least(self, t: Type) -> bool:
        """Whether `t` is ordered and no value is less than its zero."""
        match t:
            case OptionType() | SeqT():
                return True
            case TupleT(items):
                return all(self.zero_is_least(i) for i in items)
            case EnumT():
                return all(self.zero_is_least(f) for _, f in self._program.variants(t)[0][1])
            case _:
                return t in _ZERO_IS_LEAST

    # -- one node ----------------------------------------------------------------------------------

    def _simple(self, e: Expr, facts: Facts) -> Expr:
        made = self._node(e, facts)
        if facts and made.type == BOOL and not isinstance(made, Lit) and made in facts:
            return TRUE if facts[made] else FALSE
        return made

    def _node(self, e: Expr, facts: Facts) -> Expr:
        match e:
            case Var() | Lit() | Seen():
                return e
            case Zero(t):
                return self.zero(t)
            case If():
                return self._if(e, facts)
            case Op():
                return self._op(e, facts)
            case Let():
                return self._let(e, facts)
            case Match():
                return self._match(e, facts)
            case Get(_, subject, name):
                return self.get(self._simple(subject, facts), name, e.type)
            case At(_, subject, key):
                return self.at(self._simple(subject, facts), self._simple(key, facts), facts)
            case Build(t, var, body, sources):
                return self._build(t, var, self._simple(body, facts), tuple(self._simple(s, facts) for s in sources))
        e = map_children(e, lambda c: self._simple(c, facts))
        match e:
            case RecordE(t, fields):
                return self._record(e, t, fields)
            case TupleE(t, items) if all(is_zero(i) for i in items):
                return Zero(t)
            case SeqE(t, ()) | MapE(t, ()):
                return Zero(t)
            case MapE(t, ((_, value),)) if is_zero(value):
                return Zero(t)
            case Variant(t, 0, args) if all(is_zero(a) for a in args):
                return Zero(t)
            case Keys(t, subject):
                return self._keys(t, subject)
            case Sum(t, subject) if is_zero(subject):
                return self.zero(t)
            case Count(t, subject) if is_zero(subject):
                return Lit(t, 0)
            case Count(t, Keys(_, subject)):
                return Count(t, subject)
            case Quant(_, kind, _, _, source, body):
                if source is not None and is_zero(source):
                    return TRUE if kind == "forall" else FALSE
                if source is not None and isinstance(body, Lit) and body.value == (kind == "forall"):
                    return body
            case Pick(t, _, _, source) if is_zero(source):
                return self.zero(t)
            case Joined():
                return self._joined(e, facts)
        return e

    def get(self, subject: Expr, name: str, t: Type) -> Expr:
        """Field `name` of a simple `subject`."""
        match subject:
            case RecordE(_, fields):
                return dict(fields)[name]
            case Zero(RecordT(types)):
                return self.zero(dict(types)[name])
            case Let(_, var, value, body):
                return _let(var, value, self.get(body, name, t))
            case If(_, condition, then, orelse) if isinstance(then, (RecordE, Zero)) or isinstance(
                orelse, (RecordE, Zero)
            ):
                return self._branches(condition, self.get(then, name, t), self.get(orelse, name, t))
            case _:
                return Get(t, subject, name)

    def at(self, subject: Expr, key: Expr, facts: Facts | None = None) -> Expr:
        """What a simple `subject` has at a simple `key`."""
        facts = facts or {}
        t = subject.type
        assert isinstance(t, MapT), t
        match subject:
            case Zero():
                return self.zero(t.value)
            case Build(_, var, body, _):
                if is_atom(key):
                    return self._simple(substituted(body, {var: key}), facts)
                fresh = self.names.fresh(var)
                bound = substituted(body, {var: Var(key.type, fresh)})
                return self._simple(Let(body.type, fresh, key, bound), facts)
            case Op(_, "union" | "inter" | "diff" as op, (x, y)):
                left, right = self.at(x, key, facts), self.at(y, key, facts)
                if op == "diff":
                    right = Op(BOOL, "not", (right,))
                return self._simple(Op(BOOL, "or" if op == "union" else "and", (left, right)), facts)
            case Keys(_, m):
                return self._simple(_nonzero(self.at(m, key, facts), self), facts)
            case If(_, condition, then, orelse):
                known = {**facts}
                return self._simple(
                    If(self.unfold(t.value), condition, self.at(then, key, known), self.at(orelse, key, known)), facts
                )
            case Let(_, var, value, body):
                return _let(var, value, self.at(body, key, facts))
            case Match(_, matched, cases):
                return Match(self.unfold(t.value), matched, tuple((p, self.at(b, key, facts)) for p, b in cases))
            case MapE(_, items) if len(items) <= 2:
                found = self.zero(t.value)
                for k, v in items:
                    found = self._simple(If(found.type, Op(BOOL, "eq", (key, k)), v, found), facts)
                return found
            case _:
                read = At(self.unfold(t.value), subject, key)
                if facts and read.type == BOOL and read in facts:
                    return TRUE if facts[read] else FALSE
                return read

    def _record(self, e: RecordE, t: Type, fields: tuple[tuple[str, Expr], ...]) -> Expr:
        if all(is_zero(f) for _, f in fields):
            return Zero(t)
        match fields[0][1]:
            case Get(_, subject, _) if subject.type == t and all(f == Get(f.type, subject, n) for n, f in fields):
                return subject
        return e

    def _build(self, t: Type, var: str, body: Expr, sources: tuple[Expr, ...]) -> Expr:
        if is_zero(body):
            return Zero(t)
        match body:
            case At(_, subject, Var(_, name)) if name == var and not mentions(subject, var) and subject.type == t:
                if not isinstance(subject, Seen):
                    return subject
            case Op(_, "not", (Op(_, "eq", (At(_, subject, Var(_, name)), end)),)) if name == var and is_zero(end):
                if not mentions(subject, var) and not isinstance(subject, Seen):
                    return Keys(t, subject)
        return Build(t, var, body, sources)

    def _keys(self, t: Type, subject: Expr) -> Expr:
        if is_zero(subject):
            return Zero(t)
        match subject:
            case Build(_, var, body, sources):
                return self._build(t, var, self._simple(_nonzero(body, self), {}), sources)
        return subject if subject.type == t and not isinstance(subject, Seen) else Keys(t, subject)

    def _joined(self, e: Joined, facts: Facts) -> Expr:
        if is_zero(e.right) and self._merges.keeps(e.owner, "left"):
            return e.left
        if is_zero(e.left) and self._merges.keeps(e.owner, "right"):
            return e.right
        unfolded = self._merges.unfolded(e, self)
        return e if unfolded is None else self._simple(unfolded, facts)

    # -- control -----------------------------------------------------------------------------------

    def _if(self, e: If, facts: Facts) -> Expr:
        condition = self._simple(e.condition, facts)
        if isinstance(condition, Lit):
            return self._simple(e.then if condition.value else e.orelse, facts)
        then = self._simple(e.then, assume(facts, condition, True))
        orelse = self._simple(e.orelse, assume(facts, condition, False))
        return self._branches(condition, then, orelse)

    def _branches(self, condition: Expr, then: Expr, orelse: Expr) -> Expr:
        if then == orelse or (is_zero(then) and is_zero(orelse)):
            return then
        if then.type == BOOL:
            inverse = _not(condition)
            if then == TRUE:
                return condition if orelse == FALSE else _nary("or", condition, orelse)
            if then == FALSE:
                return inverse if orelse == TRUE else _nary("and", inverse, orelse)
            if orelse == TRUE:
                return _nary("or", inverse, then)
            if orelse == FALSE:
                return _nary("and", condition, then)
        match condition:
            case Op(_, "not", (positive,)):
                return If(then.type, positive, orelse, then)
        return If(then.type, condition, then, orelse)

    def _let(self, e: Let, facts: Facts) -> Expr:
        value = self._simple(e.value, facts)
        body = e.body
        match value:
            case RecordE(t, fields):
                bindings: list[tuple[str, Expr]] = []
                record = RecordE(t, tuple((n, self._part(n, f, bindings)) for n, f in fields))
                return self._lets(bindings, self._simple(substituted(body, {e.name: record}), facts))
            case TupleE(t, items):
                bindings = []
                whole = TupleE(t, tuple(self._part(e.name, i, bindings) for i in items))
                return self._lets(bindings, self._simple(substituted(body, {e.name: whole}), facts))
        if is_atom(value) or is_path(value):
            return self._simple(substituted(body, {e.name: value}), facts)
        body = self._simple(body, facts)
        uses = count_uses(body, e.name)
        if uses == 0:
            return body
        if uses == 1:
            return self._simple(substituted(body, {e.name: value}), facts)
        return Let(body.type, e.name, value, body)

    def _part(self, hint: str, value: Expr, bindings: list[tuple[str, Expr]]) -> Expr:
        """What stands for a part of a record that a Let binds; what it needs itself is added to `bindings`."""
        if is_atom(value) or is_path(value):
            return value
        if isinstance(value, RecordE):
            return RecordE(value.type, tuple((n, self._part(n, f, bindings)) for n, f in value.fields))
        name = self.names.fresh(hint)
        bindings.append((name, value))
        return Var(value.type, name)

    def _lets(self, bindings: list[tuple[str, Expr]], body: Expr) -> Expr:
        for name, value in reversed(bindings):
            uses = count_uses(body, name)
            if uses == 1:
                body = self._simple(substituted(body, {name: value}), {})
            elif uses:
                body = _let(name, value, body)
        return body

    def _match(self, e: Match, facts: Facts) -> Expr:
        subject = self._simple(e.subject, facts)
        kept: list[tuple[Pattern, Expr]] = []
        for pattern, body in e.cases:
            bound = self._matched(pattern, subject)
            if bound is None:
                continue
            if isinstance(bound, dict):
                for name, value in bound.items():
                    body = Let(body.type, name, value, body)
                kept.append((PWild(), body))
                break
            kept.append((pattern, body))
        kept = kept or [(PWild(), e.cases[-1][1])]
        if isinstance(kept[0][0], PWild):
            return self._simple(kept[0][1], facts)
        absent = Op(BOOL, "eq", (subject, self.zero(subject.type))) if isinstance(subject.type, OptionType) else None
        cases: list[tuple[Pattern, Expr]] = []
        for pattern, body in kept:
            known = facts
            if absent is not None:
                if absent in facts and isinstance(pattern, PNone if not facts[absent] else PSome):
                    continue
                if isinstance(pattern, PNone):
                    known = {**facts, absent: True}
                elif isinstance(pattern, PSome):
                    known = {**facts, absent: False}
            cases.append((pattern, self._simple(body, known)))
        # Facts that contradict each other (of a branch that is never taken) may exclude every case.
        cases = cases or [kept[-1]]
        if len(cases) == 1 and isinstance(cases[0][0], (PNone, PWild)):
            return cases[0][1]
        first = cases[0][1]
        if all(b == first and not any(mentions(b, n) for n in pattern_names(p)) for p, b in cases):
            return first
        return Match(self.unfold(e.type), subject, tuple(cases))

    def _matched(self, p: Pattern, e: Expr) -> dict[str, Expr] | bool | None:
        """What `p` binds in `e`; None if it certainly does not match, True if that is not known."""
        match p, e:
            case PWild(), _:
                return {}
            case PVar(name), _:
                return {name: e}
            case PNone(), Zero():
                return {}
            case PNone(), Some():
                return None
            case PSome(), Zero():
                return None
            case PSome(item), Some(_, inner):
                return self._matched(item, inner)
            case PTuple(items), TupleE(_, values):
                return self._matched_all(items, values)
            case PTuple(items), Zero(TupleT(types)):
                return self._matched_all(items, tuple(self.zero(t) for t in types))
            case PVariant(index, args), Variant(_, actual, values):
                return self._matched_all(args, values) if index == actual else None
            case PVariant(index, args), Zero(EnumT() as t):
                types = tuple(f for _, f in self._program.variants(t)[0][1])
                return self._matched_all(args, tuple(self.zero(f) for f in types)) if index == 0 else None
            case _:
                return True

    def _matched_all(self, ps: tuple[Pattern, ...], es: tuple[Expr, ...]) -> dict[str, Expr] | bool | None:
        bound: dict[str, Expr] = {}
        for p, e in zip(ps, es, strict=True):
            one = self._matched(p, e)
            if one is None or one is True:
                return one
            assert isinstance(one, dict)
            bound |= one
        return bound

    # -- operations --------------------------------------------------------------------------------

    def _op(self, e: Op, facts: Facts) -> Expr:
        match e.op:
            case "and" | "or":
                return self._connective(e.op, e.args, facts)
            case "implies":
                return self._connective("or", (Op(BOOL, "not", (e.args[0],)), e.args[1]), facts)
            case "not":
                return _not(self._simple(e.args[0], facts))
            case "ne":
                return _not(self._simple(Op(BOOL, "eq", e.args), facts))
        args = tuple(self._simple(a, facts) for a in e.args)
        if e.op == "eq":
            return self._equal(args[0], args[1], facts)
        simpler = ALGEBRA[e.op](e, args, self) if e.op in ALGEBRA else None
        return Op(e.type, e.op, args) if simpler is None else simpler

    def _connective(self, op: str, args: tuple[Expr, ...], facts: Facts) -> Expr:
        neutral = op == "and"
        kept: list[Expr] = []
        for a in args:
            a = self._simple(a, facts)
            for part in a.args if isinstance(a, Op) and a.op == op else (a,):
                part = part if a is part else self._simple(part, facts)
                if isinstance(part, Lit):
                    if part.value != neutral:
                        return part
                    continue
                kept.append(part)
                facts = assume(facts, part, neutral)
        dual = "or" if neutral else "and"
        parts = set(kept)
        # Absorption: p or (p and q) is p, also where p comes second.
        kept = [p for p in kept if not (isinstance(p, Op) and p.op == dual and parts & set(p.args))]
        if not kept:
            return TRUE if neutral else FALSE
        return kept[0] if len(kept) == 1 else Op(BOOL, op, tuple(kept))

    def _equal(self, x: Expr, y: Expr, facts: Facts) -> Expr:
        if x == y or (is_zero(x) and is_zero(y)):
            return TRUE
        if is_zero(x) or isinstance(x, Lit):
            x, y = y, x
        if isinstance(x, Lit) and isinstance(y, Lit):
            return TRUE if x.value == y.value else FALSE
        if y == TRUE:
            return x
        if y == FALSE:
            return _not(x)
        made = self._equal_parts(x, y)
        if made is not None:
            return self._simple(made, facts)
        if isinstance(x, If) and isinstance(y, (Lit, Zero, Variant)):
            then, orelse = self._equal(x.then, y, facts), self._equal(x.orelse, y, facts)
            if isinstance(then, Lit) or isinstance(orelse, Lit):
                return self._branches(x.condition, then, orelse)
        return Op(BOOL, "eq", (x, y))

    def _equal_parts(self, x: Expr, y: Expr) -> Expr | None:
        """Equality of constructed values by parts; None where that helps nothing."""
        match x, y:
            case (Some() | MapE(items=((_, Lit(value=True)),)), Zero()) | (Zero(), Some()):
                return FALSE
            case Some(_, a), Some(_, b):
                return Op(BOOL, "eq", (a, b))
            case Variant(_, i, xs), Variant(_, j, ys):
                return FALSE if i != j else _all_equal(xs, ys)
            case Variant(_, i, _), Zero() if i != 0:
                return FALSE
            case TupleE(_, xs), TupleE(_, ys):
                return _all_equal(xs, ys)
            case RecordE(_, xs), RecordE(_, ys):
                return _all_equal(tuple(v for _, v in xs), tuple(v for _, v in ys))
            case ((RecordE() | TupleE()), Zero()):
                parts = tuple(v for _, v in x.fields) if isinstance(x, RecordE) else x.items
                return _all_equal(parts, tuple(self.zero(p.type) for p in parts))
            case Op(_, "union", (a, b)), Zero():
                return Op(BOOL, "and", (Op(BOOL, "eq", (a, y)), Op(BOOL, "eq", (b, y))))
            case Op(_, "diff", (a, b)), Zero():
                return Op(BOOL, "subset", (a, b))
            case Keys(_, m), Zero():
                return Op(BOOL, "eq", (m, self.zero(m.type)))
            case If(_, condition, a, b), Zero() if any(is_zero(c) or isinstance(c, Some) for c in (a, b)):
                return If(BOOL, condition, Op(BOOL, "eq", (a, y)), Op(BOOL, "eq", (b, y)))
            case _:
                return None


def assume(facts: Facts, condition: Expr, truth: bool) -> Facts:
    """`facts`, and that `condition` is `truth`."""
    match condition, truth:
        case Lit(), _:
            return facts
        case Op(_, "not", (inner,)), _:
            return assume(facts, inner, not truth)
        case (Op(_, "and", args), True) | (Op(_, "or", args), False):
            for a in args:
                facts = assume(facts, a, truth)
            return facts
        case _:
            return {**facts, condition: truth}


def _not(e: Expr) -> Expr:
    match e:
        case Lit(_, value):
            return FALSE if value else TRUE
        case Op(_, "not", (inner,)):
            return inner
        case _:
            return Op(BOOL, "not", (e,))


def _nary(op: str, left: Expr, right: Expr) -> Expr:
    parts = [*(left.args if isinstance(left, Op) and left.op == op else (left,))]
    parts += right.args if isinstance(right, Op) and right.op == op else (right,)
    return Op(BOOL, op, tuple(dict.fromkeys(parts)))


def _let(name: str, value: Expr, body: Expr) -> Expr:
    return Let(body.type, name, value, body) if mentions(body, name) else body


def _nonzero(e: Expr, simplifier: Simplifier) -> Expr:
    return e if e.type == BOOL else Op(BOOL, "not", (Op(BOOL, "eq", (e, simplifier.zero(e.type))),))


def _all_equal(xs: tuple[Expr, ...], ys: tuple[Expr, ...]) -> Expr:
    return Op(BOOL, "and", tuple(Op(BOOL, "eq", (x, y)) for x, y in zip(xs, ys, strict=True)))
