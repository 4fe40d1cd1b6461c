"""The state machine for designers: three lines, a library type that holds, and a broken one that is refuted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from mergelaw.explore.machine import Broken, machine

BROKEN = Path(__file__).parents[2] / "broken"

TestORSet = machine("ORSet").TestCase
TestORSet.settings = settings(max_examples=20, stateful_step_count=30, suppress_health_check=list(HealthCheck))

TestScalarCausal = machine("Scalar", replicas=2, causal=True, always=False).TestCase
TestScalarCausal.settings = settings(max_examples=10, stateful_step_count=20, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", ["no_tie_break", "merged_by_addition"])
def test_a_broken_type_is_refuted_with_a_timeline(name: str) -> None:
    with pytest.raises(Broken) as failure:
        run_state_machine_as_test(
            machine(str(BROKEN / f"{name}.crdt"), replicas=2, faults=("reorder", "clock", "sync")),
            settings=settings(max_examples=300, stateful_step_count=25, database=None, derandomize=True),
        )
    assert "| Time | Instance 1" in str(failure.value)
