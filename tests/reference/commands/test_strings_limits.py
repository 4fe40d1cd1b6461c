"""Strings where redis-server 7.0 says nothing or our limit is narrower: MSETEX, 59 bits, long strings, LCS."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergelaw.commands.lcs import TooLong, common
from tests.reference.commands.harness import Instance
from tests.reference.commands.tables import shown

OVERFLOW = "(error) ERR increment or decrement would overflow"
NOT_INTEGER = "(error) ERR value is not an integer or out of range"


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("MSETEX 2 a 1 b 2", "1"),
        ("MSETEX 1 old 1 NX", "0"),
        ("MSETEX 2 new 1 old 2 NX", "0"),
        ("MSETEX 2 new 1 old 2 XX", "0"),
        ("MSETEX 1 old 1 xx ex 10", "1"),
        ("MSETEX 1 old 1 EX 10 NX", "0"),
        ("MSETEX 0 a 1", "(error) ERR invalid numkeys value"),
        ("MSETEX x a 1", "(error) ERR invalid numkeys value"),
        ("MSETEX 2147483648 a 1", "(error) ERR invalid numkeys value"),
        ("MSETEX 2147483647 a 1", "(error) ERR wrong number of key-value pairs"),
        ("MSETEX 2 a 1 b", "(error) ERR wrong number of key-value pairs"),
        ("MSETEX 1 a 1 BOGUS", "(error) ERR syntax error"),
        ("MSETEX 1 a 1 NX XX", "(error) ERR syntax error"),
        ("MSETEX 1 a 1 EX 10 KEEPTTL", "(error) ERR syntax error"),
        ("MSETEX 1 a 1 EX 0", "(error) ERR invalid expire time in 'msetex' command"),
        ("MSETEX 1 a 1 EX", "(error) ERR syntax error"),
        ("MSETEX 1 a", "(error) ERR wrong number of arguments for 'msetex' command"),
    ],
)
def test_msetex(instance: Instance, line: str, reply: str) -> None:
    instance.run("SET old x EX 100")
    assert shown(instance.run(line)) == reply


def test_msetex_gives_all_keys_the_same_time_to_live(instance: Instance) -> None:
    instance.run("SET b x EX 50")
    instance.run("SET h x")
    assert instance.run("MSETEX 3 a 1 b 2 a 3 PX 7000") == 1
    assert [instance.run("GET", k) for k in "ab"] == [b"3", b"2"]
    assert [instance.run("PTTL", k) for k in "ab"] == [7000, 7000]
    instance.run("MSETEX 2 a 5 h 6 KEEPTTL")
    assert [instance.run("PTTL", k) for k in "ah"] == [7000, -1]


@pytest.mark.parametrize(
    ("start", "line", "reply"),
    [
        (2**58 - 2, "INCR k", str(2**58 - 1)),
        (2**58 - 1, "INCR k", OVERFLOW),
        (-(2**58) + 1, "DECR k", str(-(2**58))),
        (-(2**58), "DECR k", OVERFLOW),
        (0, f"INCRBY k {2**58}", OVERFLOW),
        (0, f"DECRBY k {2**58}", str(-(2**58))),
        (2**62, "INCR k", OVERFLOW),
        (2**62, "DECR k", OVERFLOW),
        (2**62, f"DECRBY k {2**62 - 5}", "5"),
        (2**63 - 1, f"INCRBY k {-(2**63 - 1)}", "0"),
        (-1, f"INCRBY k {-(2**63)}", OVERFLOW),
        (2**63, "INCR k", NOT_INTEGER),
        (0, f"DECRBY k {-(2**63)}", "(error) ERR decrement would overflow"),
    ],
)
def test_counters_have_59_bits(instance: Instance, start: int, line: str, reply: str) -> None:
    instance.run("SET", "k", start)
    assert shown(instance.run(line)) == reply
    instance.run("HSET", "h", "k", start)
    if "DECR" not in line:
        amount = line.split()[2] if "BY" in line else "1"
        wanted = "(error) ERR hash value is not an integer" if reply == NOT_INTEGER else reply
        assert shown(instance.run("HINCRBY", "h", "k", amount)) == wanted


decimals = st.builds(lambda n, places: Fraction(n, 10**places), st.integers(-(10**18), 10**18), st.integers(0, 17))


@given(amounts=st.lists(decimals, min_size=1, max_size=8))
def test_sums_of_decimals_are_exact(amounts: list[Fraction]) -> None:
    instance = Instance()
    for amount in amounts:
        text = f"{amount.numerator * 10**17 // amount.denominator}e-17"
        instance.run("INCRBYFLOAT", "k", text)
        reply = instance.run("HINCRBYFLOAT", "h", "f", text)
        assert b"e" not in reply
    assert Fraction(instance.run("GET", "k").decode()) == Fraction(reply.decode()) == sum(amounts)


def test_what_is_read_can_be_written_again(instance: Instance) -> None:
    """The bytes that INCRBYFLOAT answers are those that GET answers, and a number to both kinds of increment."""
    for amount in ("1e300", "-1e300", "1e-18", "0.00000000000000001", "1e4931", "-1e4931"):
        reply = instance.run("INCRBYFLOAT", "k", amount)
        assert instance.run("GET", "k") == reply
    assert reply == b"0.00000000000000001"
    assert shown(instance.run("INCRBYFLOAT k 1e4933")) == "(error) ERR value is not a valid float"
    assert shown(instance.run("INCRBYFLOAT k 1.2e4932")) == "(error) ERR increment would produce NaN or Infinity"


def test_a_string_ends_at_512_megabytes(instance: Instance) -> None:
    error = "(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)"
    assert shown(instance.run("SETRANGE", "k", 2**29, "x")) == error
    assert shown(instance.run("SETRANGE", "k", 2**29 - 1, "xy")) == error
    assert shown(instance.run("SETRANGE", "k", 2**63 - 1, "x")) == error
    assert instance.run("SETRANGE", "k", 2**63 - 1, "") == 0
    assert instance.run("EXISTS k") == 0


def test_numbers_in_other_writing_are_texts_until_they_are_counted_on(instance: Instance) -> None:
    for text in ("1e3", "01", "+5", "1.50", "0x10", "-0", "-0.0", ".5"):
        instance.run("SET", "k", text)
        assert instance.run("GET k") == text.encode()
        assert shown(instance.run("INCR k")) == NOT_INTEGER
        total = float.fromhex(text) if "x" in text else float(text)
        assert float(instance.run("INCRBYFLOAT k 1")) == total + 1
        assert float(instance.run("INCRBYFLOAT k 1")) == total + 2


def table(left: bytes, right: bytes) -> bytes:
    """The common subsequence that Redis finds, by the usual table."""
    rows = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            rows[i + 1][j + 1] = rows[i][j] + 1 if a == b else max(rows[i][j + 1], rows[i + 1][j])
    i, j, found = len(left), len(right), []
    while i and j:
        if left[i - 1] == right[j - 1]:
            found.append(left[i - 1])
            i, j = i - 1, j - 1
        elif rows[i - 1][j] > rows[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return bytes(reversed(found))


letters = st.lists(st.sampled_from(b"abcd\xff\x00"), max_size=40).map(bytes)


@given(left=letters, right=letters)
def test_the_common_subsequence_is_that_of_the_table(left: bytes, right: bytes) -> None:
    found = common(left, right)
    assert found.text(left) == table(left, right)
    assert found.length == sum(run for _, _, run in found.runs)
    for start, other, run in found.runs:
        assert left[start : start + run] == right[other : other + run]


@pytest.mark.parametrize(("left", "right"), [(12_000, 12_000), (2**20, 1), (1, 2**20)])
def test_strings_too_long_to_compare_are_refused(instance: Instance, left: int, right: int) -> None:
    with pytest.raises(TooLong):
        common(bytes(left), bytes(right))
    instance.run("SET", "a", bytes(left))
    instance.run("SET", "b", bytes(right))
    assert shown(instance.run("LCS a b")).startswith(
        "(error) ERR Insufficient memory, transient memory for LCS exceeds"
    )
