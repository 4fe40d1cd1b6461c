"""Printing simple closed expressions as Python text, statement by statement.

An expression becomes the text of a Python expression; what that needs beforehand (loops, names for
values that are read twice) is written as statements before it. A branch that needs statements becomes an
`if` statement, so nothing is evaluated that the spec does not ask for.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Protocol

from mergelaw.language.core import (
    BOOL,
    DOT,
    REPLICA,
    At,
    Base,
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
    Sum,
    TupleE,
    TupleT,
    Type,
    Var,
    Variant,
    Zero,
)
from mergelaw.semantics.compile.simplify import Simplifier, is_zero
from mergelaw.semantics.compile.specialise import UNDECIDED, Names
from mergelaw.semantics.compile.tree import (
    Called,
    Dots,
    Joined,
    bound_names,
    is_atom,
    mentions,
    subexpressions,
    substituted,
)

_ARITHMETIC = {"add": "+", "sub": "-", "mul": "*", "concat": "+"}


class Module(Protocol):
    """The module that functions are printed into."""

    def unfold(self, t: Type) -> Type:
        """`t` with declared types at its head replaced by their states."""
        ...

    def payloads(self, t: EnumT) -> list[list[Type]]:
        """The types of the payload of each variant."""
        ...

    def zero_text(self, t: Type) -> str:
        """The zero of `t` as Python text."""
        ...

    def constant(self, hint: str, value: object) -> str:
        """The name under which generated code finds `value`."""
        ...

    def order(self, t: Type) -> str:
        """The name of a function from values of `t` to Python values that compare alike."""
        ...

    def merge_function(self, owner: Named) -> str:
        """The name of the function that merges values of `owner`."""
        ...

    def apply_function(self, owner: Named) -> str:
        """The name of the function that merges a delta of `owner` by its footprint."""
        ...

    def needs_contexts(self, owner: Type) -> bool:
        """Whether the merge of `owner` reads contexts."""
        ...

    def dots_function(self, owner: Type) -> str | None:
        """The name of the function that appends the live dots of an `owner` to a list; None if it has none."""
        ...

    def is_recursive(self, function: str) -> bool:
        """Whether the generated `function` may call itself."""
        ...


class Expressions:
    """Writes the body of one generated function."""

    def __init__(self, module: Module, names: Names, simplify: Simplifier) -> None:
        self.module = module
        self.names = names
        self.simplify = simplify
        self.lines: list[str] = []
        self._known: list[dict[Expr, str]] = [{}]
        self._shared: set[Expr] = set()
        self._bound: set[str] = set()

    # -- statements --------------------------------------------------------------------------------

    def line(self, text: str) -> None:
        """Write one statement."""
        self.lines.append(text)

    @contextmanager
    def captured(self) -> Iterator[list[str]]:
        """What is written inside goes to the list; names given inside are unknown outside."""
        outer, self.lines = self.lines, []
        self._known.append({})
        try:
            yield self.lines
        finally:
            self.lines = outer
            self._known.pop()

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """What is written inside is the body of `header`; if that is nothing, neither is written."""
        with self.captured() as inner:
            yield
        self.indent(header, inner)

    def indent(self, header: str, inner: Sequence[str]) -> None:
        """Write `inner` as the body of `header`, unless it is empty."""
        if inner:
            self.line(header)
            self.lines += ["    " + text for text in inner]

    def branches(self, condition: str, then: Sequence[str], orelse: Sequence[str]) -> None:
        """An `if` statement of captured branches, without those that are empty."""
        if then and orelse:
            self.indent(f"if {bare(condition)}:", then)
            self.indent("else:", orelse)
        elif then:
            self._alone(condition, then)
        else:
            self._alone(opposite(condition), orelse)

    def _alone(self, condition: str, inner: Sequence[str]) -> None:
        """An `if` without `else`; one with the `if` that is all of its body."""
        if inner and inner[0].startswith("if ") and all(text.startswith("    ") for text in inner[1:]):
            nested = inner[0][len("if ") : -1]
            if " or " not in nested and " if " not in nested:
                condition = f"({condition} and {nested})"
                inner = [text[4:] for text in inner[1:]]
        self.indent(f"if {bare(condition)}:", inner)

    # -- names for values --------------------------------------------------------------------------

    def know(self, e: Expr, text: str) -> None:
        """From here on in this block, `text` is the value of `e`."""
        self._known[-1][e] = text

    def known(self, e: Expr) -> str | None:
        """The text that stands for `e` here, if it has been computed."""
        for scope in reversed(self._known):
            if e in scope:
                return scope[e]
        return None

    def keep(self, e: Expr, text: str, hint: str = "") -> str:
        """Give the value `text` of `e` a name."""
        if text.isidentifier():
            self.know(e, text)
            return text
        name = self.names.fresh(hint or _hint(e))
        self.line(f"{name} = {bare(text)}")
        self.know(e, name)
        return name

    def share(self, e: Expr) -> None:
        """Values that `e` reads more than once shall get names."""
        self._shared |= {x for x, n in _uses(e).items() if n > 1}

    def bind(self, name: str, body: Expr) -> tuple[str, Expr]:
        """A Python name for variable `name` of `body`: a new one if an earlier copy of the binder has taken it."""
        if name not in self._bound:
            self._bound.add(name)
            return name, body
        fresh = self.names.fresh(name)
        self._bound.add(fresh)
        found = _variable(body, name)
        return fresh, body if found is None else substituted(body, {name: Var(found.type, fresh)})

    # -- values ------------------------------------------------------------------------------------

    def root(self, e: Expr) -> str:
        """The value of a whole expression, with names for what it reads more than once."""
        self.share(e)
        return self.value(e)

    def value(self, e: Expr) -> str:
        """The text of the value of `e`, to be written once."""
        known = self.known(e)
        if known is not None:
            return known
        text = self._text(e)
        return self.keep(e, text) if e in self._shared and not text.isidentifier() else text

    def atom(self, e: Expr, hint: str = "") -> str:
        """The value of `e` as a name or constant, which may be written several times."""
        text = self.value(e)
        if text.isidentifier() or isinstance(e, (Lit, Var)):
            return text
        return self.keep(e, text, hint)

    def context(self, name: str) -> str:
        """The text of a context; see `specialise.join_contexts`."""
        if not name:
            return self.module.constant("NO_DOTS", _no_dots())
        if name == UNDECIDED:
            raise NotImplementedError("a branch of `if` or `match` decides under which context its value is merged")
        parts = name.split("|")
        return parts[0] if len(parts) == 1 else "(" + " | ".join(parts) + ")"

    def _text(self, e: Expr) -> str:
        match e:
            case Lit(_, value):
                return self.module.constant("number", value) if isinstance(value, Fraction) else repr(value)
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
        result = self.names.fresh(_hint(e))
        self.chain(tests, [[*inner, f"{result} = {bare(text)}"] for inner, text in made])
        return result

    def chain(self, tests: Sequence[str], bodies: Sequence[Sequence[str]]) -> None:
        """An `if` statement with a body for each test, and a last one for all else."""
        if not tests:
            self.lines += bodies[0]
            return
        for i, (test, body) in enumerate(zip(tests, bodies, strict=False)):
            self.indent(f"{'elif' if i else 'if'} {bare(test)}:", body or ["pass"])
        self.indent("else:", bodies[-1])

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

    # -- conditions --------------------------------------------------------------------------------

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

    # -- orders and numbers ------------------------------------------------------------------------

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
        condition = e.condition if name == e.var or e.condition is None else _renamed(e.condition, e.var, name)
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
        renamed = [(_renamed(k, var, name), descending) for k, descending in keys]
        for k, _ in renamed:
            self.hoist(k, name)
        with self.block(f"for {position}, {name} in enumerate({bare(base)}):"):
            for k, _ in renamed:
                self.share(k)
            parts = [bare(self.ordered(k)) for k, _ in renamed]
            self.line(f"{rows}.append(({', '.join(parts)}, {position}, {name}))")
        if any(descending for _, descending in renamed):
            # Sorting is stable: the last key first; the rows start out in the order of the members.
            getter = self.module.constant("itemgetter", _itemgetter())
            for i, (_, descending) in reversed(list(enumerate(renamed))):
                self.line(f"{rows}.sort(key={getter}({i}){', reverse=True' if descending else ''})")
        else:
            self.line(f"{rows}.sort()")
        return f"[row[-1] for row in {rows}]"

    def sorted_text(self, members: str, t: Type) -> str:
        """The members of a collection of `t`, ascending."""
        key = "" if self.compares_directly(t) else f", key={self.module.order(t)}"
        return f"sorted({bare(members)}{key})"

    # -- collections -------------------------------------------------------------------------------

    def hoist(self, body: Expr, var: str) -> None:
        """Compute before a loop over `var` what its body reads that is the same for all members."""
        for e in _invariants(body, frozenset({var}), self.module):
            if self.known(e) is None:
                self.keep(e, self.value(e))

    @abstractmethod
    def collection(self, e: Expr) -> str:
        """A map, set, sum or count."""

    @abstractmethod
    def quantified(self, e: Quant) -> str:
        """The truth value of a quantifier."""

    @abstractmethod
    def picked(self, e: Pick) -> str:
        """The option that a greatest or least member makes."""


def bare(text: str) -> str:
    """`text` without parentheses around the whole of it (a tuple keeps them)."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    quote = ""
    previous = ""
    for i, c in enumerate(text):
        if quote:
            if c == quote and previous != "\\":
                quote = ""
            previous = "" if previous == "\\" else c
            continue
        if c in "'\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth == 0 and i < len(text) - 1:
                return text
        elif c == "," and depth == 1:
            return text
        previous = c
    return text[1:-1] or text


