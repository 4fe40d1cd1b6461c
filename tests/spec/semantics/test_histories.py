"""Laws that hold of every library type, over states drawn by running its updates on the interpreter."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mergelaw.language.core import substitute
from mergelaw.semantics.library import library
from mergelaw.semantics.literals import read, show
from mergelaw.semantics.types import load
from tests.spec.semantics.histories import History, histories, merged, outside
from tests.spec.semantics.strategies import values_of

NAMES = [n for n, d in library().items() if d.kind in ("type", "store")]

relaxed = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def drawn(name: str, data: st.DataObject) -> History:
    return data.draw(histories(load(name, engine="interpreted")), label="history")


@pytest.mark.parametrize("name", NAMES)
@relaxed
@given(data=st.data())
def test_merge_is_a_join(name: str, data: st.DataObject) -> None:
    history = drawn(name, data)
    run = history.engine
    pick = st.sampled_from(history.all_states())
    a, b, c = data.draw(pick), data.draw(pick), data.draw(pick)
    assert merged(run, a, b) == merged(run, b, a)
    assert merged(run, merged(run, a, b), c) == merged(run, a, merged(run, b, c))
    assert merged(run, a, a) == a
    assert merged(run, a, history.all_states()[0]) == a


@pytest.mark.parametrize("name", NAMES)
@relaxed
@given(data=st.data())
def test_a_delta_changes_nothing_outside_its_footprint(name: str, data: st.DataObject) -> None:
    if not load(name, engine="interpreted").updates:
        pytest.skip("a part of others, without updates")
    history = drawn(name, data)
    for before, delta in history.deltas:
        for this, seen in [before, *history.states]:
            after = history.engine.apply(this, seen, delta)
            assert list(outside(history.engine, history.engine.type, this, after, delta.footprint)) == []


@pytest.mark.parametrize("name", NAMES)
@relaxed
@given(data=st.data())
def test_queries_are_total_and_literals_read_back(name: str, data: st.DataObject) -> None:
    history = drawn(name, data)
    run = history.engine
    loaded = load(name, engine="interpreted")
    names = dict(zip((p.name for p in loaded.definition.params), loaded.type.args, strict=True))
    state, seen = data.draw(st.sampled_from(history.all_states()))
    assert read(run.program, run.type, show(run.program, run.type, state)) == state
    for query in loaded.definition.queries:
        args = tuple(data.draw(values_of(run.program, substitute(t, names), 2)) for _, t in query.params)
        answer = run.query(query.name, state, seen, args)
        result = substitute(query.result, names)
        assert read(run.program, result, show(run.program, result, answer)) == answer


@pytest.mark.parametrize("name", NAMES)
@relaxed
@given(data=st.data())
def test_live_dots_are_seen_and_invariants_hold(name: str, data: st.DataObject) -> None:
    history = drawn(name, data)
    run = history.engine
    for state, seen in history.all_states():
        assert all(dot in seen for dot in run.dots(state))
    pick = st.sampled_from(history.all_states())
    a, b = data.draw(pick), data.draw(pick)

    def universe(t: object) -> list[object]:
        return []

    for prop in load(name, engine="interpreted").definition.properties:
        match prop.kind:
            case "invariant":
                assert run.holds(prop, (a,), None, universe), prop.name
            case "compatible":
                assert run.holds(prop, (a, b), None, universe), prop.name
            case "home":
                for replica in (1, 2, 3):
                    assert run.holds(prop, (history.states[replica - 1], b), replica, universe), prop.name
