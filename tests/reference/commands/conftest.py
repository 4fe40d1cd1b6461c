from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.reference.commands.harness import Instance, RealRedis


@pytest.fixture(scope="session")
def _redis_process() -> Iterator[RealRedis]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = RealRedis()
    yield server
    server.close()


@pytest.fixture
def real_redis(_redis_process: RealRedis) -> RealRedis:
    """A real redis-server, empty."""
    _redis_process.wire("FLUSHALL")
    return _redis_process


@pytest.fixture
def instance() -> Instance:
    return Instance()
