"""Hypothesis strategies for surface trees: every kind of node, as the parser can make it."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from mergelaw.language import ast
from mergelaw.language.lexer import RESERVED
from mergelaw.language.precedence import BINARY

Strategy = st.SearchStrategy

# Keywords that are not reserved are good names, so they are likely here.
_SOFT = ("state", "merge", "dots", "by", "at", "when", "type", "home", "from", "causal", "later", "update", "rule")
names: Strategy[str] = st.one_of(
    st.sampled_from(("a", "b", "x_1", "this", "seen", "_x", *_SOFT)),
    st.from_regex(r"[a-z_][A-Za-z0-9_]{0,6}", fullmatch=True).filter(lambda n: n not in RESERVED),
)
type_names: Strategy[str] = st.sampled_from(("Nat", "Map", "Set", "This", "E", "ORSet"))

# What a literal or a comment can hold: no half surrogates.
texts: Strategy[str] = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
comment_texts: Strategy[str] = st.one_of(
    st.sampled_from(("", "Why it is so.", "/ slashes", "//", "  indented", '"quoted"', "{ [ (")),
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp")), max_size=12),
).map(str.rstrip)
docs: Strategy[tuple[str, ...]] = st.one_of(st.just(()), st.lists(comment_texts, min_size=1, max_size=2).map(tuple))


def some(items: Strategy, least: int = 1, most: int = 3) -> Strategy:
    """A tuple of `least` to `most` of them."""
    return st.lists(items, min_size=least, max_size=most).map(tuple)


# -- types -----------------------------------------------------------------------------------------


def _larger_types(inner: Strategy[ast.TypeNode]) -> Strategy[ast.TypeNode]:
    return st.one_of(
        st.builds(ast.NamedType, type_names, some(inner)),
        st.builds(ast.TupleType, some(inner, 2)),
        st.builds(ast.RecordType, some(st.tuples(names, inner))),
    )


types: Strategy[ast.TypeNode] = st.recursive(st.builds(ast.NamedType, type_names), _larger_types, max_leaves=4)


# -- expressions -----------------------------------------------------------------------------------

patterns: Strategy[ast.Pattern] = st.recursive(
    st.one_of(st.builds(ast.WildPattern), st.builds(ast.VarPattern, st.one_of(names, st.just("none")))),
    lambda inner: st.one_of(
        st.builds(ast.CallPattern, names, some(inner)), st.builds(ast.TuplePattern, some(inner, 2))
    ),
    max_leaves=4,
)

numbers: Strategy[int | Fraction] = st.one_of(
    st.integers(0, 10**6),
    st.builds(lambda n, places: Fraction(n, 10**places), st.integers(0, 10**6), st.integers(0, 8)),
)
_leaves: Strategy[ast.Expr] = st.one_of(
    st.builds(ast.Name, names),
    st.builds(ast.Number, numbers),
    st.builds(ast.TextLit, texts),
    st.builds(ast.BoolLit, st.booleans()),
    st.builds(ast.NoneLit),
    st.builds(ast.Empty),
)


def _paths(keys: Strategy[ast.Expr]) -> Strategy[ast.Expr]:
    def longer(path: ast.Expr, steps: tuple[str | ast.Expr, ...]) -> ast.Expr:
        for step in steps:
            path = ast.FieldAccess(path, step) if isinstance(step, str) else ast.Index(path, step)
        return path

    return st.builds(longer, st.builds(ast.Name, names), some(st.one_of(names, keys), 0))


def _entries(inner: Strategy[ast.Expr]) -> Strategy[ast.Entry]:
    part = st.builds(ast.MethodCall, _paths(inner), names, some(inner, 0), at=some(names, 0, 2))
    simple = st.one_of(
        st.builds(ast.Assign, _paths(inner), inner), st.builds(ast.PartUpdate, part), st.builds(ast.Forget, inner)
    )
    return st.one_of(simple, st.builds(ast.Each, names, inner, some(simple)))


def _larger_exprs(inner: Strategy[ast.Expr]) -> Strategy[ast.Expr]:
    maybe = st.one_of(st.none(), inner)
    keys = some(st.builds(ast.SortKey, inner, st.booleans()), 0, 2)
    binders = st.one_of(
        st.builds(ast.Binder, names),
        st.builds(ast.Binder, names, type=types),
        st.builds(ast.Binder, names, source=inner),
    )
    return st.one_of(
        st.builds(ast.FieldAccess, inner, names),
        st.builds(ast.Index, inner, inner),
        st.builds(ast.Call, names, some(inner, 0)),
        st.builds(ast.MethodCall, inner, names, some(inner, 0), by=maybe, when=maybe),
        st.builds(ast.Unary, st.sampled_from(("not", "-")), inner),
        st.builds(ast.Binary, st.sampled_from(sorted(BINARY)), inner, inner),
        st.builds(ast.Binary, st.sampled_from(sorted(BINARY)), inner, inner),
        st.builds(ast.If, inner, inner, inner),
        st.builds(ast.Let, names, inner, inner),
        st.builds(ast.Quantifier, st.sampled_from(("forall", "exists")), some(binders), inner),
        st.builds(ast.Match, inner, some(st.tuples(patterns, inner))),
        st.builds(ast.Tuple, some(inner, 2)),
        st.builds(ast.SetLit, some(inner)),
        st.builds(ast.MapLit, some(st.tuples(inner, inner))),
        st.builds(ast.SetCompr, names, inner),
        st.builds(ast.MapCompr, names, inner, maybe),
        st.builds(ast.SeqLit, some(inner, 0)),
        st.builds(ast.SeqFor, inner, names, inner, keys, maybe),
        st.builds(ast.Pick, st.sampled_from(("greatest", "least")), names, inner, keys),
        st.builds(ast.Construct, some(_entries(inner))),
    )


exprs: Strategy[ast.Expr] = st.recursive(_leaves, _larger_exprs, max_leaves=12)


# -- clauses and declarations ----------------------------------------------------------------------

_maybe_name = st.one_of(st.none(), names)
params = some(st.builds(ast.Param, names, types, st.booleans()), 0)
type_params = some(st.builds(ast.TypeParam, type_names, st.sampled_from((None, "Ordered", "Lattice", "Store"))), 0)

clauses: Strategy[ast.Clause] = st.one_of(
    st.builds(ast.StateClause, types, doc=docs),
    st.builds(ast.MergeClause, names, names, exprs, doc=docs),
    st.builds(ast.DotsClause, exprs, doc=docs),
    st.builds(
        ast.UpdateClause,
        names,
        params,
        _maybe_name,
        some(names, 0),
        _maybe_name,
        st.one_of(st.none(), exprs),
        exprs,
        some(exprs, 0),
        doc=docs,
    ),
    st.builds(ast.QueryClause, names, params, types, exprs, doc=docs),
    st.builds(ast.InvariantClause, _maybe_name, exprs, doc=docs),
    st.builds(ast.CompatibleClause, _maybe_name, names, names, exprs, doc=docs),
    st.builds(ast.HomeClause, _maybe_name, names, names, names, exprs, doc=docs),
    st.builds(
        ast.TheoremClause, names, params, st.one_of(st.none(), st.integers(0, 9)), st.booleans(), exprs, doc=docs
    ),
    st.builds(ast.RuleClause, names, some(names, 0), texts, doc=docs),
)

declarations: Strategy[ast.Declaration] = st.one_of(
    st.builds(ast.Import, some(names), texts, doc=docs),
    st.builds(ast.Alias, names, type_params, types, doc=docs),
    st.builds(ast.EnumDecl, names, type_params, some(st.tuples(names, params)), doc=docs),
    st.builds(ast.FunDecl, names, type_params, params, types, exprs, doc=docs),
    st.builds(ast.TypeDecl, st.sampled_from(("type", "store")), names, type_params, some(clauses, 0), doc=docs),
)

modules: Strategy[ast.Module] = st.builds(ast.Module, some(declarations, 0))
