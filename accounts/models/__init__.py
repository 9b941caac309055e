"""The tables of people."""

from accounts.models.user import User

__all__ = ["User"]
