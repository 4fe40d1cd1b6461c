"""Results that are remembered for as long as the program they are about."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from mergelaw.language.core import Program

P = ParamSpec("P")
R = TypeVar("R")


def per_program(compute: Callable[Concatenate[Program, P], R]) -> Callable[Concatenate[Program, P], R]:
    """`compute`, done once for each program and further arguments, which must be hashable.

    Programs are told apart by identity, and take what is remembered of them along when they go.
    """
    name = f"{compute.__module__}.{compute.__qualname__}"

    @wraps(compute)
    def remembered(program: Program, /, *args: P.args, **kwargs: P.kwargs) -> R:
        table: dict[object, R] = program.__dict__.setdefault(name, {})
        key = (args, *kwargs.items())
        if key not in table:
            table[key] = compute(program, *args, **kwargs)
        return table[key]

    return remembered
