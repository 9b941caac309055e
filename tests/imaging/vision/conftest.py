"""The network, made once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from imaging.vision import LocalProvider
from imaging.vision.session import Network, network_in


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the network lies."""
    directory = tmp_path_factory.mktemp("models")
    network_in(directory)
    return directory


@pytest.fixture(scope="session")
def network(models: Path) -> Network:
    return network_in(models)


@pytest.fixture
def provider(models: Path) -> LocalProvider:
    return LocalProvider(models)
