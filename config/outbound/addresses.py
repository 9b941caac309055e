"""Where this server may send requests: an address that somebody typed must not open a door inwards.

Whoever may enter an address decides where this server sends requests, and could aim it at a
database, a router or the cloud's metadata service (server-side request forgery, CWE-918). So the
scheme is https, and every address that the host's name stands for must be a public one, unless
its network is allowed by name.

A name may stand for another address a second later (DNS rebinding). Checking once is therefore
not enough: ``resolve`` is asked again for each connection, and the connection goes to the very
address that was checked (``config.outbound.pinned``), never to the name.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LONGEST: Final = 2048  # characters
_UNPRINTABLE: Final = re.compile(r"[^\x21-\x7e]")

LOOPBACK_NETWORKS: Final = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))

# What some versions of Python call global although it is not, or although it answers for the
# machine itself or its neighbours (IANA's special-purpose registries, RFC 6890).
_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",  # shared by carriers, and one cloud's metadata (RFC 6598)
        "168.63.129.16/32",  # Azure's virtual address of the host
        "192.0.0.0/24",  # protocol assignments, and one cloud's metadata
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "100::/64",  # discarded (RFC 6666)
        "2001::/23",  # protocol assignments
        "3fff::/20",  # documentation (RFC 9637)
        "5f00::/16",  # segment routing (RFC 9602)
        "fec0::/10",  # site-local (RFC 3879)
    )
)
# An IPv4 address hides in the last 32 bits of these.
_CARRIERS: Final = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "::/96",  # IPv4-compatible (RFC 4291)
        "64:ff9b::/96",  # NAT64 (RFC 6052)
        "64:ff9b:1::/48",  # NAT64 of one's own (RFC 8215)
    )
)


class AddressRefused(ValueError):
    """A URL that is not asked; the sentence says why and what would be."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be reached besides the public network.

    ``networks``      private networks that are allowed all the same, such as 10.1.0.0/16
    ``plain_http``    http is allowed where every address of the host is this machine's own
    ``called``        what sentences call the URL
    """

    networks: tuple[Network, ...] = ()
    plain_http: bool = False
    called: str = "base URL"


PUBLIC: Final = Reach()
LOOPBACK: Final = Reach(networks=LOOPBACK_NETWORKS, plain_http=True)


def check(url: str, reach: Reach = PUBLIC) -> str:
    """The URL as it will be used, if its host may be asked now. AddressRefused otherwise.

    For whoever enters one: a name without an address, or with one that is refused, is told here.
    """
    return _checked(normal(url, reach.called), reach)


def check_whole(url: str, reach: Reach = PUBLIC) -> str:
    """As ``check``, for a URL that is asked as it stands: it may have a query, and keeps its slash.

    What is beneath a base URL is ours to say, what a whole one holds is its owner's.
    """
    return _checked(whole(url, reach.called), reach)


def _checked(base: str, reach: Reach) -> str:
    parts = urlsplit(base)
    plain = parts.scheme == "http"
    try:
        resolve(parts.hostname or "", parts.port or (80 if plain else 443), reach, plain=plain)
    except OSError:
        raise AddressRefused(
            f"The {reach.called}'s host {parts.hostname} has no address; check its spelling."
        ) from None
    return base


def normal(url: str, called: str = "base URL") -> str:
    """The URL without its last slash, if it can be a base URL at all. AddressRefused otherwise.

    Nothing is looked up: whether its host may be asked is for ``resolve`` to say.
    """
    parts = urlsplit(whole(url, called))
    if parts.query or url.endswith("?"):
        raise AddressRefused(
            f"The {called} has a query or fragment; leave out what follows ? or #."
        )
    return url.rstrip("/")


def whole(url: str, called: str = "base URL") -> str:
    """The URL as it is, if it can be asked at all. AddressRefused otherwise."""
    if len(url) > _LONGEST:
        raise AddressRefused(f"The {called} is longer than {_LONGEST} characters.")
    if _UNPRINTABLE.search(url) or "\\" in url:
        raise AddressRefused(
            f"The {called} holds a character that belongs into none; write it in plain ASCII,"
            " without spaces and backslashes."
        )
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not named or parts.scheme not in {"https", "http"}:
        raise AddressRefused(f"The {called} is not of the form https://host/path.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused(
            f"The {called} holds a name or password, which logs would show; give the key instead."
        )
    if parts.fragment or url.endswith("#"):
        raise AddressRefused(
            f"The {called} has a query or fragment; leave out what follows ? or #."
        )
    return url


def resolve(
    host: str, port: int, reach: Reach = PUBLIC, *, plain: bool = False
) -> tuple[Address, ...]:
    """The addresses of a host, all of them allowed. AddressRefused if a single one is not.

    One bad address among good ones refuses the host: which of them a connection would take is
    chance. OSError where the name has none.

    ``plain``  without TLS, which only this machine's own addresses are asked, and only on purpose
    """
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise AddressRefused(f"The {reach.called}'s host {host!r} is no host name.") from None
    texts = (str(address[0]).partition("%")[0] for *_, address in answers)
    found = tuple(dict.fromkeys(ipaddress.ip_address(text) for text in texts))
    for address in found:
        if not allowed(address, reach):
            raise AddressRefused(
                f"The {reach.called}'s host {host} is at {address}, which is not public. If that is"
                " meant, allow its network by name."
            )
        if plain and not (reach.plain_http and _inside(address, LOOPBACK_NETWORKS)):
            raise AddressRefused(
                f"The {reach.called} begins with http, which would send what is secret unencrypted;"
                " use https."
            )
    if not found:
        raise OSError(f"{host} has no address")
    return found


def allowed(address: Address, reach: Reach = PUBLIC) -> bool:
    """Whether an address may be asked: public, or in a network that is allowed by name.

    An IPv6 address that carries an IPv4 one must be allowed as that, too.
    """
    if _inside(address, reach.networks):
        return True
    carried = _carried(address)
    if carried is not None:
        return allowed(carried, reach)
    return address.is_global and not address.is_multicast and not _inside(address, _NOT_PUBLIC)


def _carried(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address within an IPv6 one, or None."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if int(address) > 1 and _inside(address, _CARRIERS):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _inside(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
