"""Printing conditions, comparisons and orders."""

from __future__ import annotations

from collections.abc import Sequence

from mergelaw.language.core import (
    BOOL,
    DOT,
    REPLICA,
    At,
    Base,
    EnumT,
    Expr,
    If,
    Lit,
    MapT,
    Op,
    OptionType,
    RecordT,
    SeqT,
    TupleE,
    TupleT,
    Type,
)
from mergelaw.semantics.compile.algebra import is_zero
from mergelaw.semantics.compile.naming import Naming
from mergelaw.semantics.compile.statements import bare


class Conditions(Naming):
    """Writes what is true or false."""

    def truth(self, e: Expr) -> str:
        """A text that is true in Python iff `e` is; not always a bool."""
        known = self.known(e)
        return known if known is not None else self._condition(e, exact=False)

    def _condition(self, e: Expr, exact: bool, negated: bool = False) -> str:
        """The text of a Bool; `exact`: True or False itself."""
        known = self.known(e)
        if known is not None:
            return f"(not {known})" if negated else known
        match e:
            case Lit(_, value):
                return str(bool(value) != negated)
            case At(_, subject, key) if e not in self._shared:
                key_text, subject_text = self.value(key), self.value(subject)
                return f"({key_text} {'not in' if negated else 'in'} {subject_text})"
            case Op(_, "not", (inner,)):
                return self._condition(inner, exact, not negated)
            case Op(_, "eq", (x, y)):
                return self._equality(x, y, exact, negated)
            case Op(_, "lt" | "le" as op, (x, y)):
                left, right = self.ordered(x), self.ordered(y)
                sign = {"lt": ">=" if negated else "<", "le": ">" if negated else "<="}[op]
                return f"({left} {sign} {right})"
            case Op(_, "and" | "or" as op, args):
                if negated:
                    op = "or" if op == "and" else "and"
                return self._connective(op, args, exact, negated)
            case Op(_, "subset", (x, y)):
                text = f"all_in({bare(self.value(x))}, {bare(self.value(y))})"
                return f"(not {text})" if negated else text
            case If(_, condition, then, orelse):
                return self._conditional(condition, then, orelse, exact, negated)
            case _:
                text = self.value(e) if not isinstance(e, At) else self._membership(e)
                return f"(not {text})" if negated else text

    def _membership(self, e: At) -> str:
        return self.keep(e, f"({self.value(e.key)} in {self.value(e.subject)})", "held")

    def _conditional(self, condition: Expr, then: Expr, orelse: Expr, exact: bool, negated: bool) -> str:
        test = self.truth(condition)
        with self.captured() as before_then:
            x = self._condition(then, exact, negated)
        with self.captured() as before_orelse:
            y = self._condition(orelse, exact, negated)
        if not before_then and not before_orelse:
            return f"({x} if {test} else {y})"
        result = self.names.fresh("holds")
        self.branches(test, [*before_then, f"{result} = {bare(x)}"], [*before_orelse, f"{result} = {bare(y)}"])
        return result

    def _connective(self, op: str, args: Sequence[Expr], exact: bool, negated: bool) -> str:
        """`and` or `or`, stopping early; parts that need statements are put under an `if`."""
        texts = [self._condition(args[0], exact, negated)]
        for i in range(1, len(args)):
            with self.captured() as before:
                text = self._condition(args[i], exact, negated)
            if before:
                result = self.names.fresh("holds")
                self.line(f"{result} = {bare(_joined_text(op, texts))}")
                test = result if op == "and" else f"not {result}"
                with self.block(f"if {test}:"):
                    rest = self._connective(op, args[i:], exact, negated)
                    self.line(f"{result} = {bare(rest)}")
                return result
            texts.append(text)
        return _joined_text(op, texts)

    def _equality(self, x: Expr, y: Expr, exact: bool, negated: bool) -> str:
        if is_zero(y):
            return self.zero_test(x, exact, negated)
        sign = "!=" if negated else "=="
        return f"({self.value(x)} {sign} {self.value(y)})"

    def zero_test(self, e: Expr, exact: bool, negated: bool) -> str:
        """Whether the value of `e` is zero (or, negated, is not)."""
        return self.zero_test_text(self.value(e), e.type, exact, negated)

    def zero_test_text(self, text: str, t: Type, exact: bool, negated: bool) -> str:
        """Whether the value `text` of `t` is zero (or, negated, is not)."""
        t = self.module.unfold(t)
        match t:
            case OptionType():
                return f"({text} is {'not ' if negated else ''}None)"
            case RecordT(((_, only),)):
                return self.zero_test_text(f"{text}[0]", only, exact, negated)
            case Base() if t in (REPLICA, DOT):
                return str(negated)
            case Base() | MapT() | SeqT():
                if not negated:
                    return f"(not {text})"
                return text if not exact or t == BOOL else f"bool({bare(text)})"
            case _:
                return f"({text} {'!=' if negated else '=='} {self.module.zero_text(t)})"

    # -- orders -----------------------------------------------------------------------------------

    def ordered(self, e: Expr) -> str:
        """A value that compares in Python as `e` does in the spec."""
        if isinstance(e, TupleE):
            parts = [bare(self.ordered(i)) for i in e.items]
            return f"({', '.join(parts)})"
        return self.order_text(self.value(e), e.type)

    def order_text(self, text: str, t: Type) -> str:
        """A value that compares in Python as the value `text` of `t` does in the spec."""
        if self.compares_directly(t):
            return text
        match self.module.unfold(t):
            case OptionType(item) if self.compares_directly(item):
                # none is before every some: the empty tuple is before every 1-tuple.
                return f"({text} or ())"
            case TupleT(items) if text.isidentifier():
                parts = [self.order_text(f"{text}[{i}]", item) for i, item in enumerate(items)]
                return f"({', '.join(bare(p) for p in parts)})"
            case _:
                return f"{self.module.order(t)}({bare(text)})"

    def compares_directly(self, t: Type) -> bool:
        """Whether Python compares raw values of `t` as the spec does."""
        t = self.module.unfold(t)
        match t:
            case Base():
                return True
            case SeqT(item):
                return self.compares_directly(item)
            case TupleT(items):
                return all(self.compares_directly(i) for i in items)
            case RecordT(fields):
                return all(self.compares_directly(f) for _, f in fields)
            case EnumT():
                return all(self.compares_directly(f) for payload in self.module.payloads(t) for f in payload)
            case _:
                return False


def _joined_text(op: str, texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else "(" + f" {op} ".join(texts) + ")"
