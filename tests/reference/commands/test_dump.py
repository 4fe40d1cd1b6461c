"""Payloads with a right checksum and wrong contents."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from tests.reference.commands.harness import Instance


def payload(content: Any) -> bytes:
    data = msgspec.msgpack.encode(content) + b"ML\x01"
    return data + hashlib.blake2b(data, digest_size=8).digest()


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        ["string"],
        ["string", 5],
        ["nothing", b"x"],
        ["hash", [[b"f", b"v"]]],
        ["hash", [[b"f", b"v", -1]]],
        ["hash", [[b"f", b"v", 2**60]]],
        ["hash", []],
        ["members", [b"a", 5]],
        ["members", []],
        ["list", []],
        ["scores", [[b"m", b"x"]]],
        ["scores", [[b"m", b"nan"]]],
        ["scores", []],
        ["sketch", [[-1, 3]]],
        ["sketch", [[5, 0]]],
        ["sketch", [[20000, 1]]],
        ["sketch", "x"],
    ],
)
def test_wrong_contents_are_refused(instance: Instance, content: Any) -> None:
    assert instance.run("RESTORE", "k", 0, payload(content)).text == b"ERR Bad data format"
    assert instance.run("EXISTS k") == 0
    assert instance.server.published == []


def test_right_contents_are_taken(instance: Instance) -> None:
    instance.run("RESTORE", "k", 0, payload(["hash", [[b"f\xff", b"5", None], [b"g", b"05", None]]]))
    assert instance.run("HGETALL k") == {b"f\xff": b"5", b"g": b"05"}
    assert instance.run("HINCRBY", "k", b"f\xff", 2) == 7
