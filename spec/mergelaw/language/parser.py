"""Text to surface tree.

Lexical errors end the run, all together. After a syntax error the parser goes on at the next declaration or clause,
so that one run reports the errors of several.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from lark import Lark
from lark.lexer import Lexer, PatternStr

from mergelaw.language import ast
from mergelaw.language.automaton import Automaton, Parse
from mergelaw.language.diagnosis import Failure, begins_clause, begins_declaration, diagnose, surely_begins
from mergelaw.language.errors import SpecError, SpecErrors
from mergelaw.language.lexer import RESERVED, Lexed, Lexeme, lex
from mergelaw.language.span import Span
from mergelaw.language.tree import DEPTH_MAX, check_depth, too_deep, tree_builder

ERRORS_MAX = 20
"""Syntax errors reported of one file."""

MODULES_MAX = 64
"""Trees that `parsed` keeps."""

_STACK_MAX = 16 * DEPTH_MAX
"""States on the stack of the parser; what nests less than DEPTH_MAX levels needs fewer."""


def parse(text: str, file: str) -> ast.Module:
    """The tree of a whole file; `file` names it in spans. Raises: SpecErrors (ML0xx or ML1xx)."""
    grammar = _grammar()
    lexed = lex(text, file, grammar.terminals)
    if lexed.errors:
        raise SpecErrors(lexed.errors)
    _check_brackets_shallow(lexed)
    declarations = _Run(grammar, lexed).run()
    deep = list(check_depth(declarations))
    if deep:
        raise SpecErrors(deep)
    end = lexed.tokens[-1].span
    return ast.Module(declarations, lexed.comments, span=Span(file, 1, 1, end.end_line, end.end_column))


@lru_cache(maxsize=MODULES_MAX)
def parsed(text: str, file: str) -> ast.Module:
    """As `parse`; the trees of the last texts are kept, since programs import the same files again and again."""
    return parse(text, file)


def read_source(path: Path) -> str:
    """The text of a file, a byte order mark dropped. Raises: SpecErrors (ML005, ML007)."""
    try:
        data = path.read_bytes()
    except OSError as e:
        at = Span(str(path), 1, 1, 1, 1)
        raise SpecErrors([SpecError("ML007", f"cannot read the file: {e.strerror or e}", at)]) from e
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        good = data[: e.start].decode("utf-8-sig", errors="replace")
        line, column = good.count("\n") + 1, len(good) - (good.rfind("\n") + 1) + 1
        at = Span(str(path), line, column, line, column + 1)
        byte = data[e.start]
        error = SpecError("ML005", f"not UTF-8 text: byte 0x{byte:02x}", at, "Save the file in the encoding UTF-8.")
        raise SpecErrors([error]) from e


class _NoLexer(Lexer):
    """Stands where Lark wants a lexer; tokens are fed to the parser one by one."""

    __future_interface__ = 2

    def __init__(self, _conf: object) -> None:
        pass

    def lex(self, lexer_state: object, parser_state: object) -> Iterator[Any]:
        raise AssertionError("tokens are fed, not lexed")


class _Grammar:
    """The parser that Lark makes of grammar.lark, and what the lexer reads off it."""

    def __init__(self) -> None:
        text = resources.files("mergelaw.language").joinpath("grammar.lark").read_text("utf-8")
        lark = Lark(
            text,
            parser="lalr",
            lexer=_NoLexer,
            transformer=tree_builder(),
            keep_all_tokens=True,
            maybe_placeholders=True,
        )
        self.automaton = Automaton(lark)
        self.terminals = {t.pattern.value: t.name for t in lark.terminals if isinstance(t.pattern, PatternStr)}
        """Keyword or mark -> name of its terminal."""
        self.keywords = {n: w for w, n in self.terminals.items() if w.isidentifier() and w not in RESERVED}
        """Terminal -> keyword, of those that may be names too."""


@cache
def _grammar() -> _Grammar:
    """Made on first use: it takes a moment."""
    return _Grammar()


def _check_brackets_shallow(lexed: Lexed) -> None:
    depth = 0
    for token in lexed.tokens:
        if token.value in ("(", "[", "{"):
            depth += 1
            if depth > DEPTH_MAX:
                raise too_deep(token.span)
        elif token.value in (")", "]", "}"):
            depth = max(0, depth - 1)


class _Run:
    """One parse of one token list."""

    def __init__(self, grammar: _Grammar, lexed: Lexed) -> None:
        self.grammar = grammar
        self.tokens = lexed.tokens
        self.parse = Parse(grammar.automaton)
        self.errors: list[SpecError] = []
        self.resumed = 0
        """Index of the token at which the parser went on after the last error."""

    def run(self) -> tuple[ast.Declaration, ...]:
        """Raises: SpecErrors."""
        index = 0
        while index < len(self.tokens):
            # A token that does not fit can still lead to reductions; what was expected shows before them.
            states = list(self.parse.states)
            try:
                if len(states) > _STACK_MAX:
                    raise too_deep(self.tokens[index].span)
                if self.parse.feed(self._meant(index)):
                    index += 1
                    continue
                failure = self._failure(index, states)
                self.errors.append(diagnose(failure))
                in_type = not failure.at_top
            except SpecErrors as e:
                self.errors.extend(e.errors)
                in_type = True
            if len(self.errors) >= ERRORS_MAX or index == len(self.tokens) - 1:
                break
            index = self.resumed = self._resume(index, in_type)
        if self.errors:
            raise SpecErrors(self.errors)
        result = self.parse.result
        assert isinstance(result, tuple)
        return result

    def _meant(self, index: int) -> Lexeme:
        """The token; a keyword that the grammar has no use for here is a name."""
        token = self.tokens[index]
        if token.type in self.grammar.keywords:
            actions = self.grammar.automaton.actions[self.parse.states[-1]]
            if token.type not in actions and "NAME" in actions and not surely_begins(self.tokens, index):
                return Lexeme("NAME", token.value, token.span)
        return token

    def _failure(self, index: int, states: list[int]) -> Failure:
        """What is known of a failure; `states` are those before the token, which may have led to reductions yet."""
        automaton = self.grammar.automaton
        accepted = frozenset(t for t in automaton.terminals(states[-1]) if automaton.takes(states, t))
        words = frozenset(w for w, terminal in self.grammar.terminals.items() if terminal in accepted)
        return Failure(self.tokens, index, self.resumed, accepted, words)

    def _resume(self, index: int, in_type: bool) -> int:
        """Leaves what the parser was at for the next declaration, clause or end of a type; the index of its token."""
        while index < len(self.tokens) - 1:
            token = self.tokens[index]
            begins = begins_declaration(self.tokens, index) or (in_type and begins_clause(self.tokens, index))
            if begins and self._leave_for(token.type):
                return index
            if (
                in_type
                and token.value == "}"
                and token.span.column == 1
                and self._leave_for(token.type, outermost=True)
            ):
                return index
            index += 1
        return len(self.tokens)

    def _leave_for(self, terminal: str, outermost: bool = False) -> bool:
        """Drops parser states until one can take `terminal`; without effect and False if none does."""
        states = self.parse.states
        depths = range(1, len(states) + 1)
        for depth in depths if outermost else reversed(depths):
            if self.grammar.automaton.takes(states[:depth], terminal, at_once=not outermost):
                self.parse.back_to(depth)
                return True
        return False
