"""What is inside the nodes of core trees, by the classes of the nodes: the passes walk whole trees."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TypeVar

N = TypeVar("N")


class _Fields(dict[type, tuple[str, ...]]):
    """Class -> the names of its fields, in order, but for those whose annotations name `leaves` only.

    Every class is in it; what is no dataclass has no fields.
    """

    def __init__(self, leaves: frozenset[str]) -> None:
        super().__init__()
        self._leaves = leaves

    def __missing__(self, cls: type) -> tuple[str, ...]:
        found = tuple(
            f.name
            for f in (fields(cls) if is_dataclass(cls) else ())
            if not self._leaves.issuperset(re.findall(r"\w+", str(f.type)))
        )
        self[cls] = found
        return found


_LEAVES = frozenset(("None", "bool", "int", "str", "Fraction", "Pattern", "Span", "TypeParamDef", "frozenset", "tuple"))

CHILD_FIELDS = _Fields(_LEAVES | {"Named", "Type"})
"""The fields of a node that may hold nodes, also in tuples."""
TYPED_FIELDS = _Fields(_LEAVES)
"""The fields of a node that may hold nodes or types, also in tuples."""
_ALL_FIELDS = _Fields(frozenset())


def changed(x: N, values: Mapping[str, object]) -> N:
    """A copy of a node with other values in some of its fields; the node itself if there are none."""
    if not values:
        return x
    cls = x.__class__
    return cls(**{n: values[n] if n in values else getattr(x, n) for n in _ALL_FIELDS[cls]})
