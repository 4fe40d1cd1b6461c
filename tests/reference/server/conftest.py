from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reference.server.process import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One instance for the tests of a module, which leave its settings as they were."""
    with Server(tmp_path_factory.mktemp("server") / "data") as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"
