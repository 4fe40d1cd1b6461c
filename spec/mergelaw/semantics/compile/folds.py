"""Printing what runs over a collection: sums, counts, quantifiers, greatest and least members."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mergelaw.language.core import (
    BOOL,
    At,
    Count,
    Expr,
    Keys,
    MapT,
    Op,
    Pick,
    Quant,
    Seen,
    SeqE,
    SeqT,
    Sum,
    Type,
    Var,
    Zero,
)
from mergelaw.semantics.compile.algebra import TRUE, is_zero
from mergelaw.semantics.compile.maps import Maps, Pointwise, composite, value_type
from mergelaw.semantics.compile.simplify import assume
from mergelaw.semantics.compile.statements import bare
from mergelaw.semantics.compile.tree import is_path, mentions, substituted


class Emitter(Maps):
    """Writes the body of one generated function."""

    def collection(self, e: Expr) -> str:
        """A map, set, sum or count."""
        match e:
            case Sum(t, subject):
                return self._sum(t, subject)
            case Count(_, subject):
                return self._count(subject)
            case _:
                return super().collection(e)

    # -- folds -------------------------------------------------------------------------------------

    def _sum(self, t: Type, subject: Expr) -> str:
        if not composite(subject):
            return f"sum({self.value(subject)}.values())"
        total = self.names.fresh("total")
        self.line(f"{total} = {self.module.zero_text(t)}")
        self.visit(self.pointwise(subject), lambda body, _, __: self._add(total, body))
        return total

    def _add(self, total: str, body: Expr) -> None:
        if not is_zero(body):
            self.line(f"{total} += {bare(self.value(body))}")

    def _count(self, subject: Expr) -> str:
        if not composite(subject):
            return f"len({bare(self.value(subject))})"
        count = self.names.fresh("count")
        self.line(f"{count} = 0")

        def leaf(body: Expr, _: bool, __: str) -> None:
            with self.block(f"if {bare(self._not_zero(body))}:"):
                self.line(f"{count} += 1")

        self.visit(self.pointwise(subject), leaf)
        return count

    def _not_zero(self, body: Expr) -> str:
        return self.truth(body) if body.type == BOOL else self.zero_test(body, False, True)

    def zero_test(self, e: Expr, exact: bool, negated: bool) -> str:
        """Whether a value is zero; a map that is not needed for more is not made."""
        if composite(e) and self.known(e) is None and e not in self._shared:
            p = self.pointwise(e)
            if len(p.sources) <= 1:
                return self._any_of(p, negated)
        return super().zero_test(e, exact, negated)

    def _any_of(self, p: Pointwise, found_is: bool) -> str:
        result = self.names.fresh("found" if found_is else "empty")
        self.line(f"{result} = {not found_is}")

        def leaf(body: Expr, _: bool, __: str) -> None:
            with self.block(f"if {bare(self._not_zero(body))}:"):
                self.line(f"{result} = {found_is}")
                self.line("break")

        self.visit(p, leaf)
        return result

    # -- quantifiers and picks ---------------------------------------------------------------------

    def quantified(self, e: Quant) -> str:
        """The truth value of a quantifier, by a loop that stops at the first witness."""
        exists = e.kind == "exists"
        result = self.names.fresh("found" if exists else "all_hold")
        self.line(f"{result} = {not exists}")

        def leaf(body: Expr) -> None:
            self.share(body)
            test = self.truth(body) if exists else f"not {self.truth(body)}"
            if test not in ("False", "not True"):
                self.line(f"if {bare(test)}:")
                self.line(f"    {result} = {exists}")
                self.line("    break")

        if e.source is None:
            universe = self.module.constant("type", e.var_type)
            name, body = self.bind(e.var, e.body)
            with self.block(f"for {name} in universe({universe}):"):
                leaf(body)
        else:
            self.each(e.var, e.source, [e.body], lambda bodies: leaf(bodies[0]))
        return result

    def each(self, var: str, source: Expr, bodies: Sequence[Expr], leaf: Callable[[list[Expr]], None]) -> None:
        """A loop over the members of a set, the keys of a map or the items of a Seq.

        `leaf` writes what is done with each member, given `bodies` as they are there.
        """
        if isinstance(source.type, MapT) and not isinstance(source, Seen):
            p = self.pointwise(source, var) if composite(source) else self._plain(source, var)
            if len(p.sources) == 1:
                renamed = [_with_variable(b, var, p.key) for b in bodies]
                # One sequence, so that the loop puts what it knows of the source into all of them.
                bundle = SeqE(SeqT(BOOL), (p.body, *renamed))

                def inside(body: Expr, _: bool, __: str) -> None:
                    assert isinstance(body, SeqE)
                    test, *rest = body.items
                    holds = test if test.type == BOOL else Op(BOOL, "not", (Op(BOOL, "eq", (test, Zero(test.type))),))
                    holds = self.simplify(holds)
                    rest = [self.simplify(b, assume({}, holds, True)) for b in rest]
                    if holds == TRUE or isinstance(test, Var) and test.name in self._nonzero:
                        leaf(rest)
                    else:
                        with self.block(f"if {bare(self.truth(holds))}:"):
                            leaf(rest)

                self.visit(Pointwise(p.key, bundle, p.sources), inside)
                return
        name, _ = self.bind(var, source)
        member = source.type.key if isinstance(source.type, MapT) else getattr(source.type, "item", source.type)
        key = Var(self.module.unfold(member), name)
        renamed = [_with_variable(b, var, key) for b in bodies]
        for b in renamed:
            self.hoist(b, name)
        text = self.value(source)
        with self.block(f"for {name} in {bare(text)}:"):
            leaf(renamed)

    def _plain(self, source: Expr, var: str) -> Pointwise:
        """A map that is there already, as a formula."""
        assert isinstance(source.type, MapT)
        name, _ = self.bind(var, source)
        key = Var(self.module.unfold(source.type.key), name)
        if not is_path(source):
            made = Var(source.type, self.atom(source))
            self.know(made, made.name)
            source = made
        return Pointwise(key, At(self.module.unfold(value_type(source.type)), source, key), (source,))

    def picked(self, e: Pick) -> str:
        """The greatest or least member by keys, then by itself."""
        if not isinstance(e.source.type, MapT):
            ranked = self.ranked(e.source, e.var, e.keys)
            rows = self.names.fresh("ranked")
            self.line(f"{rows} = {bare(ranked)}")
            return f"(({rows}[{-1 if e.kind == 'greatest' else 0}],) if {rows} else None)"
        best = self.names.fresh("best")
        self.line(f"{best} = None")
        source = e.source.subject if isinstance(e.source, Keys) else e.source
        if is_path(source) and not isinstance(source, (Zero, Seen)):
            # Of one member nothing is asked.
            only = self.atom(source)
            with self.captured() as inner:
                self._compete(e, best)
            self.line(f"if len({only}) == 1:")
            self.line(f"    {best} = tuple({only})")
            self.indent(f"elif {only}:", inner)
        else:
            self._compete(e, best)
        return best

    def _compete(self, e: Pick, best: str) -> None:
        """The loop that finds the best member."""
        assert isinstance(e.source.type, MapT)
        greatest = e.kind == "greatest"
        marks = [self.names.fresh("best_by") for _ in e.keys]

        # The last key is the member itself.
        variable = Var(self.module.unfold(e.source.type.key), e.var)

        def leaf(bodies: list[Expr]) -> None:
            *keys, member = bodies
            for k in bodies:
                self.share(k)
            name = self.value(member)
            test = f"{self.order_text(name, member.type)} {'>' if greatest else '<'} "
            test += self._best_text(best, member.type)
            texts = []
            for k, mark in zip(keys, marks, strict=True):
                text = self.ordered(k)
                if not text.isidentifier():
                    by = self.names.fresh("by")
                    self.line(f"{by} = {bare(text)}")
                    text = by
                texts.append((text, mark))
            for (text, mark), (_, descending) in reversed(list(zip(texts, e.keys, strict=True))):
                sign = ">" if greatest != descending else "<"
                test = f"{text} {sign} {mark} or ({text} == {mark} and ({test}))"
            with self.block(f"if {best} is None or {test}:"):
                self.line(f"{best} = ({name},)")
                for text, mark in texts:
                    self.line(f"{mark} = {text}")

        self.each(e.var, e.source, [*(k for k, _ in e.keys), variable], leaf)

    def _best_text(self, best: str, t: Type) -> str:
        return self.order_text(f"{best}[0]", t)


def _with_variable(e: Expr, name: str, variable: Var) -> Expr:
    return e if name == variable.name or not mentions(e, name) else substituted(e, {name: variable})
