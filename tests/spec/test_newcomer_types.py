"""Types written from spec/README.md alone: all is proved, and each part of their text is needed for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergelaw.language import SpecErrors, check_file, check_text, format_module, parse
from mergelaw.laws.finder import Limits
from mergelaw.laws.model import Verdict
from mergelaw.laws.prove import verify_type
from mergelaw.semantics.engine import UpdateRefused
from mergelaw.semantics.types import load

FOLDER = Path(__file__).parent / "newcomer"
FILES = sorted(FOLDER.glob("*.crdt"))
COUNTER, FLAG, CART = "bounded_counter.crdt", "enable_wins_flag.crdt", "cart.crdt"
SMALL = Limits(updates=3, replicas=2, seconds=20.0)


@pytest.mark.parametrize("path", FILES, ids=[f.stem for f in FILES])
def test_newcomer_types_are_proved(path: Path) -> None:
    program = check_file(path)
    (name,) = (n for n in program.main if n in program.types)
    results = verify_type(program, name)
    assert [r.obligation.name for r in results if r.verdict is not Verdict.PROVED] == []
    assert len(program.types[name].theorems) >= 8


@pytest.mark.parametrize("path", FILES, ids=[f.stem for f in FILES])
def test_newcomer_types_are_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_module(parse(text, path.name)) == text


# One change each that a newcomer may well make, and the obligation that catches it.
CHANGES = [
    (
        COUNTER,
        "{ size = pots[(r, giver)].size, gone = pots[(r, giver)].gone + n } }",
        "{ gone = pots[(r, giver)].gone + n } }",
        "invariant within by delta of take",
    ),
    (COUNTER, "by r requires n <= left(r, giver) =", "by r =", "invariant within by delta of take"),
    (COUNTER, "by r requires n <= left(r, giver) =", "by r requires n <= stock =", "invariant within by delta of take"),
    (COUNTER, " and to != r", "", "theorem given"),
    (FLAG, "= { marks = {d} } forgetting marks", "= if on then {} else { marks = {d} }", "theorem enable_wins"),
    (FLAG, "{ forget marks }", "{}", "theorem stays_off"),
    (CART, "= some(-n) }", "= some(-n) } forgetting lines[product]", "theorem both_reductions_count"),
    (CART, "{ forget lines[product] }", "{}", "theorem remove_leaves_the_new"),
    (CART, "{ forget lines }", "{}", "theorem cleared"),
]


@pytest.mark.parametrize(("file", "old", "new", "caught"), CHANGES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CHANGES)])
def test_newcomer_types_fall_with_each_part(file: str, old: str, new: str, caught: str) -> None:
    text = (FOLDER / file).read_text(encoding="utf-8")
    assert old in text
    program = check_text(text.replace(old, new, 1), file)
    (name,) = (n for n in program.main if n in program.types)
    (result,) = [r for r in verify_type(program, name, only=caught, limits=SMALL) if r.obligation.name == caught]
    assert result.verdict is Verdict.REFUTED
    assert result.counterexample is not None
    assert result.counterexample.replicas <= 2


def test_bounded_counter_refuses_what_it_does_not_hold() -> None:
    counter = load(str(FOLDER / COUNTER))
    one = counter.zero()
    one = one.merge(one.add(5, by=1))
    gift = one.give(3, 1, 2, by=1)
    one = one.merge(gift)
    with pytest.raises(UpdateRefused):
        one.take(3, 1, by=1)
    two = counter.zero().merge(gift)
    taken = two.take(3, 1, by=2)
    both = one.merge(taken)
    assert [both.stock(), both.rights(1), both.rights(2)] == [2, 2, 0]


def test_cart_keeps_what_a_remove_has_not_seen() -> None:
    cart = load(str(FOLDER / CART))
    here = cart.zero()
    here = here.merge(here.add("tea", 2, by=1))
    there = cart.zero().merge(here)
    removed, added = there.remove("tea", by=2), here.add("tea", 3, by=1)
    assert here.merge(added).merge(removed).quantity("tea") == 3
    assert there.merge(removed).merge(added) == here.merge(added).merge(removed)


def _errors(clause: str) -> list[tuple[str, str]]:
    text = f"""
        import DotSet from "kernel/dot_set.crdt"
        store Tags[E] {{
          state {{ adds: Map[E, DotSet] }}
          update add(e: E) at d = {{ adds[e] = {{d}} }} forgetting adds[e]
          query has(e: E): Bool = adds[e] != {{}}
          query members: Set[E] = {{ e where has(e) }}
          {clause}
        }}"""
    try:
        check_text(text, "tags.crdt")
    except SpecErrors as found:
        return [(e.code, e.hint) for e in found.errors]
    return []


@pytest.mark.parametrize(
    ("clause", "code", "advice"),
    [
        ("theorem added(s: This, e: E, p: Replica): s.add(e) by p.has(e)", "ML203", "(s.update(...) by p).query"),
        ("query holds(e: E): Bool = members.contains(e)", "ML203", "x in s"),
        ("query size: Nat = adds.size", "ML203", "count(m)"),
        ("query marks: Set[Set[Dot]] = { m where exists e in keys(adds): adds[e] == m }", "ML501", "[f(x) for x in s]"),
    ],
)
def test_newcomer_mistakes_get_advice(clause: str, code: str, advice: str) -> None:
    assert any(c == code and advice in hint for c, hint in _errors(clause))


@pytest.mark.parametrize(
    ("body", "codes"), [("{} == {}", ["ML302"]), ("e in {} or 1 in {}", []), ("keys({}) == {}", ["ML302"])]
)
def test_types_that_cannot_be_told_are_each_their_own(body: str, codes: list[str]) -> None:
    assert [c for c, _ in _errors(f"query odd(e: E): Bool = {body}")] == codes
