"""Short names for core nodes, and a store of dots with the types made of it, built by hand."""

from __future__ import annotations

from fractions import Fraction

from mergelaw.language import core
from mergelaw.language.core import (
    BOOL,
    DOT,
    INT,
    NAT,
    REAL,
    REPLICA,
    TEXT,
    TIME,
    Expr,
    MapT,
    Named,
    ParamT,
    Path,
    Program,
    RecordT,
    Type,
    TypeParamDef,
    UpdateDef,
    set_of,
)
from mergelaw.language.span import Span
from tests.spec.semantics.programs import PROGRAM, declared

DOTS = set_of(DOT)
DOT_SET = Named("DotSet")
E = ParamT("E")
S = ParamT("S", "Store")


def lit(value: bool | int | Fraction | str) -> Expr:
    """A constant; ints are Nat or Int by their sign."""
    if isinstance(value, bool):
        return core.Lit(BOOL, value)
    if isinstance(value, str):
        return core.Lit(TEXT, value)
    if isinstance(value, Fraction):
        return core.Lit(REAL, value)
    return core.Lit(NAT if value >= 0 else INT, value)


def var(name: str, t: Type = NAT) -> Expr:
    """A variable."""
    return core.Var(t, name)


def op(name: str, *args: Expr, t: Type = BOOL) -> Expr:
    """An operation."""
    return core.Op(t, name, args)


def set_lit(t: Type, *items: Expr) -> Expr:
    """`{a, b}` with members of type `t`."""
    return core.MapE(set_of(t), tuple((i, lit(True)) for i in items))


def field(subject: Expr, name: str, t: Type) -> Expr:
    """`subject.name`."""
    return core.Get(t, subject, name)


def at(subject: Expr, key: Expr, t: Type) -> Expr:
    """`subject[key]`."""
    return core.At(t, subject, key)


def update(name: str, *entries: core.Entry, **parts: object) -> UpdateDef:
    """An update that is one block of entries."""
    given: dict[str, object] = {
        "params": (),
        "by": None,
        "at": (),
        "when": None,
        "requires": None,
        "body": core.Block(entries),
        **parts,
    }
    return UpdateDef(name, **given)  # type: ignore[arg-type]


def query(name: str, result: Type, body: Expr, *params: tuple[str, Type]) -> core.QueryDef:
    """A query."""
    return core.QueryDef(name, params, result, body)


HERE = Span("here.crdt", 3, 5, 3, 9)

_a, _b = var("a", DOT_SET), var("b", DOT_SET)
_SEEN_A, _SEEN_B = core.Seen(DOTS, "a"), core.Seen(DOTS, "b")

DOT_SET_DEF = declared(
    "DotSet",
    DOTS,
    merge=core.MergeDef(
        "a",
        "b",
        op(
            "union",
            op("union", op("inter", _a, _b, t=DOTS), op("diff", _a, _SEEN_B, t=DOTS), t=DOTS),
            op("diff", _b, _SEEN_A, t=DOTS),
            t=DOTS,
        ),
    ),
    dots=var("this", DOT_SET),
    updates=(
        update("put", core.Assign(Path((), DOT_SET), set_lit(DOT, var("d", DOT))), at=("d",)),
        update("clear", core.Forget(Path((), DOT_SET))),
    ),
    queries=(
        query("held", BOOL, op("ne", var("this", DOT_SET), core.Zero(DOTS))),
        query("unseen", DOTS, op("diff", var("x", DOTS), core.Seen(DOTS, "this"), t=DOTS), ("x", DOTS)),
    ),
)
"""DotSet, as the library has it."""

_ADDS = MapT(E, DOT_SET)
_THIS = var("this", Named("ORSet", (E,)))
_PLACE = Path(("adds", var("e", E)), DOT_SET)

OR_SET_DEF = declared(
    "ORSet",
    RecordT((("adds", _ADDS),)),
    (TypeParamDef("E", None),),
    updates=(
        update(
            "add",
            core.Assign(_PLACE, set_lit(DOT, var("d", DOT))),
            core.Forget(_PLACE),
            params=(("e", E),),
            by="r",
            at=("d",),
        ),
        update("remove", core.Forget(_PLACE), params=(("e", E),)),
    ),
    queries=(
        query(
            "contains", BOOL, op("ne", at(field(_THIS, "adds", _ADDS), var("e", E), DOT_SET), core.Zero(DOTS)), ("e", E)
        ),
        query(
            "members",
            set_of(E),
            core.Build(
                set_of(E),
                "x",
                op("ne", at(field(_THIS, "adds", _ADDS), var("x", E), DOT_SET), core.Zero(DOTS)),
                (field(_THIS, "adds", _ADDS),),
            ),
        ),
    ),
)
"""ORSet, as the library has it."""

_COUNTS = MapT(REPLICA, NAT)
_COUNTER = Named("GCounter")


def _count(of: str) -> Expr:
    return at(field(var(of, _COUNTER), "counts", _COUNTS), var("r", REPLICA), NAT)


