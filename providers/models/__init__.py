"""The tables of AI providers."""

from providers.models.limits import CostAlert, Period, QuotaCounter, UserQuota
from providers.models.prices import ProviderPrice
from providers.models.provider import BreakerState, HealthStatus, Provider, ProviderHealth
from providers.models.usage import UsageEntry, UsageHold, UsageTracking
from providers.models.user_provider import LONGEST_REASON, KeyStatus, UserProvider

__all__ = [
    "LONGEST_REASON",
    "BreakerState",
    "CostAlert",
    "HealthStatus",
    "KeyStatus",
    "Period",
    "Provider",
    "ProviderHealth",
    "ProviderPrice",
    "QuotaCounter",
    "UsageEntry",
    "UsageHold",
    "UsageTracking",
    "UserProvider",
    "UserQuota",
]
