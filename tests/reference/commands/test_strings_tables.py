"""The tables of time steps can fail: a test that cannot says nothing."""

from __future__ import annotations

import pytest

from tests.reference.commands.tables import play


@pytest.mark.parametrize(
    "table",
    [
        "| t1 | SET k a | | \n | t2 | GET k => b | |",
        "| t1 | SET k a | | \n | t2 | sync | sync | \n | t3 | | GET k => nil |",
        "| t1 | SET k a | | \n | t2 | | GET k => a |",
        "| t1 | SET k a b | |",
        "| t1 | SADD s b a | | \n | t2 | SMEMBERS s => a | |",
        "| t1 | SET k a EX 1 | | \n | t2 | wait 2000; GET k => a | |",
    ],
)
def test_a_wrong_table_is_noticed(table: str) -> None:
    with pytest.raises(AssertionError):
        play(table)


def test_replies_without_order_may_be_in_any() -> None:
    play("| t1 | SADD s b a | | \n | t2 | SMEMBERS s => b a; SMEMBERS s => a b | |")
