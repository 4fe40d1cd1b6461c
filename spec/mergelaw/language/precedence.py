"""How tightly operators bind: the parser groups by this table, and the printer saves parentheses by it."""

from __future__ import annotations

IMPLIES, OR, AND, NOT, COMPARE, UNION, INTERSECT, ADD, MULTIPLY, NEGATE, APPLIED, POSTFIX = range(1, 13)
"""Levels, loosest first. APPLIED is `s.add(e) by p`, POSTFIX everything that binds tighter, and atoms."""

TAIL = 0
"""`if`, `let` and quantifiers: they extend as far right as they can."""

BINARY: dict[str, int] = {
    "=>": IMPLIES,
    "or": OR,
    "and": AND,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in", "not_in"), COMPARE),
    "|": UNION,
    "&": INTERSECT,
    **dict.fromkeys(("+", "-", "++"), ADD),
    "*": MULTIPLY,
}
"""The level of each binary operator. All group to the left, except `=>` (right) and comparisons (not at all)."""

UNARY: dict[str, int] = {"not": NOT, "-": NEGATE}
"""The level of each prefix operator; its operand may be of the same level."""
