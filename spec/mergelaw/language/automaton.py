"""The LALR(1) automaton that Lark makes of a grammar, run token by token.

Lark runs it too, but hashes a whole rule at every reduction, and does not say what else it would take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lark import Lark
from lark.parsers.lalr_analysis import Shift

from mergelaw.language.lexer import Lexeme


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """Puts one value for the last `size` ones: what is built of them."""

    size: int
    origin: str
    """The name of the rule."""
    build: Callable[[list[object]], object]


class Automaton:
    """The states, and what each does with a terminal or a rule: go to a state, or reduce first."""

    def __init__(self, lark: Lark) -> None:
        conf = lark.parse_interactive().parser_state.parse_conf
        builders: Mapping[Any, Any] = conf.callbacks
        reductions = {r: Reduction(len(r.expansion), r.origin.name, builders[r]) for r in lark.rules}
        self.start: int = conf.start_state
        self.end: int = conf.end_state
        self.actions: dict[int, dict[str, int | Reduction]] = {
            state: {name: to if action is Shift else reductions[to] for name, (action, to) in actions.items()}
            for state, actions in conf.states.items()
        }

    def goto(self, state: int, origin: str) -> int:
        """The state after a rule."""
        to = self.actions[state][origin]
        assert isinstance(to, int)
        return to

    def terminals(self, state: int) -> list[str]:
        """The terminals that fit, but for those that turn out not to after reductions."""
        return [name for name in self.actions[state] if name.isupper()]

    def takes(self, states: Sequence[int], terminal: str, at_once: bool = False) -> bool:
        """Whether `terminal` fits after these states, after reductions if not `at_once`."""
        stack = list(states)
        while True:
            action = self.actions[stack[-1]].get(terminal)
            if action is None or isinstance(action, int) or at_once:
                return isinstance(action, int)
            if action.size:
                del stack[-action.size :]
            stack.append(self.goto(stack[-1], action.origin))
            if stack[-1] == self.end:
                return True


class Parse:
    """One run of the automaton."""

    def __init__(self, automaton: Automaton) -> None:
        self.automaton = automaton
        self.states = [automaton.start]
        """The states gone through, without those that reductions took back."""
        self._values: list[object] = []
        """What was read between two states, one fewer than these."""

    @property
    def result(self) -> object:
        """What was built last: at the end, of the whole text."""
        return self._values[-1]

    def feed(self, token: Lexeme) -> bool:
        """Whether the token fits, which is then read. A token that does not fit can still lead to reductions.

        Raises: what building raises. What it was to build of is then gone.
        """
        actions, end = self.automaton.actions, self.automaton.end
        states, values = self.states, self._values
        while True:
            action = actions[states[-1]].get(token.type)
            if action is None:
                return False
            if isinstance(action, int):
                states.append(action)
                values.append(token)
                return True
            parts: list[object] = []
            if action.size:
                parts = values[-action.size :]
                del states[-action.size :], values[-action.size :]
            value = action.build(parts)
            states.append(self.automaton.goto(states[-1], action.origin))
            values.append(value)
            if states[-1] == end:
                return True

    def back_to(self, depth: int) -> None:
        """Forgets all but the first `depth` states."""
        del self.states[depth:], self._values[depth - 1 :]