G_COUNTER_DEF = declared(
    "GCounter",
    RecordT((("counts", _COUNTS),)),
    kind="type",
    merge=core.MergeDef(
        "a",
        "b",
        core.RecordE(
            RecordT((("counts", _COUNTS),)),
            (
                (
                    "counts",
                    core.Build(
                        _COUNTS,
                        "r",
                        op("max", _count("a"), _count("b"), t=NAT),
                        (field(var("a", _COUNTER), "counts", _COUNTS), field(var("b", _COUNTER), "counts", _COUNTS)),
                    ),
                ),
            ),
        ),
    ),
    updates=(
        update(
            "inc",
            core.Assign(
                Path(("counts", var("r", REPLICA)), NAT),
                op("add", at(field(var("this", _COUNTER), "counts", _COUNTS), var("r", REPLICA), NAT), var("n"), t=NAT),
            ),
            params=(("n", NAT),),
            by="r",
            requires=core.Op(BOOL, "lt", (lit(0), var("n")), span=HERE),
        ),
    ),
    queries=(query("value", NAT, core.Sum(NAT, field(var("this", _COUNTER), "counts", _COUNTS))),),
    properties=(
        core.Property(
            "home",
            "own",
            ("mine", "other"),
            "p",
            op(
                "le",
                at(field(var("other", _COUNTER), "counts", _COUNTS), var("p", REPLICA), NAT),
                at(field(var("mine", _COUNTER), "counts", _COUNTS), var("p", REPLICA), NAT),
            ),
        ),
    ),
)
"""GCounter, as the library has it."""

_CARTS = MapT(TEXT, Named("ORSet", (TEXT,)))
_CART = Path(("carts", var("k", TEXT)), Named("ORSet", (TEXT,)))

SHOP_DEF = declared(
    "Shop",
    RecordT((("carts", _CARTS), ("sales", _COUNTER), ("opened", DOT_SET))),
    updates=(
        update(
            "buy",
            core.PartUpdate(_CART, Named("ORSet", (TEXT,)), "add", (var("e", TEXT),), ("d",)),
            core.PartUpdate(Path(("sales",), _COUNTER), _COUNTER, "inc", (lit(2),), ()),
            core.Assign(Path(("opened",), DOT_SET), set_lit(DOT, var("f", DOT))),
            params=(("k", TEXT), ("e", TEXT)),
            by="r",
            at=("d", "f"),
        ),
        update("close", core.Forget(Path((), Named("Shop")))),
        update("drop", core.ForgetDots(var("x", DOTS)), params=(("x", DOTS),)),
        update(
            "stock",
            core.Each(
                "k",
                TEXT,
                var("ks", set_of(TEXT)),
                (
                    core.Assign(
                        Path(("carts", var("k", TEXT), "adds", lit("all")), DOT_SET), set_lit(DOT, var("d", DOT))
                    ),
                ),
            ),
            params=(("ks", set_of(TEXT)),),
            at=("d",),
        ),
        update(
            "choose",
            params=(("n", NAT),),
            when="now",
            body=core.LetDelta(
                "m",
                op("add", var("n"), var("now", TIME), t=NAT),
                core.IfDelta(
                    op("eq", var("m"), lit(0)),
                    core.Block(()),
                    core.MatchDelta(
                        core.Some(core.OptionType(NAT), var("m")),
                        (
                            (core.PNone(), core.Block(())),
                            (
                                core.PSome(core.PVar("x")),
                                core.Block((core.Assign(Path(("sales", "counts", lit(9)), NAT), var("x")),)),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    ),
)
"""Parts of parts: every kind of entry and delta."""

WRAP_DEF = declared("Wrap", MapT(TEXT, S), (TypeParamDef("S", "Store"),))
"""A map of any store; its merge is composed."""

FUNCTIONS = {
    "later": core.FunDef(
        "later", (TypeParamDef("V", "Ordered"),), (("a", ParamT("V")), ("b", ParamT("V"))), BOOL,
        op("lt", var("a", ParamT("V")), var("b", ParamT("V"))), False,
    ),
    "both": core.FunDef(
        "both", (TypeParamDef("S", "Store"),), (("a", S), ("b", S)), S, core.Merge(S, var("a", S), var("b", S)), False
    ),
    "triangle": core.FunDef(
        "triangle", (), (("n", NAT),), NAT,
        core.If(
            NAT,
            op("eq", var("n"), lit(0)),
            lit(0),
            op("add", var("n"), core.CallFun(NAT, "triangle", (), (op("monus", var("n"), lit(1), t=NAT),)), t=NAT),
        ),
        True,
    ),
}  # fmt: skip

STORES = Program(
    {
        **PROGRAM.types,
        **{d.name: d for d in (DOT_SET_DEF, OR_SET_DEF, G_COUNTER_DEF, SHOP_DEF, WRAP_DEF)},
    },
    PROGRAM.enums,
    FUNCTIONS,
    ("Shop",),
)
"""All of these."""
