"""What a program declares, as far as clauses need to know it of one another: names, parameters, states, signatures."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mergelaw.language import ast
from mergelaw.language.core import EnumDef, EnumT, Named, ParamT, RecordT, Type, TypeParamDef, substitute
from mergelaw.language.errors import SpecError
from mergelaw.language.span import Span

BUILTIN_TYPES = {"Bool": 0, "Nat": 0, "Int": 0, "Real": 0, "Text": 0, "Time": 0, "Replica": 0, "Dot": 0} | {
    "Set": 1,
    "Map": 2,
    "Option": 1,
    "Seq": 1,
}
"""Name -> number of type arguments."""

BUILTIN_FUNCTIONS = frozenset(
    "merge keys sum count max min monus dots some length first last init rest starts_with".split()  # noqa: SIM905
)


Owners = tuple[tuple[str, int], ...]
"""Enums that have a variant of some name, each with its number."""

Declaration = ast.Alias | ast.EnumDecl | ast.FunDecl | ast.TypeDecl


@dataclass(frozen=True)
class QuerySig:
    """What callers know of a query."""

    params: tuple[tuple[str, Type], ...]
    result: Type


@dataclass(frozen=True)
class UpdateSig:
    """What callers know of an update."""

    params: tuple[tuple[str, Type], ...]
    dots: int
    """Number of names after `at`."""


@dataclass
class TypeSig:
    """A declared type before its clauses are checked."""

    decl: ast.TypeDecl
    params: tuple[TypeParamDef, ...]
    state: Type
    queries: dict[str, QuerySig] = field(default_factory=dict)
    updates: dict[str, UpdateSig] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name."""
        return self.decl.name

    @property
    def is_store(self) -> bool:
        """Whether it is declared `store`."""
        return self.decl.kind == "store"

    @property
    def self_type(self) -> Named:
        """The type applied to its own parameters."""
        return Named(self.name, tuple(ParamT(p.name, p.bound) for p in self.params))

    @property
    def own_merge(self) -> bool:
        """Whether it writes its own merge."""
        return any(isinstance(c, ast.MergeClause) for c in self.decl.clauses)

    @property
    def own_dots(self) -> bool:
        """Whether it says which of its dots are live."""
        return any(isinstance(c, ast.DotsClause) for c in self.decl.clauses)


@dataclass(frozen=True)
class FunSig:
    """What callers know of a function."""

    decl: ast.FunDecl
    type_params: tuple[TypeParamDef, ...]
    params: tuple[tuple[str, Type], ...]
    result: Type


class Errors:
    """The errors found so far."""

    def __init__(self) -> None:
        self.found: list[SpecError] = []

    def add(self, code: str, message: str, span: Span, hint: str = "") -> None:
        """Records an error; one that says the same of the same place is dropped."""
        error = SpecError(code, message, span, hint)
        if error not in self.found:
            self.found.append(error)


@dataclass
class Declared:
    """All declarations of a program by id; of types and enums that is their name."""

    errors: Errors
    types: dict[str, TypeSig] = field(default_factory=dict)
    enums: dict[str, EnumDef] = field(default_factory=dict)
    functions: dict[str, FunSig] = field(default_factory=dict)
    aliases: dict[str, ast.Alias] = field(default_factory=dict)
    variants: dict[str, Owners] = field(default_factory=dict)
    """Variant -> all enums that have one of this name."""
    mentioned: dict[str, dict[str, Owners]] = field(default_factory=dict)
    """File -> what `owners` answered."""
    home: dict[str, str] = field(default_factory=dict)
    """Id -> the file that declares it."""
    visible: dict[str, dict[str, str]] = field(default_factory=dict)
    """File -> name -> id, of what it declares or imports."""
    enum_decls: dict[str, ast.EnumDecl] = field(default_factory=dict)
    library: Mapping[str, str] = field(default_factory=dict)
    """File name in small letters without underscores -> path below the library folder, for hints."""

    def declaration(self, name: str) -> Declaration:
        """What has this id."""
        if name in self.types:
            return self.types[name].decl
        if name in self.functions:
            return self.functions[name].decl
        return self.aliases[name] if name in self.aliases else self.enum_decls[name]

    def meaning(self, name: str, file: str) -> str | None:
        """The id of what `name` means in a file; None iff the file neither declares nor imports it."""
        return self.visible.get(file, {}).get(name)

    def owners(self, variant: str, file: str) -> Owners:
        """All enums that have a variant of this name, which a file mentions."""
        found = self.variants.get(variant, ())
        self.mentioned.setdefault(file, {})[variant] = found
        return found

    def import_hint(self, name: str) -> str:
        """A sentence that says how to import `name`, where the library has a file named after it."""
        path = self.library.get(name.lower())
        return f'The library has one: `import {name} from "{path}"`.' if path else ""

    def state_type(self, t: Named) -> Type:
        """The state of an instance of a declared type, one layer unfolded."""
        sig = self.types[t.name]
        return substitute(sig.state, environment(sig.params, t.args))

    def enum_variants(self, t: EnumT) -> tuple[tuple[str, tuple[tuple[str, Type], ...]], ...]:
        """The variants of an instance of an enum."""
        d = self.enums[t.name]
        env = environment(d.params, t.args)
        return tuple((n, tuple((f, substitute(ft, env)) for f, ft in fs)) for n, fs in d.variants)

    def fields(self, t: Type) -> RecordT | None:
        """The fields of a record or of a declared type whose state is one."""
        while isinstance(t, Named):
            t = self.state_type(t)
        return t if isinstance(t, RecordT) else None


def environment(params: tuple[TypeParamDef, ...], args: tuple[Type, ...]) -> dict[str, Type]:
    """Parameter name -> argument."""
    return {p.name: a for p, a in zip(params, args, strict=True)}


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """A sentence that suggests the nearest of `candidates`, or nothing where none is near."""
    near = difflib.get_close_matches(name, sorted(set(candidates)), 1, 0.6)
    return f"Did you mean `{near[0]}`?" if near else ""


def listing(label: str, names: Iterable[str]) -> str:
    """`Its fields are: a, b.`, or nothing where there are none."""
    names = list(names)
    return f"{label}: {', '.join(names)}." if names else ""


def sentences(*parts: str) -> str:
    """The non-empty parts, a blank between two."""
    return " ".join(p for p in parts if p)
