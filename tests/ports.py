"""Ports for servers that tests start."""

from __future__ import annotations

import os
import random
import socket

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw") or 0)
_RANGE = 1_200
_FIRST = 11_000 + _WORKER % 8 * _RANGE
"""Below the ports that the kernel hands out, also 10,000 further on, where `mergelaw cluster` has peers: nobody takes
one between our looking and our child's binding. Each worker of pytest-xdist has a range of its own."""
_next = random.randrange(_RANGE)


def free_ports(count: int) -> list[int]:
    """Ports in a row that nobody uses now, and whose peer ports nobody uses."""
    global _next
    for _ in range(2 * _RANGE):
        ports = [_FIRST + (_next + n) % _RANGE for n in range(count)]
        _next = (_next + count) % _RANGE
        if ports == list(range(ports[0], ports[0] + count)) and all(is_free(p) and is_free(p + 10_000) for p in ports):
            return ports
    raise AssertionError("no ports are free")


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
