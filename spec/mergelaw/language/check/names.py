"""The names that the files of a program declare and import.

Types and enums are known to users by their names, so these are global within a program. Functions and aliases
belong to their files: two files that know nothing of one another may each have a `rank`. Aliases vanish, and
functions of one name get different ids.
"""

from __future__ import annotations

from pathlib import PurePath

from mergelaw.language import ast
from mergelaw.language.check.declared import (
    BUILTIN_FUNCTIONS,
    BUILTIN_TYPES,
    Declaration,
    Declared,
    FunSig,
    TypeSig,
    did_you_mean,
)
from mergelaw.language.check.imports import File
from mergelaw.language.check.unify import POISON
from mergelaw.language.core import EnumDef
from mergelaw.language.span import Span

WORDS: dict[type[ast.Node], str] = {
    ast.Alias: "alias",
    ast.EnumDecl: "enum",
    ast.FunDecl: "fun",
    ast.MergeClause: "merge",
    ast.DotsClause: "dots",
    ast.UpdateClause: "update",
    ast.QueryClause: "query",
    ast.InvariantClause: "invariant",
    ast.CompatibleClause: "compatible",
    ast.HomeClause: "home",
    ast.TheoremClause: "theorem",
    ast.RuleClause: "rule",
}


def head(node: Declaration | ast.Clause) -> Span:
    """The span of keyword and name of a declaration or clause, as far as one blank stands between."""
    word = node.kind if isinstance(node, ast.TypeDecl) else WORDS[type(node)]
    name = getattr(node, "name", None)
    s = node.span
    return Span(s.file, s.line, s.column, s.line, s.column + len(word) + (1 + len(name) if name else 0))


def collect(d: Declared, files: list[File]) -> list[tuple[str, Declaration]]:
    """Enters all names; comes back with the declarations by id, without those that define a name again."""
    own: dict[str, dict[str, str]] = {f.label: {} for f in files}
    kept: list[tuple[str, Declaration]] = []
    for kinds in (ast.TypeDecl | ast.EnumDecl, ast.FunDecl | ast.Alias):
        for f in files:
            for decl in f.module.declarations:
                if isinstance(decl, kinds):
                    assert isinstance(decl, Declaration)
                    name = _enter(d, decl, f.label, own[f.label])
                    if name is not None:
                        kept.append((name, decl))
    for f in files:
        d.visible[f.label] = dict(own[f.label])
        for imported, label in f.imports:
            for name in imported.names:
                _import(d, imported, name, own[label].get(name), f.label, label)
    return kept


def _enter(d: Declared, decl: Declaration, label: str, own: dict[str, str]) -> str | None:
    name = decl.name
    builtin = BUILTIN_FUNCTIONS if isinstance(decl, ast.FunDecl) else {*BUILTIN_TYPES, "This"}
    if name in builtin:
        d.errors.add("ML216", f"`{name}` is built in", head(decl), "Choose another name.")
        return None
    shared = isinstance(decl, ast.TypeDecl | ast.EnumDecl)
    if name in own or shared and name in d.home:
        other = d.home[own.get(name, name)]
        first = d.declaration(own.get(name, name))
        place = f"in line {first.span.line}" if other == label else f"in {other}, line {first.span.line}"
        hint = "Types and enums are shared by all files of a program. " if shared and other != label else ""
        d.errors.add("ML205", f"`{name}` is already declared {place}", head(decl), f"{hint}Rename one of them.")
        return None
    unique, n = name, 1
    while unique in d.home:
        n += 1
        unique = f"{name}_{n}"
    own[name] = unique
    d.home[unique] = label
    match decl:
        case ast.Alias():
            d.aliases[unique] = decl
        case ast.EnumDecl():
            d.enum_decls[unique] = decl
            d.enums[unique] = EnumDef(unique, (), ())
            for i, (variant, _) in enumerate(decl.variants):
                d.variants[variant] = (*d.variants.get(variant, ()), (unique, i))
        case ast.FunDecl():
            d.functions[unique] = FunSig(decl, (), (), POISON)
        case ast.TypeDecl():
            d.types[unique] = TypeSig(decl, (), POISON)
    return unique


def _import(d: Declared, imported: ast.Import, name: str, found: str | None, label: str, source: str) -> None:
    if found is None:
        hint = did_you_mean(name, [n for n, home in d.home.items() if home == source])
        if name in d.home:
            hint = f"It is declared in {PurePath(d.home[name]).name}; import it from there."
        d.errors.add("ML207", f"{PurePath(source).name} does not declare `{name}`", imported.span, hint)
    elif d.visible[label].get(name, found) != found:
        other = PurePath(d.home[d.visible[label][name]]).name
        d.errors.add(
            "ML205", f"`{name}` is already the name of something in {other}", imported.span, "Rename one of them."
        )
    else:
        d.visible[label][name] = found
