from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reference.e2e.local import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three instances for all tests, which use keys of their own."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster
