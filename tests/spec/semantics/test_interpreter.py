"""The interpreter on trees built by hand: each node, merges, updates and their footprints."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map as ImmutableMap

from mergelaw.language import core
from mergelaw.language.core import (
    BOOL,
    DOT,
    INT,
    NAT,
    REAL,
    REPLICA,
    TEXT,
    EnumT,
    Expr,
    MapT,
    Named,
    OptionType,
    SeqT,
    TupleT,
    set_of,
)
from mergelaw.semantics.context import EMPTY, CausalContext
from mergelaw.semantics.engine import Delta, Engine, State, UpdateRefused
from mergelaw.semantics.interpreter import Interpreter
from mergelaw.semantics.values import make_set
from tests.spec.semantics.strategies import contexts, values_of
from tests.spec.semantics.trees import DOT_SET, DOTS, STORES, at, field, lit, op, set_lit, var


def of(items: dict[Any, Any] | None = None) -> ImmutableMap[Any, Any]:
    """A raw map."""
    return ImmutableMap(items or {})


OR_SET = Named("ORSet", (TEXT,))
COUNTER = Named("GCounter")
SHOP = Named("Shop")

dot_set = Interpreter(STORES, DOT_SET)
or_set = Interpreter(STORES, OR_SET)
counter = Interpreter(STORES, COUNTER)
shop: Engine = Interpreter(STORES, SHOP)

NATS, PAIRS = SeqT(NAT), set_of(TupleT((NAT, TEXT)))
M = of({"a": 1, "b": 2})
ENV: dict[str, Any] = {
    "n": 5,
    "m": M,
    "s": make_set([1, 2, 3]),
    "q": (3, 1, 2),
    "d": (1, 2),
    "o": (0,),
    "shape": (1, 7),
    "r": (M, 4),
    "pairs": make_set([(2, "a"), (1, "b"), (2, "c"), (1, "d")]),
    "dots": make_set([(1, 1), (1, 3), (2, 1)]),
    "x": make_set([(1, 1), (1, 3)]),
}
SEEN = {"this": CausalContext.of([(1, 1), (1, 2)]), "x": CausalContext.of([(1, 1), (1, 3)])}
RECORD = core.RecordT((("m", MapT(TEXT, NAT)), ("n", NAT)))

n, m, s, q = var("n"), var("m", MapT(TEXT, NAT)), var("s", set_of(NAT)), var("q", NATS)
pairs = var("pairs", PAIRS)
seen = core.Seen(DOTS, "this")
dots = var("dots", DOTS)
pair = var("p", TupleT((NAT, TEXT)))
half = Fraction(1, 2)


def _first_of_pair() -> Expr:
    return core.Match(NAT, pair, ((core.PTuple((core.PVar("i"), core.PWild())), var("i")),))


CASES: list[tuple[Expr, Any]] = [
    (lit("t"), "t"),
    (core.Zero(MapT(TEXT, NAT)), of()),
    (n, 5),
    (field(var("d", DOT), "replica", REPLICA), 1),
    (field(var("d", DOT), "number", NAT), 2),
    (field(var("r", RECORD), "n", NAT), 4),
    (at(m, lit("b"), NAT), 2),
    (at(m, lit("z"), NAT), 0),
    (at(s, lit(3), BOOL), True),
    (at(seen, var("d", DOT), BOOL), True),
    (core.TupleE(TupleT((NAT, TEXT)), (n, lit("x"))), (5, "x")),
    (core.RecordE(RECORD, (("m", core.Zero(MapT(TEXT, NAT))), ("n", n))), (of(), 5)),
    (core.Variant(EnumT("Shape"), 1, (n,)), (1, 5)),
    (core.Some(OptionType(NAT), lit(0)), (0,)),
    (core.If(NAT, lit(False), lit(1), lit(2)), 2),
    (core.Let(NAT, "y", n, op("add", var("y"), var("y"), t=NAT)), 10),
    (core.Match(NAT, var("o", OptionType(NAT)), ((core.PNone(), lit(9)), (core.PSome(core.PVar("y")), var("y")))), 0),
    (
        core.Match(
            NAT,
            var("shape", EnumT("Shape")),
            (
                (core.PVariant(2, (core.PWild(), core.PWild())), lit(1)),
                (core.PVariant(1, (core.PVar("y"),)), var("y")),
                (core.PWild(), lit(3)),
            ),
        ),
        7,
    ),
    (op("not", lit(True)), False),
    (op("and", lit(True), lit(True), lit(False)), False),
    (op("or", lit(False), lit(True)), True),
    (op("implies", lit(True), lit(False)), False),
    (op("implies", lit(False), var("unbound", BOOL)), True),
    (op("eq", n, lit(5)), True),
    (op("ne", m, core.Zero(MapT(TEXT, NAT))), True),
    (op("lt", lit("a"), lit("b")), True),
    (op("le", core.Zero(OptionType(NAT)), var("o", OptionType(NAT))), True),
    (op("lt", var("o", OptionType(NAT)), core.Zero(OptionType(NAT))), False),
    (op("neg", n, t=INT), -5),
    (op("add", n, lit(half), t=REAL), Fraction(11, 2)),
    (op("sub", lit(2), n, t=INT), -3),
    (op("mul", lit(2), n, t=NAT), 10),
    (op("monus", lit(2), n, t=NAT), 0),
    (op("monus", n, lit(2), t=NAT), 3),
    (op("max", n, lit(7), lit(6), t=NAT), 7),
    (op("min", core.Zero(OptionType(NAT)), var("o", OptionType(NAT)), t=OptionType(NAT)), None),
    (op("union", s, set_lit(NAT, lit(9)), t=set_of(NAT)), make_set([1, 2, 3, 9])),
    (op("inter", s, set_lit(NAT, lit(9), lit(1)), t=set_of(NAT)), make_set([1])),
    (op("diff", s, set_lit(NAT, lit(9), lit(1)), t=set_of(NAT)), make_set([2, 3])),
    (op("subset", set_lit(NAT, lit(1)), s), True),
    (op("subset", s, set_lit(NAT, lit(1))), False),
    (op("diff", dots, seen, t=DOTS), make_set([(1, 3), (2, 1)])),
    (op("inter", dots, seen, t=DOTS), make_set([(1, 1)])),
    (op("inter", seen, dots, t=DOTS), make_set([(1, 1)])),
    (op("subset", dots, seen), False),
    (op("concat", q, q, t=NATS), (3, 1, 2, 3, 1, 2)),
    (core.Build(MapT(TEXT, NAT), "k", op("monus", at(m, var("k", TEXT), NAT), lit(1), t=NAT), (m,)), of({"b": 1})),
    (core.Build(DOTS, "k", at(seen, var("k", DOT), BOOL), (seen,)), make_set([(1, 1), (1, 2)])),
    (core.MapE(MapT(TEXT, NAT), ((lit("k"), n), (lit("k"), lit(0)), (lit("j"), n))), of({"j": 5})),
    (core.Keys(set_of(TEXT), m), make_set(["a", "b"])),
    (core.Sum(NAT, m), 3),
    (core.Count(NAT, m), 2),
    (core.Pick(OptionType(NAT), "greatest", "y", s, ()), (3,)),
    (core.Pick(OptionType(NAT), "least", "y", s, ((var("y"), True),)), (3,)),
    (core.Pick(OptionType(NAT), "least", "y", core.Zero(set_of(NAT)), ()), None),
    (core.Pick(OptionType(TupleT((NAT, TEXT))), "greatest", "p", pairs, ((_first_of_pair(), False),)), ((2, "c"),)),
    (core.Pick(OptionType(TupleT((NAT, TEXT))), "greatest", "p", pairs, ((_first_of_pair(), True),)), ((1, "d"),)),
    (core.Pick(OptionType(TupleT((NAT, TEXT))), "least", "p", pairs, ((_first_of_pair(), True),)), ((2, "a"),)),
    (core.Quant(BOOL, "forall", "y", NAT, s, op("lt", var("y"), n)), True),
    (core.Quant(BOOL, "exists", "y", NAT, s, op("lt", n, var("y"))), False),
    (core.SeqE(NATS, (lit(1), lit(2))), (1, 2)),
    (core.SeqFor(NATS, op("add", var("y"), n, t=NAT), "y", q, (), None), (8, 6, 7)),
    (core.SeqFor(NATS, var("y"), "y", s, ((var("y"), True),), op("ne", var("y"), lit(2))), (3, 1)),
    (core.SeqFor(NATS, var("y"), "y", s, (), None), (1, 2, 3)),
    (core.SeqOp(NAT, "length", (q,)), 3),
    (core.SeqOp(OptionType(NAT), "first", (q,)), (3,)),
    (core.SeqOp(OptionType(NAT), "last", (q,)), (2,)),
    (core.SeqOp(OptionType(NAT), "last", (core.Zero(NATS),)), None),
    (core.SeqOp(NATS, "init", (q,)), (3, 1)),
    (core.SeqOp(NATS, "rest", (q,)), (1, 2)),
    (core.SeqOp(NATS, "rest", (core.Zero(NATS),)), ()),
    (core.SeqOp(BOOL, "starts_with", (q, core.SeqE(NATS, (lit(3), lit(1))))), True),
    (core.SeqOp(BOOL, "starts_with", (q, core.SeqE(NATS, (lit(1),)))), False),
    (
        core.CallFun(BOOL, "later", (("V", OptionType(NAT)),), (core.Zero(OptionType(NAT)), var("o", OptionType(NAT)))),
        True,
    ),
    (core.CallFun(NAT, "triangle", (), (n,)), 15),
    (core.DotsOf(DOTS, var("x", DOT_SET)), make_set([(1, 1), (1, 3)])),
    (core.CallQuery(BOOL, DOT_SET, "held", var("x", DOT_SET), (), None), True),
    (core.CallQuery(DOTS, DOT_SET, "unseen", var("x", DOT_SET), (dots,), None), make_set([(2, 1)])),
    (core.CallQuery(DOTS, DOT_SET, "unseen", var("x", DOT_SET), (dots,), "this"), make_set([(1, 3), (2, 1)])),
]


@pytest.mark.parametrize(("expr", "expected"), CASES, ids=lambda c: type(c).__name__ if isinstance(c, Expr) else "")
def test_every_node(expr: Expr, expected: Any) -> None:
    assert or_set.evaluate(expr, ENV, SEEN) == expected


def test_every_expression_class_is_tested() -> None:
    # Apply and Merge stand in the tests of theorems below.
    def below(e: Expr) -> set[type]:
        return {type(e)}.union(*map(below, core.children(e)))

    tested = set().union(*(below(e) for e, _ in CASES))
    nodes = {c for c in Expr.__subclasses__() if c.__module__ == core.__name__}
    assert nodes - tested == {core.Apply, core.Merge}


def test_reals_are_fractions() -> None:
    assert type(or_set.evaluate(op("add", n, n, t=REAL), ENV, {})) is Fraction
    assert type(or_set.evaluate(op("max", n, lit(half), t=REAL), ENV, {})) is Fraction
    assert type(or_set.evaluate(core.Sum(REAL, core.Zero(MapT(TEXT, REAL))), ENV, {})) is Fraction


def test_a_quantifier_over_a_type_ranges_over_the_universe() -> None:
    asked: list[core.Type] = []

    def universe(t: core.Type) -> list[str]:
        asked.append(t)
        return ["a", "b"]

    claim = core.Quant(BOOL, "forall", "k", core.ParamT("E"), None, op("ne", at(m, var("k", TEXT), NAT), lit(0)))
    assert or_set.evaluate(claim, ENV, {}, universe=universe)
    assert asked == [TEXT]
    assert not or_set.evaluate(claim, ENV, {}, universe=lambda t: ["a", "z"])


# -- merging ---------------------------------------------------------------------------------------


def merged_dots(left: Any, left_seen: CausalContext, right: Any, right_seen: CausalContext) -> set[tuple[int, int]]:
    """The definition of DotSet's merge on Python's sets."""
    x, y = set(left), set(right)
    return (x & y) | {d for d in x if d not in right_seen} | {d for d in y if d not in left_seen}


@given(values_of(STORES, DOT_SET), contexts, values_of(STORES, DOT_SET), contexts)
def test_own_merge_reads_both_contexts(x: Any, x_seen: CausalContext, y: Any, y_seen: CausalContext) -> None:
    assert set(dot_set.merge(x, x_seen, y, y_seen)) == merged_dots(x, x_seen, y, y_seen)


WRAPPED = Named("Wrap", (core.RecordT((("held", DOT_SET), ("count", COUNTER))),))
wrap = Interpreter(STORES, WRAPPED)


@given(values_of(STORES, WRAPPED), contexts, values_of(STORES, WRAPPED), contexts)
def test_composed_merge_is_pointwise(x: Any, x_seen: CausalContext, y: Any, y_seen: CausalContext) -> None:
    merged = wrap.merge(x, x_seen, y, y_seen)
    nothing = (of(), (of(),))
    for key in {*x, *y}:
        (xd, (xc,)), (yd, (yc,)) = x.get(key, nothing), y.get(key, nothing)
        held, (counts,) = merged.get(key, nothing)
        assert set(held) == merged_dots(xd, x_seen, yd, y_seen)
        assert dict(counts) == {r: max(xc.get(r, 0), yc.get(r, 0)) for r in {*xc, *yc}}
    assert nothing not in merged.values()


def test_a_key_of_one_side_is_merged_with_zero() -> None:
    # The right side has seen the dot and dropped it.
    x = (of({"a": make_set([(1, 1)])}),)
    assert or_set.merge(x, CausalContext.of([(1, 1)]), (of(),), CausalContext.of([(1, 1)])) == (of(),)
    assert or_set.merge((of(),), CausalContext.of([(1, 1)]), x, CausalContext.of([(1, 1)])) == (of(),)
    assert or_set.merge(x, CausalContext.of([(1, 1)]), (of(),), CausalContext.of([(2, 1)])) == x


def test_merge_in_a_function_called_by_a_merge_uses_the_contexts_of_the_clause() -> None:
    outer = Named("Outer")
    call = core.CallFun(DOT_SET, "both", (("S", DOT_SET),), (var("a", DOT_SET), var("b", DOT_SET)))
    definition = core.TypeDef(
        "store", "Outer", (), DOT_SET, core.MergeDef("a", "b", call), None, (), (), (), (), (), "<test>", ()
    )
    program = core.Program({**STORES.types, "Outer": definition}, STORES.enums, STORES.functions, ("Outer",))
    one = make_set([(1, 1)])
    context = CausalContext.of([(1, 1)])
    assert Interpreter(program, outer).merge(one, context, of(), context) == of()
    assert Interpreter(program, outer).merge(one, context, of(), EMPTY) == one


def test_a_plain_value_has_no_merge() -> None:
    with pytest.raises(TypeError, match="Nat has no merge"):
        counter.merge_values(NAT, 1, EMPTY, 2, EMPTY)


# -- updates ---------------------------------------------------------------------------------------


def held(*found: tuple[int, int]) -> ImmutableMap[Any, Any]:
    return make_set(found)


def test_add_names_its_dot_and_forgets_those_it_saw() -> None:
    this = (of({"x": held((1, 1), (2, 1)), "y": held((1, 2))}),)
    delta = or_set.update("add", this, CausalContext.of([(1, 1), (1, 2), (2, 1)]), ("x",), 1, ((1, 3),), 0)
    assert delta == Delta(
        (of({"x": held((1, 3))}),),
        CausalContext.of([(1, 1), (2, 1), (1, 3)]),
        {"adds": {"x": {(1, 3): None, (1, 1): None, (2, 1): None}}},
        ((1, 3),),
    )
    after = or_set.apply(this, CausalContext.of([(1, 1), (1, 2), (2, 1)]), delta)
    assert after == (of({"x": held((1, 3)), "y": held((1, 2))}),)


def test_remove_writes_nothing_and_still_names_its_place() -> None:
    this = (of({"x": held((1, 1))}),)
    delta = or_set.update("remove", this, CausalContext.of([(1, 1)]), ("x",), 2, ((2, 1),), 0)
    assert delta.value == (of(),)
    assert delta.context == CausalContext.of([(1, 1), (2, 1)])
    assert delta.footprint == {"adds": {"x": {(1, 1): None}}}
    assert or_set.apply(this, CausalContext.of([(1, 1)]), delta) == (of(),)
    assert or_set.query("members", this, EMPTY, ()) == make_set(["x"])
    assert or_set.query("contains", this, EMPTY, ("y",)) is False


def test_part_updates_take_the_named_dots_the_replica_and_their_context() -> None:
    this = (of({"k": (of({"e": held((3, 1))}),)}), (of({1: 4}),), of())
    delta = shop.update("buy", this, CausalContext.of([(3, 1)]), ("k", "e"), 1, ((1, 7), (1, 8)), 0)
    assert delta.value == (of({"k": (of({"e": held((1, 7))}),)}), (of({1: 6}),), held((1, 8)))
    assert delta.context == CausalContext.of([(3, 1), (1, 7), (1, 8)])
    assert delta.dots == ((1, 7), (1, 8))
    assert delta.footprint == (
        {
            "carts": {"k": {"adds": {"e": {(1, 7): None, (3, 1): None}}}},
            "sales": {"counts": {1: None}},
            "opened": {(1, 8): None},
        }
    )


def test_forget_this_forgets_all_live_dots_and_touches_all_that_is_held() -> None:
    this = (of({"k": (of({"e": held((3, 1))}),)}), (of({1: 4}),), held((1, 8)))
    delta = shop.update("close", this, EMPTY, (), 2, ((2, 1),), 0)
    assert delta.context == CausalContext.of([(3, 1), (1, 8), (2, 1)])
    assert delta.value == shop.zero()
    assert delta.footprint == (
        {
            "carts": {"k": {"adds": {"e": {(3, 1): None}}}},
            "sales": {"counts": {1: None}},
            "opened": {(1, 8): None},
        }
    )
    assert shop.dots(this) == {(3, 1), (1, 8)}


def test_forgetting_dots_touches_no_place() -> None:
    delta = shop.update("drop", shop.zero(), EMPTY, (held((5, 5)),), 2, ((2, 1),), 0)
    assert delta.context == CausalContext.of([(5, 5), (2, 1)])
    assert delta.footprint == {}


def test_each_enters_every_member() -> None:
    delta = shop.update("stock", shop.zero(), EMPTY, (make_set(["a", "b"]),), 2, ((2, 1),), 0)
    one = (of({"all": held((2, 1))}),)
    assert delta.value == (of({"a": one, "b": one}), (of(),), of())
    below = {"adds": {"all": {(2, 1): None}}}
    assert delta.footprint == {"carts": {"a": below, "b": below}}


@pytest.mark.parametrize(("amount", "time", "expected"), [(0, 0, of()), (2, 40, of({9: 42}))])
def test_deltas_choose(amount: int, time: int, expected: Any) -> None:
    assert shop.update("choose", shop.zero(), EMPTY, (amount,), 1, ((1, 1),), time).value[1] == (expected,)


def test_requires_refuses() -> None:
    with pytest.raises(UpdateRefused, match=r"here.crdt:3:5: `inc` is refused") as caught:
        counter.update("inc", counter.zero(), EMPTY, (0,), 1, ((1, 1),), 0)
    assert caught.value.update == "inc"


def test_the_number_of_dots_is_checked() -> None:
    assert shop.dots_taken("buy") == 2
    assert shop.dots_taken("close") == 1
    with pytest.raises(ValueError, match="`buy` takes 2 dots, not 1"):
        shop.update("buy", shop.zero(), EMPTY, ("k", "e"), 1, ((1, 7),), 0)


def test_unknown_clauses_are_key_errors() -> None:
    with pytest.raises(KeyError):
        counter.update("dec", counter.zero(), EMPTY, (), 1, (), 0)
    with pytest.raises(KeyError):
        counter.query("valu", counter.zero(), EMPTY, ())


def test_arguments_of_the_type_are_counted() -> None:
    with pytest.raises(ValueError, match="ORSet needs 1 type arguments"):
        Interpreter(STORES, Named("ORSet"))


# -- properties and theorems -----------------------------------------------------------------------


def test_home_relations_bind_states_and_replica() -> None:
    own = STORES.types["GCounter"].properties[0]
    more, less = ((of({1: 5, 2: 1}),), EMPTY), ((of({1: 4, 2: 3}),), EMPTY)
    assert counter.holds(own, (more, less), 1, lambda t: [])
    assert not counter.holds(own, (more, less), 2, lambda t: [])


class Applied:
    """Applies the updates of theorems with fresh dots, equal ones alike."""

    def __init__(self, run: Interpreter) -> None:
        self.run = run
        self.made: dict[core.Apply, State] = {}

    def __call__(
        self, node: core.Apply, state: State, args: tuple[Any, ...], by: int | None, when: int | None
    ) -> State:
        if node not in self.made:
            replica = by or 9
            number = sum(1 for a in self.made if a != node) + 10
            delta = self.run.update(node.update, *state, args, replica, ((replica, number),), when or 0)
            self.made[node] = self.run.apply(*state, delta), state[1] | delta.context
        return self.made[node]


def _apply(name: str, replica: str) -> Expr:
    return core.Apply(OR_SET, OR_SET, name, var("s", OR_SET), (var("e", TEXT),), var(replica, REPLICA), None)


def _contains(subject: Expr) -> Expr:
    return core.CallQuery(BOOL, OR_SET, "contains", subject, (var("e", TEXT),), None)


@given(values_of(STORES, OR_SET), st.sampled_from(["x", ""]))
def test_theorem_on_states_that_meet(raw: Any, e: str) -> None:
    state = CausalContext.of(or_set.dots(raw))
    values = {"s": raw, "e": e, "p": 1, "q": 2}
    add, remove = _apply("add", "p"), _apply("remove", "q")

    def holds(claim: Expr) -> bool:
        return bool(or_set.evaluate(claim, values, {"s": state}, on_apply=Applied(or_set)))

    assert holds(_contains(core.Merge(OR_SET, add, remove)))
    assert holds(_contains(core.Merge(OR_SET, remove, add)))
    assert holds(op("not", _contains(remove)))
    assert holds(op("not", _contains(core.Merge(OR_SET, remove, var("s", OR_SET)))))
    # A state that a variable or a choice names keeps its context.
    named = core.Let(BOOL, "t", remove, _contains(core.Merge(OR_SET, var("t", OR_SET), var("s", OR_SET))))
    assert holds(op("not", named))
    chosen = core.If(OR_SET, lit(True), remove, add)
    assert holds(op("not", _contains(core.Merge(OR_SET, var("s", OR_SET), chosen))))
    held_after = at(field(core.Merge(OR_SET, add, remove), "adds", MapT(TEXT, DOT_SET)), var("e", TEXT), DOT_SET)
    assert holds(op("eq", core.Count(NAT, held_after), lit(1)))


def test_queries_of_parts_see_the_context_of_the_state() -> None:
    part = at(field(_apply("add", "p"), "adds", MapT(TEXT, DOT_SET)), var("e", TEXT), DOT_SET)
    unseen = core.CallQuery(DOTS, DOT_SET, "unseen", part, (dots,), None)
    values = {"s": or_set.zero(), "e": "x", "p": 1, "dots": held((1, 10), (2, 2))}
    assert or_set.evaluate(unseen, values, {"s": EMPTY}, on_apply=Applied(or_set)) == held((2, 2))