def opposite(text: str) -> str:
    """The text of the negation of a condition."""
    words = text[1:-1].split(" ") if text.startswith("(") else []
    if len(words) == 3 and words[1] == "in":
        return f"({words[0]} not in {words[2]})"
    if len(words) == 4 and words[1:3] == ["not", "in"]:
        return f"({words[0]} in {words[3]})"
    if words[1:] == ["is", "not", "None"]:
        return f"({words[0]} is None)"
    return f"(not {text})"


def _joined_text(op: str, texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else "(" + f" {op} ".join(texts) + ")"


def _position(t: Type, name: str) -> int:
    if t == DOT:
        return 0 if name == "replica" else 1
    assert isinstance(t, RecordT), t
    return t.position(name)


def _item(t: Type) -> Type:
    assert isinstance(t, SeqT), t
    return t.item


def _renamed(e: Expr, name: str, new: str) -> Expr:
    found = _variable(e, name)
    return e if found is None or name == new else substituted(e, {name: Var(found.type, new)})


def _variable(e: Expr, name: str) -> Var | None:
    """An occurrence of variable `name` in `e`."""
    if isinstance(e, Var):
        return e if e.name == name else None
    for c in subexpressions(e):
        found = _variable(c, name)
        if found is not None:
            return found
    return None


def _hint(e: Expr) -> str:
    """What to call the value of `e`."""
    match e:
        case Get(_, _, name):
            return name
        case At(_, subject, _):
            return _hint(subject)
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


def _uses(e: Expr) -> Counter[Expr]:
    """How often each value worth a name is read at most, of branches the one that reads it more."""
    found: Counter[Expr] = Counter()
    match e:
        case If(_, condition, then, orelse):
            found = _uses(condition) + (_uses(then) | _uses(orelse))
        case Match(_, subject, cases):
            bodies: Counter[Expr] = Counter()
            for _, body in cases:
                bodies |= _uses(body)
            found = _uses(subject) + bodies
        case _:
            names = bound_names(e)
            for c in subexpressions(e):
                for x, n in _uses(c).items():
                    if not any(mentions(x, name) for name in names):
                        found[x] += n
    if _worth_a_name(e):
        found[e] += 1
    return found


def _invariants(e: Expr, bound: frozenset[str], module: Module) -> Iterator[Expr]:
    """The greatest subexpressions of `e` that are worth a name and depend on none of `bound`."""
    if _worth_a_name(e) and not _depends(e, bound) and not _recurses(e, module):
        yield e
        return
    bound = bound | frozenset(bound_names(e))
    for c in subexpressions(e):
        yield from _invariants(c, bound, module)


def _depends(e: Expr, bound: frozenset[str]) -> bool:
    if isinstance(e, Var):
        return e.name in bound
    return any(_depends(c, bound) for c in subexpressions(e))


def _recurses(e: Expr, module: Module) -> bool:
    """Whether `e` calls a function that may call itself, which only the branch around the call makes end."""
    if isinstance(e, Called) and module.is_recursive(e.function):
        return True
    return any(_recurses(c, module) for c in subexpressions(e))


def _no_dots() -> object:
    from mergelaw.semantics.context import EMPTY

    return EMPTY


def _itemgetter() -> object:
    from operator import itemgetter

    return itemgetter
