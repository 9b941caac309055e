"""Where a provider may be: a base URL that somebody typed must not open a door inwards.

The rules are those of every request that leaves this server: ``config.outbound.addresses``.
"""

from config.outbound.addresses import (
    LOOPBACK,
    LOOPBACK_NETWORKS,
    PUBLIC,
    AddressRefused,
    Reach,
    allowed,
    check,
    normal,
    resolve,
)

__all__ = [
    "LOOPBACK",
    "LOOPBACK_NETWORKS",
    "PUBLIC",
    "AddressRefused",
    "Reach",
    "allowed",
    "check",
    "normal",
    "resolve",
]
