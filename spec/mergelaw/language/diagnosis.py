"""What to say about a token that the parser cannot take.

`RULES` is tried in order; each rule knows one mistake by the token, by what the parser would have taken instead and by
the brackets that are open. Where none fits, the error lists what was expected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from mergelaw.language.errors import SpecError
from mergelaw.language.lexer import RESERVED, Lexeme

DECLARATIONS = ("import", "alias", "enum", "fun", "type", "store")
CLAUSES = (
    "state", "merge", "dots", "update", "query", "invariant", "compatible", "home", "theorem", "rule",
)  # fmt: skip

_NAMED = ("update", "query", "theorem", "rule")
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_CLAIMS = ("invariant", "compatible", "home", "theorem", "rule")
_PART_WORDS = ("by", "at", "when", "requires", "forgetting", "bounded")
_ORDER = {
    "update": "update name(x: T) by r at d when t requires condition = delta forgetting dots",
    "theorem": "theorem name(x: T) bounded 3 requires causal: claim",
}
_EXPRESSION_START = frozenset(
    (
        *("NAME", "NUMBER", "TEXT", "TRUE", "FALSE", "NONE", "LPAR", "LSQB", "LBRACE", "IF", "LET", "MATCH"),
        *("FORALL", "EXISTS", "NOT", "MINUS", "GREATEST", "LEAST"),
    )
)
_OPERATORS = frozenset(
    ["=>", "or", "and", "==", "!=", "<", "<=", ">", ">=", "in", "not", "|", "&", "+", "-", "++", "*", ".", "[", "("]
)
_TYPE_START = frozenset(("NAME", "LPAR", "LBRACE"))


# -- where declarations and clauses start ----------------------------------------------------------


def begins_declaration(tokens: Sequence[Lexeme], index: int) -> bool:
    """Whether a declaration seems to start at a token: its keyword in the first column, then a name."""
    if tokens[index].value not in DECLARATIONS or tokens[index].span.column > 1:
        return False
    return _is_word(tokens[index + 1])


def begins_clause(tokens: Sequence[Lexeme], index: int) -> bool:
    """Whether a clause seems to start at a token: its keyword at the start of a line, then what can follow it."""
    word = tokens[index].value
    if word not in CLAUSES or not _starts_line(tokens, index):
        return False
    following = [t.value for t in tokens[index + 1 : index + 7]]
    if word in _NAMED:
        return following[0] in ("(", ":") or _is_word(tokens[index + 1])
    if word == "merge":
        return following[0::2] == ["(", ",", ")"] and following[5:] == ["="]
    marks = {"dots": ("=",), "state": ("{", "("), "invariant": (":",)}.get(word, ("(",))
    return following[0] in marks or (word != "dots" and _is_name(tokens[index + 1]))


def surely_begins(tokens: Sequence[Lexeme], index: int) -> bool:
    """Whether a keyword cannot be a name here, whatever comes before: no expression has two names in a row."""
    word = tokens[index].value
    return (word in _NAMED or word in DECLARATIONS) and _starts_line(tokens, index) and _is_name(tokens[index + 1])


def _starts_line(tokens: Sequence[Lexeme], index: int) -> bool:
    return index == 0 or tokens[index - 1].span.line < tokens[index].span.line


def _is_name(token: Lexeme) -> bool:
    return token.type == "NAME"


def _is_word(token: Lexeme) -> bool:
    return token.value.isidentifier()


# -- the failure -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Failure:
    """A parser that cannot take the next token."""

    tokens: Sequence[Lexeme]
    """All tokens of the file, `$END` last."""
    index: int
    """Of the token that does not fit."""
    since: int
    """Index of the token from which on the parser has read without an error."""
    accepted: frozenset[str]
    """Terminals that would fit."""
    words: frozenset[str]
    """The same as they are written, those that are always written alike."""

    @property
    def token(self) -> Lexeme:
        """The token that does not fit."""
        return self.tokens[self.index]

    @property
    def previous(self) -> Lexeme | None:
        """The token before."""
        return self.tokens[self.index - 1] if self.index else None

    @property
    def at_end(self) -> bool:
        """Whether the file ends here."""
        return self.token.type == "$END"

    @cached_property
    def begins(self) -> bool:
        """Whether a declaration or a clause seems to start at the token."""
        return not self.at_end and (
            begins_clause(self.tokens, self.index) or begins_declaration(self.tokens, self.index)
        )

    @cached_property
    def clause(self) -> int:
        """Index of the keyword of the declaration or clause that the token stands in or ends."""
        for i in range(self.index - 1, self.since, -1):
            if begins_clause(self.tokens, i) or begins_declaration(self.tokens, i):
                return i
        return self.since

    @cached_property
    def open(self) -> tuple[Lexeme, ...]:
        """The brackets that are open before the token, outermost first; clauses and declarations start afresh."""
        stack: list[Lexeme] = []
        for i in range(self.index):
            token = self.tokens[i]
            if begins_declaration(self.tokens, i):
                stack.clear()
            elif begins_clause(self.tokens, i):
                del stack[1:]
            if token.value in _BRACKETS:
                stack.append(token)
            elif token.value in _BRACKETS.values() and stack and _BRACKETS[stack[-1].value] == token.value:
                stack.pop()
        return tuple(stack)

    @property
    def open_in_clause(self) -> tuple[Lexeme, ...]:
        """Those of them that the clause or declaration at hand has opened, the brace of a type apart."""
        start = self.tokens[self.clause]
        body = start.value in ("type", "store")
        inner = tuple(b for b in self.open if b.span > start.span)
        return inner[1:] if body and inner[:1] and inner[0].value == "{" else inner

    @property
    def at_top(self) -> bool:
        """Whether a declaration could start here."""
        return "STORE" in self.accepted

    @property
    def wants_expression(self) -> bool:
        """Whether an expression could start here."""
        return "TRUE" in self.accepted

    @property
    def wants_operator(self) -> bool:
        """Whether an expression could go on or end here."""
        return "STAR" in self.accepted

    def error(self, code: str, message: str, hint: str, at: Lexeme | None = None) -> SpecError:
        """An error at a token, this one if not told otherwise."""
        return SpecError(code, message, (at or self.token).span, hint)


def diagnose(failure: Failure) -> SpecError:
    """What to say about a failure."""
    for rule in RULES:
        error = rule(failure)
        if error is not None:
            return error
    return _expected(failure)


# -- rules -----------------------------------------------------------------------------------------


def _not_closed(f: Failure) -> SpecError | None:
    """The next clause, or another closing bracket, comes before the bracket is closed."""
    if f.begins:
        inner = f.open if begins_declaration(f.tokens, f.index) else f.open_in_clause
        before = f"line {f.token.span.line}, where {_headline(f, f.index)} starts."
    elif f.token.value in _BRACKETS.values():
        inner = tuple(b for b in f.open_in_clause[-1:] if _BRACKETS[b.value] != f.token.value)
        before = f"the `{f.token.value}` at {f.token.span.line}:{f.token.span.column}."
    else:
        return None
    if not inner:
        return None
    hint = f"Close it with `{_BRACKETS[inner[-1].value]}` before {before}"
    return f.error("ML103", f"this `{inner[-1].value}` is never closed", hint, inner[-1])


def _never_opened(f: Failure) -> SpecError | None:
    opened = f.open if f.token.value == "}" else f.open_in_clause
    if f.token.value not in _BRACKETS.values() or opened:
        return None
    hint = "Delete it, or look for a bracket that closes too early above."
    return f.error("ML104", f"this `{f.token.value}` closes nothing", hint)


def _if_without_else(f: Failure) -> SpecError | None:
    goes_on = _is_name(f.token) or f.token.type in _EXPRESSION_START
    if "ELSE" not in f.accepted or (goes_on and not f.begins):
        return None
    hint = "Both branches are needed: `if c then x else y`. In a delta the empty branch is `{}`."
    return f.error("ML114", "`if` without `else`", hint, _last(f, "if"))


def _file_ends(f: Failure) -> SpecError | None:
    if not f.at_end:
        return None
    if f.open:
        opener = f.open[-1]
        place = f"{opener.span.line}:{opener.span.column}"
        hint = f"Close it with `{_BRACKETS[opener.value]}`."
        return f.error("ML102", f"the file ends, and the `{opener.value}` at {place} is still open", hint)
    return f.error("ML102", "the file ends too early", _expected(f).hint)


def _empty_brackets(f: Failure) -> SpecError | None:
    if f.previous is None or _BRACKETS.get(f.previous.value) != f.token.value:
        return None
    pair = f.previous.value + f.token.value
    hint = {
        "()": "An empty value of any type is `{}`.",
        "[]": "Between them stands a key, a type, or a type parameter.",
        "{}": "A record type has a field, an enum a variant, a `match` a case, an `each` an entry.",
    }[pair]
    return f.error("ML115", f"`{pair}` is empty", hint, f.previous)


def _body_missing(f: Failure) -> SpecError | None:
    """A clause is over before its body starts."""
    if not (f.begins or f.token.value == "}") or f.previous is None:
        return None
    mark = f.words & {"=", ":"}
    if f.previous.value in ("=", ":") and f.wants_expression and f.tokens[f.clause].value in CLAUSES:
        hint = f"An expression follows the `{f.previous.value}`."
    elif mark and not f.wants_operator and len(mark) == 1:
        hint = f"`{next(iter(mark))}` and its body follow."
    else:
        return None
    return f.error("ML116", f"{_headline(f, f.clause)} without a body", hint, f.previous)


def _name_missing(f: Failure) -> SpecError | None:
    keywords = (*DECLARATIONS, *_NAMED)
    if f.accepted != {"NAME"} or f.previous is None or f.previous.value not in keywords or f.token.type in _RESERVED:
        return None
    example = {"import": 'import ORSet from "or_set.crdt"'}.get(f.previous.value, f"{f.previous.value} a_name …")
    return f.error("ML116", f"`{f.previous.value}` without a name", f"Write `{example}`.")


def _keyword_as_name(f: Failure) -> SpecError | None:
    if f.token.value not in RESERVED or "NAME" not in f.accepted or f.wants_expression:
        return None
    return f.error("ML106", f"`{f.token.value}` is a keyword and cannot be a name", "Choose another name.")


def _part_out_of_order(f: Failure) -> SpecError | None:
    keyword = f.tokens[f.clause].value
    word = f.token.value
    if word not in _PART_WORDS or keyword not in _ORDER or f.open[1:]:
        return None
    earlier = any(t.value == word for t in f.tokens[f.clause + 2 : f.index])
    message = f"a second `{word}` in one clause" if earlier else f"`{word}` in the wrong place"
    return f.error("ML108", message, f"The order is: `{_ORDER[keyword]}`.")


def _type_missing(f: Failure) -> SpecError | None:
    keyword = f.tokens[f.clause].value
    if ":" not in f.words or f.previous is None:
        return None
    if f.token.value == "=" and keyword in ("query", "fun"):
        name = f.tokens[f.clause + 1].value
        params = "(…)" if f.tokens[f.clause + 2].value == "(" else ""
        hint = f"Write `{keyword} {name}{params}: Type = …`."
        return f.error("ML112", f"{_headline(f, f.clause)} has no result type", hint, f.previous)
    if f.token.value in (",", ")") and f.words == {":"}:
        name = f.previous.value
        return f.error("ML112", f"the parameter `{name}` has no type", f"Write `{name}: Type`.", f.previous)
    return None


def _equals(f: Failure) -> SpecError | None:
    """`=`, `==` and `:` taken for each other."""
    word = f.token.value
    keyword = f.tokens[f.clause].value
    if word == "=" and ":" in f.words and keyword in _CLAIMS:
        return f.error("ML113", f"`=` instead of `:` in `{keyword}`", "A claim follows a colon, a definition an `=`.")
    if word in ("==", ":") and "=" in f.words:
        return f.error("ML113", f"`{word}` instead of `=`", "A definition is written `name = expression`.")
    if word == "=" and f.wants_operator:
        return f.error("ML113", "`=` in an expression", "A comparison is written `a == b`.")
    return None


def _binder_type(f: Failure) -> SpecError | None:
    before = [t.value for t in f.tokens[max(0, f.index - 4) : f.index]]
    if f.token.value != ":" or len(before) < 4 or before[0] not in ("forall", "exists") or before[2] != ":":
        return None
    hint = f"Write `{before[0]} ({before[1]}: {before[3]}): …`."
    return f.error("ML101", "unexpected `:`; a variable with a type stands in parentheses", hint)


def _unknown_kind(f: Failure) -> SpecError | None:
    word = f.token.value
    if not word.isidentifier() or f.token.type in _RESERVED:
        return None
    in_type, at_top = "UPDATE" in f.accepted, f.at_top
    starts_line = _starts_line(f.tokens, f.index)
    if at_top and word in CLAUSES:
        hint = "It belongs between the braces of a `type` or `store`; is there a `}` too many above?"
        return f.error("ML111", f"`{word}` outside of a type", hint)
    if in_type and word in DECLARATIONS:
        hint = "Declarations stand at the top of the file; is there a `}` missing above?"
        return f.error("ML111", f"`{word}` inside of a type", hint)
    if (in_type or at_top) and (starts_line or not f.wants_operator):
        kind, words = ("clause", CLAUSES) if in_type else ("declaration", DECLARATIONS)
        near = get_close_matches(word, words, 1)
        hint = f"Did you mean `{near[0]}`?" if near else f"One of these starts a {kind}: {', '.join(words)}."
        return f.error("ML111", f"`{word}` starts no {kind}", hint)
    return None


RULES: tuple[Callable[[Failure], SpecError | None], ...] = (
    _not_closed,
    _never_opened,
    _if_without_else,
    _file_ends,
    _empty_brackets,
    _body_missing,
    _name_missing,
    _keyword_as_name,
    _part_out_of_order,
    _type_missing,
    _binder_type,
    _equals,
    _unknown_kind,
)

_RESERVED = frozenset(w.upper() for w in RESERVED) | {"UNDERSCORE", "LET_IN"}


# -- the general case ------------------------------------------------------------------------------


def _expected(f: Failure) -> SpecError:
    """Says what was expected."""
    words = set(f.words)
    named: list[str] = []
    if f.wants_expression:
        named.append("an expression")
        words -= {"(", "[", "{", "not", "-", *RESERVED} - {"each", "forget"}
    elif f.accepted >= _TYPE_START:
        named.append("a type")
        words -= {"(", "{"}
    elif "NAME" in f.accepted:
        named.append("a name")
    elif "NUMBER" in f.accepted:
        named.append("a number")
    elif "TEXT" in f.accepted:
        named.append("a text literal")
    if f.wants_operator:
        named.append("an operator")
        words -= _OPERATORS
        if "LET_IN" in f.accepted:
            words.add("in")
    for kind, keywords in ("a clause", CLAUSES), ("a declaration", DECLARATIONS):
        if words.issuperset(keywords):
            named.append(kind)
            words -= set(keywords)
    named += [f"`{w}`" for w in sorted(words)]
    listed = named[0] if len(named) == 1 else ", ".join(named[:-1]) + " or " + named[-1]
    return f.error("ML101", f"unexpected {_shown(f)}", f"Expected here: {listed}.")


def _shown(f: Failure) -> str:
    """The token as a message names it."""
    value = f.token.value
    return "end of file" if f.at_end else f"`{value if len(value) <= 40 else value[:37] + '...'}`"


def _headline(f: Failure, index: int) -> str:
    """The keyword of a clause or declaration, and its name if it has one."""
    name = f.tokens[index + 1]
    return f"`{f.tokens[index].value} {name.value}`" if _is_word(name) else f"`{f.tokens[index].value}`"


def _last(f: Failure, word: str) -> Lexeme | None:
    """The last token before this one that is `word`."""
    return next((t for t in reversed(f.tokens[: f.index]) if t.value == word), None)
