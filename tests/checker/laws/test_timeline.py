"""What a newcomer reads of a counterexample, literally."""

from __future__ import annotations

import json

from mergelaw.language import check_text
from mergelaw.language.span import Span
from mergelaw.laws.finder import Limits, refute
from mergelaw.laws.model import Counterexample, Kind, Obligation, Shown, TimelineStep
from mergelaw.laws.obligations import obligations
from mergelaw.laws.timeline import draw, to_json

LATEST = """\
type Latest {
  state { time: Time, value: Text }
  merge(a, b) = if b.time > a.time then b else a
  update set(v: Text) when t = { time = t, value = v }
  query value_now: Text = value
  theorem reads_own_write(s: This, v: Text, p: Replica):
    (s.set(v) by p).value_now == v
}
"""

TWO_WRITES = """\
refuted  Latest: commutative   (2 updates, 2 instances)
  Merge is not commutative: two instances that merge each other's states end up with different ones.

  | Time | Instance 1                              | Instance 2                                 |
  | ---- | --------------------------------------- | ------------------------------------------ |
  | t1   | set("x") when 1 → time = 1, value = "x" |                                            |
  | t2   |                                         | set("y") when 1 → time = 1, value = "y"    |
  | t3   | merge from instance 2 (no change)       |                                            |
  | t4   |                                         | merge from instance 1 as of t1 (no change) |

  a (instance 1 after t1) = { time = 1, value = "x" }
  b (instance 2 after t2) = { time = 1, value = "y" }

  merge(a, b) = { time = 1, value = "x" }
  merge(b, a) = { time = 1, value = "y" }

  They differ at value.

  latest.crdt:3:3
"""

LOST_WRITE = """\
refuted  Latest: theorem reads_own_write   (2 updates, 1 instance)
  Theorem reads_own_write does not hold: `(s.set(v) by p).value_now == v` is false.

  | Time | Instance 1                              |
  | ---- | --------------------------------------- |
  | t1   | set("x") when 1 → time = 1, value = "x" |
  | t2   | set("y") when 1 (no change)             |

  v                                   = "y"
  p                                   = 1
  s (instance 1 after t1)             = { time = 1, value = "x" }
  s.set(v) by p (instance 1 after t2) = { time = 1, value = "x" }

  (s.set(v) by p).value_now = "x"
  v                         = "y"

  latest.crdt:6:3
"""


def refuted(name: str) -> tuple[Counterexample, Obligation]:
    program = check_text(LATEST, "latest.crdt")
    obligation = next(o for o in obligations(program, "Latest") if o.name == name)
    found = refute(program, obligation, Limits(seconds=60))
    assert isinstance(found, Counterexample)
    return found, obligation


def test_a_broken_law_is_drawn_as_an_exchange_that_ends_apart() -> None:
    assert draw(*refuted("commutative")) == TWO_WRITES


def test_a_broken_theorem_is_drawn_with_its_variables_and_both_sides() -> None:
    assert draw(*refuted("theorem reads_own_write")) == LOST_WRITE


def test_pipes_do_not_end_a_cell() -> None:
    step = TimelineStep(2, 'set("|")', "")
    span = Span("f.crdt", 1, 2, 1, 3)
    counterexample = Counterexample((), (), (), (step,), 1, 1, "it fails", span)
    drawn = draw(counterexample, Obligation("T", Kind.IDEMPOTENT, None, None, span))
    assert '| t1   | set("\\|") (no change) |' in drawn
    assert "| Time | Instance 2" in drawn


def test_json_holds_all_that_is_drawn() -> None:
    found, _ = refuted("theorem reads_own_write")
    data = json.loads(json.dumps(to_json(found)))
    assert data["span"] == {"file": "latest.crdt", "line": 6, "column": 3, "end_line": 7, "end_column": 35}
    assert data["timeline"][1] == {"instance": 1, "action": 'set("y") when 1', "change": ""}
    assert data["states"][0] == {"label": "v", "literal": '"y"'}
    assert (data["updates"], data["replicas"], data["rule"]) == (2, 1, None)
    assert [Shown(r["label"], r["literal"]) for r in data["results"]] == list(found.results)
