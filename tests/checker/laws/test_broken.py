"""Wrong designs are refuted at the property that is really broken, and at no other; their repaired twins are proved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from mergelaw.language import check_file
from mergelaw.language.core import Program, TupleT, substitute
from mergelaw.laws.finder import Limits
from mergelaw.laws.instances import instance
from mergelaw.laws.model import Counterexample, Result, TimelineStep, Verdict
from mergelaw.laws.prove import verify_type
from mergelaw.semantics.context import EMPTY, CausalContext
from mergelaw.semantics.engine import Delta
from mergelaw.semantics.interpreter import Interpreter
from mergelaw.semantics.literals import read, show
from mergelaw.semantics.values import Raw

BROKEN = Path(__file__).resolve().parents[2] / "broken"
REPAIRED = BROKEN / "repaired"
REPLICAS = 3
"""The most replicas of a counterexample."""


@dataclass(frozen=True)
class Wrong:
    """A wrong design: all obligations of its file are proved, but for those named here."""

    file: str
    type: str
    refuted: dict[str, int]
    """Refuted obligations with the updates of their smallest counterexamples; first the one that shows the mistake."""

    @property
    def fault(self) -> str:
        """The obligation that shows the mistake; any others fail along with it."""
        return next(iter(self.refuted))


TABLE = [
    Wrong("no_tie_break", "LatestWrite", {"commutative": 2}),
    Wrong("merged_by_addition", "AddedUp", {"idempotent": 1}),
    Wrong("cause_else_time", "HybridRegister", {"associative": 3}),
    Wrong("two_phase_set", "TwoPhaseSet", {"theorem added": 2}),
    Wrong("below_zero", "Stock", {"invariant never_negative by merge": 3}),
    Wrong(
        "covering_clock",
        "ClockedSet",
        {"theorem stays_removed": 2, "commutative": 2, "associative": 3},
    ),
    Wrong("conditional_delete", "Entry", {"associative": 3, "frame put": 2}),
    Wrong("counter_in_map", "CounterMap", {"theorem remove_cancels_only_what_it_saw": 3}),
    Wrong("one_count_flag", "Flag", {"theorem off_when_all_seen": 4, "associative": 4}),
    Wrong("collected_too_early", "CollectedSet", {"theorem stays_removed": 3, "associative": 3}),
    Wrong("torn_row", "Row", {"theorem row_is_written_whole": 2}),
    Wrong("epoch_number", "ClearedSet", {"theorem clear_wins": 3}),
    Wrong("shared_dot", "PairSet", {"compatible a dot lives in one place by delta of add_both": 1}),
    Wrong("hidden_footprint", "TrimmedSet", {"frame remove": 2}),
    Wrong("blind_write", "SiblingRegister", {"theorem seen_is_replaced": 2}),
    Wrong("same_tick", "TimedSet", {"theorem removed": 2}),
    Wrong("reset_by_subtraction", "Resettable", {"theorem resets_count_once": 3}),
    Wrong("overtaking_reset", "CancelledCounter", {"theorem never_negative": 2}),
    Wrong("credited_elsewhere", "Likes", {"home own by delta of like elsewhere": 1}),
    Wrong("average", "Mean", {"associative": 2}),
    Wrong("common_slots", "Slots", {"associative": 2}),
    Wrong("warmest", "Warmest", {"identity": 1}),
]
NAMES = [w.file for w in TABLE]
wrong_designs = pytest.mark.parametrize("wrong", TABLE, ids=NAMES)


@cache
def program(path: Path) -> Program:
    return check_file(path)


@cache
def results(path: Path, updates: int = 3) -> dict[str, dict[str, Result]]:
    """Type -> obligation -> result, for the types that the file itself declares."""
    limits = Limits(updates=updates, replicas=REPLICAS, seconds=30)
    own = [d.name for d in program(path).types.values() if d.span.file == str(path)]
    assert own
    return {n: {r.obligation.name: r for r in verify_type(program(path), n, limits=limits)} for n in own}


def results_of(wrong: Wrong) -> dict[str, dict[str, Result]]:
    return results(BROKEN / f"{wrong.file}.crdt", max(wrong.refuted.values()))


def counterexample(wrong: Wrong, obligation: str) -> Counterexample:
    found = results_of(wrong)[wrong.type][obligation].counterexample
    assert found is not None
    return found


@wrong_designs
def test_wrong_design_is_refuted_just_where_the_table_says(wrong: Wrong) -> None:
    verdicts = {
        (t, name): r.verdict
        for t, by_name in results_of(wrong).items()
        for name, r in by_name.items()
        if r.verdict is not Verdict.PROVED
    }
    assert verdicts == {(wrong.type, name): Verdict.REFUTED for name in wrong.refuted}


@wrong_designs
def test_counterexample_is_small(wrong: Wrong) -> None:
    for name, updates in wrong.refuted.items():
        found = counterexample(wrong, name)
        assert found.updates == updates
        assert found.because
    assert 1 <= counterexample(wrong, wrong.fault).replicas <= REPLICAS


@wrong_designs
def test_counterexample_replays(wrong: Wrong) -> None:
    for name in wrong.refuted:
        replay = Replay(program(BROKEN / f"{wrong.file}.crdt"), wrong.type)
        found = counterexample(wrong, name)
        for step in found.timeline:
            replay.run(step)
        compared = replay.compare(found)
        assert compared, found.states
        assert all(computed == shown for computed, shown in compared)


@pytest.mark.parametrize("name", NAMES)
def test_repaired_twin_is_proved(name: str) -> None:
    every = [r for by_name in results(REPAIRED / f"{name}.crdt").values() for r in by_name.values()]
    assert every
    assert {r.obligation.name: r.verdict for r in every if r.verdict is not Verdict.PROVED} == {}


def test_table_holds_every_file() -> None:
    assert sorted(NAMES) == sorted(p.stem for p in BROKEN.glob("*.crdt"))
    assert sorted(NAMES) == sorted(p.stem for p in REPAIRED.glob("*.crdt"))


@wrong_designs
def test_file_tells_what_is_wanted_where_it_comes_from_and_what_goes_wrong(wrong: Wrong) -> None:
    design = Design(wrong.file)
    assert design.wants
    assert design.source
    assert design.wrong
    assert f"{wrong.file}.crdt" in opening_comment(REPAIRED / f"{wrong.file}.crdt")


# -- the README's table is made of the files and of the table above --------------------------------


def opening_comment(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next(i for i, line in enumerate(lines) if not line.startswith("//"))
    return "\n".join(line.removeprefix("//").strip() for line in lines[:end])


class Design:
    """What the opening comment of a wrong design says."""

    def __init__(self, name: str) -> None:
        form = r"(?P<wants>.*)\n\n(?P<source>(?:Known from|Invented).*)\nWrong: (?P<wrong>.*)"
        parts = re.fullmatch(form, opening_comment(BROKEN / f"{name}.crdt"), re.DOTALL)
        assert parts is not None, name
        self.wants, self.source, self.wrong = (parts[n].replace("\n", " ") for n in ("wants", "source", "wrong"))


def rows() -> str:
    lines = ["| design | what goes wrong | refuted | updates | repaired |", "| --- | --- | --- | ---: | --- |"]
    for w in TABLE:
        link, twin = f"[{w.file}]({w.file}.crdt)", f"[twin](repaired/{w.file}.crdt)"
        what = first_sentence(Design(w.file).wrong)
        lines.append(f"| {link} | {what} | {w.fault} | {w.refuted[w.fault]} | {twin} |")
    return "\n".join(lines)


def first_sentence(text: str) -> str:
    sentence = re.match(r".*?\.(?= [A-Z]|$)", text)
    assert sentence is not None
    return sentence[0][0].upper() + sentence[0][1:]


def test_readme_has_the_table() -> None:
    text = (BROKEN / "README.md").read_text(encoding="utf-8")
    assert f"\n{rows()}\n" in text, rows()


# -- replaying a timeline from its text --------------------------------------------------------------

CALL = r"(?P<update>\w+)\((?P<args>.*)\)(?: at (?P<dots>[\d., -]+?))?(?: when (?P<when>\d+))?"
UPDATE = re.compile(CALL)
RECEIVE = re.compile(rf"receive {CALL} from instance (?P<instance>\d+)")
MERGE = re.compile(r"merge from instance (?P<instance>\d+)(?: again)?(?: as of t(?P<time>\d+))?")
PLACE = re.compile(r"(?P<name>.*) \((?:instance (?P<instance>\d+) after t(?P<time>\d+)|before any update)\)")

Held = tuple[Raw, CausalContext]


class Replay:
    """The instances of a timeline, driven by the interpreter from nothing but what the timeline says."""

    def __init__(self, declared: Program, name: str) -> None:
        self.program, self.type = instance(declared, name)
        self.engine = Interpreter(self.program, self.type)
        self.zero: Held = (self.engine.zero(), EMPTY)
        self.rows: list[dict[int, Held]] = [{}]
        """After each step, the state of every instance that has one."""
        self.deltas: dict[tuple[int, str], Delta] = {}
        self.taken: dict[int, int] = {}

    def held(self, replica: int, time: int = -1) -> Held:
        return self.rows[time].get(replica, self.zero)

    def run(self, step: TimelineStep) -> None:
        if found := MERGE.fullmatch(step.action):
            other = self.held(int(found["instance"]), int(found["time"] or -1))
            after = self.merge(self.held(step.instance), other)
        elif found := RECEIVE.fullmatch(step.action):
            sent = step.action.removeprefix("receive ").partition(" from instance ")[0]
            after = self.applied(step.instance, self.deltas[int(found["instance"]), sent])
        else:
            found = UPDATE.fullmatch(step.action)
            assert found is not None, step.action
            after = self.applied(step.instance, self.update(step, found))
        self.rows.append({**self.rows[-1], step.instance: after})

    def update(self, step: TimelineStep, found: re.Match[str]) -> Delta:
        name, by = found["update"], step.instance
        definition = self.engine.program.types[self.type.name].update(name)
        arguments = dict(zip(self.type_params, self.type.args, strict=True))
        types = tuple(substitute(t, arguments) for _, t in definition.params)
        args = tuple(read(self.program, TupleT(types), f"({found['args']})")) if types else ()
        first = self.taken.get(by, 0) + 1
        dots = tuple((by, first + i) for i in range(self.engine.dots_taken(name)))
        self.taken[by] = dots[-1][1]
        value, seen = self.held(by)
        delta = self.engine.update(name, value, seen, args, by, dots, int(found["when"] or 0))
        self.deltas[by, step.action] = delta
        return delta

    @property
    def type_params(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.program.types[self.type.name].params)

    def applied(self, replica: int, delta: Delta) -> Held:
        return self.merge(self.held(replica), (delta.value, delta.context))

    def merge(self, left: Held, right: Held) -> Held:
        return self.engine.merge(*left, *right), left[1] | right[1]

    def compare(self, found: Counterexample) -> list[tuple[str, str]]:
        """For each state that is shown, and each merge of such states: what comes out here, and what is shown."""
        states: dict[str, Held] = {"zero": self.zero}
        out = []
        for s in found.states:
            if place := PLACE.fullmatch(s.label):
                held = self.zero if place["instance"] is None else self.held(int(place["instance"]), int(place["time"]))
                states[place["name"]] = held
                out.append((self.show(held), s.literal))
            elif " (the delta of " in s.label:
                (delta,) = self.deltas.values()
                states[s.label.partition(" ")[0]] = (delta.value, delta.context)
                out.append((self.show((delta.value, delta.context)), s.literal))
        for r in found.results:
            names: dict[str, object] = {"merge": self.merge, **states}
            if re.fullmatch(r"[\w(), ]+", r.label) and set(re.findall(r"\w+", r.label)) <= names.keys():
                out.append((self.show(eval(r.label, {}, names)), r.literal))
        return out

    def show(self, held: Held) -> str:
        return show(self.program, self.type, held[0])
