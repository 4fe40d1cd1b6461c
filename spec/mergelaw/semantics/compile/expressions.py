"""Printing simple closed expressions as Python text, statement by statement.

An expression becomes the text of a Python expression; what that needs beforehand (loops, names for
values that are read twice) is written as statements before it. A branch that needs statements becomes an
`if` statement, so nothing is evaluated that the spec does not ask for.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from fractions import Fraction
from operator import itemgetter

from mergelaw.language.core import (
    BOOL,
    DOT,
    At,
    EnumT,
    Expr,
    Get,
    If,
    Let,
    Lit,
    MapT,
    Match,
    Op,
    OptionType,
    Pattern,
    Pick,
    PNone,
    PSome,
    PTuple,
    PVar,
    PVariant,
    Quant,
    RecordE,
    RecordT,
    Seen,
    SeqE,
    SeqFor,
    SeqOp,
    SeqT,
    Some,
    TupleE,
    TupleT,
    Type,
    Var,
    Variant,
    Zero,
)
from mergelaw.semantics.compile.conditions import Conditions
from mergelaw.semantics.compile.naming import renamed
from mergelaw.semantics.compile.sharing import hint_of
from mergelaw.semantics.compile.specialise import UNDECIDED
from mergelaw.semantics.compile.statements import bare
from mergelaw.semantics.compile.tree import Called, Dots, Joined
from mergelaw.semantics.context import EMPTY

_ARITHMETIC = {"add": "+", "sub": "-", "mul": "*", "concat": "+"}


class Expressions(Conditions):
    """Writes the values of expressions."""

    def value(self, e: Expr) -> str:
        """The text of the value of `e`, to be written once."""
        known = self.known(e)
        if known is not None:
            return known
        text = self._text(e)
        return self.keep(e, text) if e in self._shared and not text.isidentifier() else text

    def context(self, name: str) -> str:
        """The text of a context; see `specialise.join_contexts`."""
        if not name:
            return self.module.constant("NO_DOTS", EMPTY)
        assert name != UNDECIDED, "the checker lets nothing read such a context"
        parts = name.split("|")
        return parts[0] if len(parts) == 1 else "(" + " | ".join(parts) + ")"

    def _text(self, e: Expr) -> str:
        match e:
            case Lit(_, value):
                if isinstance(value, Fraction):
                    return self.module.constant("number", value) if value.denominator > 1 else repr(value.numerator)
                return repr(value)
            case Var(_, name):
                return name
            case Zero(t):
                return self.module.zero_text(t)
            case Seen(_, state):
                return self.context(state)
            case Get(_, subject, name):
                return f"{self.value(subject)}[{_position(subject.type, name)}]"
            case TupleE(_, items) | SeqE(_, items):
                return self._tuple(items)
            case RecordE(_, fields):
                return self._tuple([f for _, f in fields])
            case Variant(_, index, args):
                return self._tuple(args, str(index))
            case Some(_, item):
                return f"({bare(self.value(item))},)"
            case If() | Match() if e.type != BOOL or isinstance(e, Match):
                return self._branching(e)
            case Let(_, name, value, body):
                return self.value(self.let(name, value, body))
            case At() if e.type == BOOL:
                return self._condition(e, exact=True)
            case At(t, subject, key):
                zero = self.module.zero_text(t)
                default = "" if zero == "None" else f", {zero}"
                return f"{self.value(subject)}.get({bare(self.value(key))}{default})"
            case Op(_, op, args) if e.type != BOOL and not isinstance(e.type, MapT):
                return self._operation(e, op, args)
            case If() | Op() if e.type == BOOL:
                return self._condition(e, exact=True)
            case Quant():
                return self.quantified(e)
            case Pick():
                return self.picked(e)
            case SeqFor():
                return self._sequence(e)
            case SeqOp(_, op, args):
                return self._sequence_operation(op, args)
            case Called(_, function, args, seens):
                parts = [*(bare(self.value(a)) for a in args), *(self.context(s) for s in seens)]
                return f"{function}({', '.join(parts)})"
            case Joined():
                return self.joined(e)
            case Dots(_, owner, subject):
                return self._dots(owner, subject)
            case _:
                return self.collection(e)

    def joined(self, e: Joined) -> str:
        """A call of the merge function of a declared type."""
        function = self.module.merge_function(e.owner)
        left, right = bare(self.value(e.left)), bare(self.value(e.right))
        if not self.module.needs_contexts(e.owner):
            return f"{function}({left}, {right})"
        return f"{function}({left}, {self.context(e.left_seen)}, {right}, {self.context(e.right_seen)})"

    def let(self, name: str, value: Expr, body: Expr) -> Expr:
        """Bind a Let; what it returns is the body to go on with."""
        text = self.value(value)
        name, body = self.bind(name, body)
        self.line(f"{name} = {bare(text)}")
        self.share(body)
        return body

    def _tuple(self, items: Sequence[Expr], first: str = "") -> str:
        parts = ([first] if first else []) + [bare(self.value(i)) for i in items]
        return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"

    def _dots(self, owner: Type, subject: Expr) -> str:
        function = self.module.dots_function(owner)
        if function is None:
            return "EMPTY"
        found = self.names.fresh("found")
        self.line(f"{found} = []")
        self.line(f"{function}({bare(self.value(subject))}, {found})")
        return f"keys_of({found})"

    # -- branches ----------------------------------------------------------------------------------

    def _branching(self, e: If | Match) -> str:
        """A conditional expression if no branch needs statements, else a name that the branches set."""
        tests, bodies = self.cases(e)
        made = []
        for bindings, body in bodies:
            with self.captured() as inner:
                for name, text in bindings:
                    self.know(name, text)
                made.append((inner, self.value(body)))
        if not any(inner for inner, _ in made):
            text = made[-1][1]
            for test, (_, branch) in zip(reversed(tests), reversed(made[:-1]), strict=True):
                text = f"({branch} if {test} else {text})"
            return text
        result = self.names.fresh(hint_of(e))
        self.chain(tests, [[*inner, f"{result} = {bare(text)}"] for inner, text in made])
        return result

    def branch(self, e: If | Match) -> Iterator[Expr]:
        """Yields the body of each branch while that branch is being written, as statements."""
        tests, bodies = self.cases(e)
        made = []
        for bindings, body in bodies:
            with self.captured() as inner:
                for name, text in bindings:
                    self.know(name, text)
                yield body
                made.append(inner)
        if len(made) == 2:
            self.branches(tests[0], made[0], made[1])
        elif any(made):
            self.chain(tests, made)

    def cases(self, e: If | Match) -> tuple[list[str], list[tuple[list[tuple[Expr, str]], Expr]]]:
        """The tests of all branches but the last, and for each branch what its pattern binds, and its body."""
        if isinstance(e, If):
            return [self.truth(e.condition)], [([], e.then), ([], e.orelse)]
        subject = self.atom(e.subject)
        tests: list[str] = []
        bodies: list[tuple[list[tuple[Expr, str]], Expr]] = []
        for pattern, body in e.cases:
            checks: list[str] = []
            bindings: list[tuple[Expr, str]] = []
            self._pattern(pattern, subject, e.subject.type, checks, bindings)
            bodies.append((bindings, body))
            if not checks or len(bodies) == len(e.cases):
                break
            tests.append(checks[0] if len(checks) == 1 else f"({' and '.join(checks)})")
        return tests, bodies

    def _pattern(self, p: Pattern, text: str, t: Type, checks: list[str], bindings: list[tuple[Expr, str]]) -> None:
        t = self.module.unfold(t)
        match p:
            case PVar(name):
                bindings.append((Var(t, name), text))
            case PNone():
                checks.append(f"{text} is None")
            case PSome(item):
                assert isinstance(t, OptionType), t
                checks.append(f"{text} is not None")
                self._pattern(item, f"{text}[0]", t.item, checks, bindings)
            case PTuple(items):
                assert isinstance(t, TupleT), t
                for i, (part, part_type) in enumerate(zip(items, t.items, strict=True)):
                    self._pattern(part, f"{text}[{i}]", part_type, checks, bindings)
            case PVariant(index, args):
                assert isinstance(t, EnumT), t
                checks.append(f"{text}[0] == {index}")
                for i, (part, part_type) in enumerate(zip(args, self.module.payloads(t)[index], strict=True)):
                    self._pattern(part, f"{text}[{i + 1}]", part_type, checks, bindings)

    # -- numbers -----------------------------------------------------------------------------------

    def _operation(self, e: Expr, op: str, args: tuple[Expr, ...]) -> str:
        match op:
            case "neg":
                return f"(-{self.value(args[0])})"
            case "max" | "min":
                return self._extreme(op, args)
            case "monus":
                x, y = self.atom(args[0]), self.atom(args[1])
                return f"({x} - {y} if {x} > {y} else {self.module.zero_text(e.type)})"
            case _:
                return "(" + f" {_ARITHMETIC[op]} ".join(self.value(a) for a in args) + ")"

    def _extreme(self, op: str, args: tuple[Expr, ...]) -> str:
        direct = all(self.compares_directly(a.type) for a in args)
        if direct and len(args) > 2:
            return f"{op}({', '.join(bare(self.value(a)) for a in args)})"
        sign = ">=" if op == "max" else "<="
        best = self.atom(args[0])
        for i, a in enumerate(args[1:], 2):
            other = self.atom(a)
            left, right = self.order_text(best, a.type), self.order_text(other, a.type)
            best = f"({best} if {left} {sign} {right} else {other})"
            if i < len(args):
                name = self.names.fresh(op)
                self.line(f"{name} = {bare(best)}")
                best = name
        return best

    # -- sequences ---------------------------------------------------------------------------------

    def _sequence_operation(self, op: str, args: tuple[Expr, ...]) -> str:
        items = self.atom(args[0]) if op in ("first", "last", "starts_with") else self.value(args[0])
        match op:
            case "length":
                return f"len({bare(items)})"
            case "first":
                return f"({items}[:1] or None)"
            case "last":
                return f"({items}[-1:] or None)"
            case "init":
                return f"{items}[:-1]"
            case "rest":
                return f"{items}[1:]"
            case "starts_with":
                prefix = self.atom(args[1])
                return f"({items}[:len({prefix})] == {prefix})"
            case _:
                raise AssertionError(f"no operation {op}")

    def _sequence(self, e: SeqFor) -> str:
        source = self.ranked(e.source, e.var, e.keys)
        result = self.names.fresh("items")
        name, body = self.bind(e.var, e.body)
        condition = e.condition if name == e.var or e.condition is None else renamed(e.condition, e.var, name)
        for part in (body, condition):
            if part is not None:
                self.hoist(part, name)
        with self.captured() as inner:
            test = None if condition is None else self.root(condition)
            with self.captured() as innermost:
                text = self.root(body)
        if not inner and not innermost:
            where = "" if test is None else f" if {bare(test)}"
            return f"tuple([{bare(text)} for {name} in {source}{where}])"
        self.line(f"{result} = []")
        innermost.append(f"{result}.append({bare(text)})")
        if test is not None:
            innermost = [f"if {bare(test)}:", *("    " + t for t in innermost)]
        self.indent(f"for {name} in {source}:", [*inner, *innermost])
        return f"tuple({result})"

    def ranked(self, source: Expr, var: str, keys: tuple[tuple[Expr, bool], ...]) -> str:
        """The members of a Seq in its order or of a set ascending; then, if given, in the order of `keys`."""
        members = self.value(source)
        is_set = isinstance(source.type, MapT)
        if not keys and not is_set:
            return members
        if not keys:
            assert isinstance(source.type, MapT)
            return self.sorted_text(members, source.type.key)
        rows = self.names.fresh("rows")
        self.line(f"{rows} = []")
        name, _ = self.bind(var, source)
        item_type = source.type.key if isinstance(source.type, MapT) else _item(source.type)
        base = self.sorted_text(members, item_type) if is_set else members
        position = self.names.fresh("position")
        order = [(renamed(k, var, name), descending) for k, descending in keys]
        for k, _ in order:
            self.hoist(k, name)
        with self.block(f"for {position}, {name} in enumerate({bare(base)}):"):
            for k, _ in order:
                self.share(k)
            parts = [bare(self.ordered(k)) for k, _ in order]
            self.line(f"{rows}.append(({', '.join(parts)}, {position}, {name}))")
        if any(descending for _, descending in order):
            # Sorting is stable: the last key first; the rows start out in the order of the members.
            getter = self.module.constant("itemgetter", itemgetter)
            for i, (_, descending) in reversed(list(enumerate(order))):
                self.line(f"{rows}.sort(key={getter}({i}){', reverse=True' if descending else ''})")
        else:
            self.line(f"{rows}.sort()")
        return f"[row[-1] for row in {rows}]"

    def sorted_text(self, members: str, t: Type) -> str:
        """The members of a collection of `t`, ascending."""
        key = "" if self.compares_directly(t) else f", key={self.module.order(t)}"
        return f"sorted({bare(members)}{key})"

    @abstractmethod
    def collection(self, e: Expr) -> str:
        """A map, set, sum or count."""

    @abstractmethod
    def quantified(self, e: Quant) -> str:
        """The truth value of a quantifier."""

    @abstractmethod
    def picked(self, e: Pick) -> str:
        """The option that a greatest or least member makes."""


def _position(t: Type, name: str) -> int:
    if t == DOT:
        return 0 if name == "replica" else 1
    assert isinstance(t, RecordT), t
    return t.position(name)


def _item(t: Type) -> Type:
    assert isinstance(t, SeqT), t
    return t.item
