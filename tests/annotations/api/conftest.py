"""People and programs that ask."""

from tests.imaging.api.conftest import caller

__all__ = ["caller"]
