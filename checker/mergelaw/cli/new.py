"""`mergelaw new`: a first version of a type, with a flaw that `verify` finds."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from mergelaw.laws.report import Status

TEMPLATE = """\
// How often something happened, counted at every instance.
//
// This first version is wrong: `mergelaw verify {file}` shows two instances that lose a count.
// To mend it, keep one total for each replica, `counts: Map[Replica, Nat]`, let `add` change only its own,
// and merge them with `{{ r -> max(a.counts[r], b.counts[r]) }}`.
type {name} {{
  state {{ total: Nat }}

  merge(a, b) = {{ total = max(a.total, b.total) }}

  rule all_count(add): "Concurrent adds are all counted, and each of them once."

  update add(n: Nat) by r = {{ total = total + n }}

  query value: Nat = total

  theorem all_count(s: This, m: Nat, n: Nat, p: Replica, q: Replica):
    merge(s.add(m) by p, s.add(n) by q).value == s.value + m + n
}}
"""


def new(name: str, folder: Path) -> Status:
    """Writes `folder/NAME.crdt`, in snake case, and tells the next step; never overwrites a file (WRONG_INPUT)."""
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
        print(f"error: `{name}` is no name for a type; take one such as Cart or BoundedCounter", file=sys.stderr)
        return Status.WRONG_INPUT
    path = folder / file_name(name)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(TEMPLATE.format(name=name, file=path.name))
    except FileExistsError:
        print(f"error: {path.name} is already there", file=sys.stderr)
        return Status.WRONG_INPUT
    except OSError as e:
        print(f"error: cannot write {path}: {e.strerror}", file=sys.stderr)
        return Status.WRONG_INPUT
    print(f"{path.name} is written. Next: mergelaw verify {path.name}")
    return Status.HOLDS


def file_name(type_name: str) -> str:
    """`ORSet` -> `or_set.crdt`, `Cart` -> `cart.crdt`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type_name)
    return f"{words.lower()}.crdt"
