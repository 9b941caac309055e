"""Nobody beyond this machine is asked."""

from tests.providers.standing_in import fake, ring

__all__ = ["fake", "ring"]
