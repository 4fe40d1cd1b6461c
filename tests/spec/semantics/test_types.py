"""The Python face of types: loading, states, deltas, and what mistakes are told."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergelaw.language import SpecErrors, check_text
from mergelaw.language.core import NAT, TEXT, Named
from mergelaw.semantics import types
from mergelaw.semantics.context import CausalContext
from mergelaw.semantics.engine import UpdateRefused
from mergelaw.semantics.library import library
from mergelaw.semantics.literals import LiteralError
from mergelaw.semantics.types import EngineName, LoadedType, State, UnknownType, load

ENGINES: list[EngineName] = ["interpreted", "compiled"]

CART = """
import ORSet from "or_set.crdt"
import Max from "kernel/max.crdt"

enum Size { small, other(width: Nat) }

store Cart[E] {
  state { items: ORSet[E], counts: Map[Replica, Max], sizes: Map[E, Max] }

  update put(e: E) by r at d requires e != e or counts[r] < 2 =
    { items.add(e) at d, counts[r] = counts[r] + 1 }
  update take(es: Set[E]) = { each e in es: { forget items.adds[e] } }
  update two(e: E, f: E) at d, g = { items.adds[e] = {d}, items.adds[f] = {g} }

  query has(e: E): Bool = items.contains(e)
  query all: Set[E] = items.members
  query busiest: Option[Replica] = greatest(r in keys(counts) by counts[r])
  query update: Nat = count(keys(counts))
}
"""


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> EngineName:
    name: EngineName = request.param
    return name


@pytest.fixture
def cart(tmp_path: Path, engine: EngineName) -> LoadedType:
    (tmp_path / "cart.crdt").write_text(CART)
    return load(tmp_path / "cart.crdt", engine=engine)


def test_the_example_of_the_module_runs() -> None:
    failed, tried = doctest.testmod(types)
    assert tried > 10
    assert not failed


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("ORSet", "ORSet[Text]"),
        ("ORSet[(Nat, Text)]", "ORSet[(Nat, Text)]"),
        ("ORMap", "ORMap[Text, ORSet[Text]]"),
        ("ORMap[Nat, ORSet]", "ORMap[Nat, ORSet[Text]]"),
        ("Max", "Max"),
    ],
)
def test_library_types_are_found_by_name(written: str, expected: str) -> None:
    loaded = load(written, engine="interpreted")
    assert str(loaded) == expected
    assert loaded.program.main == (loaded.type.name,)
    assert load(written, engine="interpreted") is loaded


@pytest.mark.parametrize("name", [n for n, d in library().items() if d.kind in ("type", "store")])
def test_every_library_type_runs(name: str, engine: EngineName) -> None:
    zero = load(name, engine=engine).zero()
    assert zero.merge(zero) == zero
    assert zero.type.read(repr(zero)) == zero


def test_a_path_means_its_last_type_or_the_named_one(tmp_path: Path) -> None:
    path = tmp_path / "cart.crdt"
    path.write_text(CART + "\nstore Shelf { state { carts: Map[Nat, Cart[Text]] } }\n")
    assert str(load(path)) == "Shelf"
    assert str(load(f"{path}:Cart")) == "Cart[Text]"
    assert str(load(path, "Cart[Nat]")) == "Cart[Nat]"
    assert str(load(path, Named("Cart", (NAT,)))) == "Cart[Nat]"


def test_a_checked_program_is_loaded_as_it_is() -> None:
    program = check_text("type Flag { state Bool  merge(a, b) = a or b }", "flag.crdt")
    assert load(program).program is program
    assert load(program, "Flag").type == Named("Flag")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("ORSett", "no type 'ORSett'; did you mean ORSet?"),
        ("Map[Text, Nat]", "no type 'Map'; "),
    ],
)
def test_unknown_types_are_told(written: str, message: str) -> None:
    with pytest.raises(UnknownType) as caught:
        load(written)
    assert str(caught.value).startswith(message)


def test_wrong_arguments_of_types_are_the_checkers_to_tell() -> None:
    with pytest.raises(SpecErrors):
        load("ORMap[Text, Nat]")
    with pytest.raises(SpecErrors):
        load("ORSet[Text, Text]")


def test_updates_make_deltas_and_states_merge_them(cart: LoadedType) -> None:
    start = cart.zero()
    put = start.put("x", by=2)
    assert start == cart.zero()
    assert put.dots == ((2, 1),)
    assert put.seen == CausalContext.of([(2, 1)])
    here = start.merge(put)
    assert here.all() == {"x"}
    assert here.busiest() == 2
    assert here | put == here
    assert here.dots() == {(2, 1)}
    gone = here.merge(here.take({"x", "y"}, by=1))
    assert not gone.has("x")
    assert gone.seen == CausalContext.of([(1, 1), (2, 1)])
    assert gone.merge(put) == gone
    assert put.as_state().merge(gone.take({"x"}, by=1)).all() == {"x"}


def test_states_and_deltas_are_values(cart: LoadedType) -> None:
    start = cart.zero()
    a, b = start.put("x"), start.put("y", by=2)
    assert start.merge(a).merge(b) == start.merge(b).merge(a)
    assert len({start.merge(a).merge(b), start.merge(b).merge(a), start.merge(a)}) == 2
    assert a == start.put("x")
    assert a != start.put("y")
    assert a != a.as_state()
    assert hash(a) == hash(start.put("x"))


def test_states_show_themselves_and_read_back(cart: LoadedType) -> None:
    start = cart.zero()
    assert repr(start) == "{}"
    s = start.merge(start.two("x", 'y" seen {', by=1, when=3))
    assert repr(s) == '{ items = { adds = {"x": {1.1}, "y\\" seen {": {1.2}} } } seen {1.1-1.2}'
    assert cart.read(repr(s)) == s
    assert cart.read(str(s)) == s
    with pytest.raises(LiteralError, match="`1-2` is no run of dots"):
        cart.read("{} seen {1-2}")
    with pytest.raises(LiteralError, match="numbers count from 1"):
        cart.read("{} seen {1.0}")


def test_an_update_takes_as_many_dots_as_it_names(cart: LoadedType) -> None:
    s = cart.zero().merge(cart.zero().put("x"))
    assert s.two("a", "b").dots == ((1, 2), (1, 3))
    assert s.two("a", "b", at=[(1, 5), (1, 6)]).dots == ((1, 5), (1, 6))
    assert s.put("a", by=4, at=(4, 9)).dots == ((4, 9),)
    for wrong, message in [
        ((1, 5), "`two` takes 2 dots, not 1"),
        ([(1, 5), (1, 7)], "consecutive ones of its replica 1"),
        ([(2, 5), (2, 6)], "consecutive ones of its replica 1"),
        ([(1, 1), (1, 2)], "dot 1.1 is not fresh"),
    ]:
        with pytest.raises(ValueError, match=message):
            s.two("a", "b", at=wrong)


def test_a_refused_update_raises(cart: LoadedType) -> None:
    s = cart.zero()
    for e in "xy":
        s = s.merge(s.put(e))
    with pytest.raises(UpdateRefused, match=r"cart.crdt:10:\d+: `put` is refused"):
        s.put("z")
    assert s.merge(s.put("z", by=2)).all() == {"x", "y", "z"}


def test_mistakes_are_told(cart: LoadedType) -> None:
    s = cart.zero()
    with pytest.raises(AttributeError, match=r"Cart\[Text\] has no update or query `putt`. Did you mean `put`\?"):
        s.putt("x")
    with pytest.raises(AttributeError, match=r"Cart\[Text\] has no update `zzz`. It has: put, take, two."):
        s.update("zzz")
    with pytest.raises(AttributeError, match="has no query `put`"):
        s.query("put")
    with pytest.raises(TypeError, match=r"Cart\[Text\].two\(e: Text, f: Text\) takes 2 arguments, not 1"):
        s.two("x")
    with pytest.raises(TypeError, match=r"Cart\[Text\].put\(e: Text\): e: expected Text \(str\), not 1"):
        s.put(1)
    with pytest.raises(TypeError, match=r"a state of Cart\[Text\] merges with .* not with ORSet\[Text\]"):
        s.merge(load("ORSet").zero())
    with pytest.raises(TypeError, match="not with 3"):
        s.merge(3)  # type: ignore[arg-type]


def test_a_query_whose_name_the_class_takes_is_reached_by_query(cart: LoadedType) -> None:
    s = cart.zero()
    assert s.merge(s.put("x")).query("update") == 1


def test_names_are_listed(cart: LoadedType) -> None:
    assert cart.updates == ("put", "take", "two")
    assert cart.queries == ("has", "all", "busiest", "update")
    assert {"put", "has"} <= set(dir(cart.zero()))


def test_states_are_made_from_python_values(cart: LoadedType) -> None:
    s = cart.state({"items": {"adds": {"x": {(1, 1)}}}}, CausalContext.of([(1, 1)]))
    assert s.all() == {"x"}
    assert s == cart.read('{ items = { adds = {"x": {1.1}} } }')


steps = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "sync"]), st.sampled_from("xy"), st.integers(1, 3)), max_size=9
)


@given(steps)
def test_both_engines_agree_on_histories(history: list[tuple[str, str, int]]) -> None:
    loaded = [load("ORSet", engine=e) for e in ENGINES]
    states: list[dict[int, State]] = [{r: t.zero() for r in (1, 2, 3)} for t in loaded]
    for name, e, r in history:
        for replicas in states:
            if name == "sync":
                replicas[r] = replicas[r].merge(replicas[r % 3 + 1])
            else:
                replicas[r] = replicas[r].merge(replicas[r].update(name, e, by=r))
        assert states[0] == states[1]
    for replicas in states:
        assert replicas[1] | replicas[2] | replicas[3] == replicas[3] | (replicas[2] | replicas[1])
        assert load("ORSet[Text]").type == Named("ORSet", (TEXT,))
