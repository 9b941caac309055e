"""The same machine as for the actions."""

from tests.monitoring.actions.conftest import engineer, press, storage

__all__ = ["engineer", "press", "storage"]
