"""The tables of people, and of what opens the door to them."""

from accounts.models.api_key import ApiKey
from accounts.models.invitation import Invitation, PasswordReset
from accounts.models.request_record import IdempotencyKey, Throttle
from accounts.models.role_permission import RolePermission
from accounts.models.second_factor import RecoveryCode, TotpDevice
from accounts.models.session import RefreshToken, Session, SessionEnd, SessionKind
from accounts.models.user import User

__all__ = [
    "ApiKey",
    "IdempotencyKey",
    "Invitation",
    "PasswordReset",
    "RecoveryCode",
    "RefreshToken",
    "RolePermission",
    "Session",
    "SessionEnd",
    "SessionKind",
    "Throttle",
    "TotpDevice",
    "User",
]
