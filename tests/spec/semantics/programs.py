"""Small programs, written as core trees, for tests that need no parser."""

from __future__ import annotations

from mergelaw.language.core import (
    DOT,
    NAT,
    TEXT,
    EnumDef,
    MapT,
    Named,
    OptionType,
    ParamT,
    Program,
    RecordT,
    Type,
    TypeDef,
    TypeParamDef,
    set_of,
)


def declared(name: str, state: Type, params: tuple[TypeParamDef, ...] = (), **clauses: object) -> TypeDef:
    """A store with the given clauses and no others."""
    given: dict[str, object] = {
        "kind": "store",
        "merge": None,
        "dots": None,
        "updates": (),
        "queries": (),
        "properties": (),
        "theorems": (),
        "rules": (),
        "file": "<test>",
        "doc": (),
        **clauses,
    }
    return TypeDef(name=name, params=params, state=state, **given)  # type: ignore[arg-type]


TREE = declared("Tree", RecordT((("label", TEXT), ("below", MapT(TEXT, Named("Tree"))))))
BOX = declared("Box", RecordT((("item", OptionType(ParamT("V"))),)), (TypeParamDef("V", None),))
DOTS = declared("Dots", set_of(DOT))
SHAPE = EnumDef("Shape", (), (("point", ()), ("circle", (("radius", NAT),)), ("named", (("name", TEXT), ("at", DOT)))))
FIRST = EnumDef(
    "First",
    (TypeParamDef("T", None),),
    (("one", (("it", ParamT("T")), ("count", NAT))), ("other", (("it", ParamT("T")),))),
)

PROGRAM = Program(
    {"Tree": TREE, "Box": BOX, "Dots": DOTS},
    {"Shape": SHAPE, "First": FIRST},
    {},
    ("Tree", "Box", "Dots"),
)
"""A recursive type, a generic one, a transparent one, and two enums."""
