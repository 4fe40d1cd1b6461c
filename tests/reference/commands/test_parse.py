from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergelaw.commands.errors import CommandError
from mergelaw.commands.parse import (
    Arguments,
    from_value,
    integer,
    number_bytes,
    positive,
    timeout_in_ms,
    timeout_ms,
    to_double,
    to_integer,
    to_real,
    to_value,
)


@pytest.mark.parametrize("text", [b"0", b"-1", b"9223372036854775807", b"-9223372036854775808", b"10"])
def test_integers_are_their_shortest_writing(text: bytes) -> None:
    assert to_integer(text) == int(text)


@pytest.mark.parametrize(
    "text",
    [b"", b"+1", b"01", b"-0", b"00", b" 1", b"1 ", b"1.0", b"1e3", b"0x1", b"9223372036854775808", b"1" * 100, b"-"],
)
def test_other_writings_are_no_integers(text: bytes) -> None:
    assert to_integer(text) is None
    with pytest.raises(CommandError, match="ERR value is not an integer or out of range"):
        integer(text)


def test_a_negative_count_is_out_of_range() -> None:
    assert positive(b"0") == 0
    with pytest.raises(CommandError, match="must be positive"):
        positive(b"-1")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"3.0", Fraction(3)),
        (b"+1.5", Fraction(3, 2)),
        (b".5", Fraction(1, 2)),
        (b"5.", Fraction(5)),
        (b"1e3", Fraction(1000)),
        (b"-1E-2", Fraction(-1, 100)),
        (b"0x10", Fraction(16)),
        (b"-0x1.8p1", Fraction(-3)),
        (b"0e99999999", Fraction(0)),
        (b"007", Fraction(7)),
    ],
)
def test_reals_are_exact(text: bytes, value: Fraction) -> None:
    assert to_real(text) == value


@pytest.mark.parametrize(
    "text", [b"", b" 1", b"1 ", b"nan", b"1e", b"e5", b"--1", b"1,5", b"1e5000", b"1e99999999", b"."]
)
def test_other_writings_are_no_reals(text: bytes) -> None:
    assert to_real(text) is None


def test_infinities_are_read_in_any_letters() -> None:
    assert to_real(b"inf") == to_real(b"+Infinity") == math.inf
    assert to_real(b"-INF") == -math.inf
    assert to_double(b"1e400") is None


@pytest.mark.parametrize("digits", [4_500, 4_931])
def test_numbers_of_any_length_are_read_and_written(digits: int) -> None:
    written = b"1" * digits
    value = to_real(written)
    assert isinstance(value, Fraction)
    assert number_bytes(value) == written
    assert number_bytes(-value) == b"-" + written


@given(st.binary(max_size=40))
def test_a_value_is_read_back_byte_for_byte(stored: bytes) -> None:
    assert from_value(to_value(stored)) == stored


@given(st.from_regex(rb"-?[0-9]{1,21}(\.[0-9]{0,19})?", fullmatch=True))
def test_a_value_that_looks_like_a_number_is_read_back(stored: bytes) -> None:
    assert from_value(to_value(stored)) == stored


@pytest.mark.parametrize("stored", [b"5", b"-12", b"0", b"0.5", b"-0.5", b"3.14", b"9223372036854775807"])
def test_shortest_writings_are_kept_as_numbers(stored: bytes) -> None:
    assert to_value(stored) == (1, Fraction(stored.decode()))


@pytest.mark.parametrize(
    "stored", [b"", b"05", b"+5", b"-0", b"0.50", b"1e3", b"-0.0", b"1.", b"9223372036854775808", b"x"]
)
def test_other_writings_are_kept_as_texts(stored: bytes) -> None:
    assert to_value(stored) == (0, stored.decode())


def test_numbers_are_written_without_exponent_and_zeros() -> None:
    assert number_bytes(Fraction(1, 3)) == b"0.33333333333333333"
    assert number_bytes(Fraction(-1, 10**18)) == b"0"
    assert number_bytes(Fraction(10**25)) == b"1" + b"0" * 25


def test_timeouts() -> None:
    assert timeout_ms(b"0.0001") == 1
    assert timeout_ms(b"2") == 2000
    for text, error in (
        (b"x", "not a float"),
        (b"-1", "negative"),
        (b"1e30", "negative"),
        (b"inf", "negative"),
    ):
        with pytest.raises(CommandError, match=error):
            timeout_ms(text)
    with pytest.raises(CommandError, match="not an integer"):
        timeout_in_ms(b"1.5")
    with pytest.raises(CommandError, match="negative"):
        timeout_in_ms(b"-5")


def test_options_are_read_in_any_letters_and_to_their_end() -> None:
    options = Arguments([b"CMD", b"key", b"ex", b"10", b"NX"], 2)
    assert options.keyword() == b"EX"
    assert options.integer() == 10
    assert len(options) == 1
    assert options.rest() == [b"NX"]
    assert not options
    with pytest.raises(CommandError, match="ERR syntax error"):
        options.next()
