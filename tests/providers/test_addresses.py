"""A base URL opens no door inwards."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from providers.addresses import LOOPBACK, PUBLIC, AddressRefused, Reach, allowed, check, normal


@pytest.fixture
def stands_for(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make every name stand for these addresses."""

    def standing(*addresses: str) -> None:
        answers = [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, 443))
            for one in addresses
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)

    return standing


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",  # Alibaba's metadata
        "127.0.0.1",
        "127.9.9.9",
        "168.63.129.16",  # Azure's host
        "169.254.169.254",  # metadata of most clouds
        "169.254.170.2",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",  # Oracle's metadata
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",  # Teredo of 10.0.0.1
        "2001:db8::1",
        "2002:a00:1::",
        "2002:7f00:1::1",
        "100::1",
        "2001:2::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",  # Amazon's metadata
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_what_is_not_public_is_not_asked(address: str) -> None:
    assert not allowed(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "104.18.7.192", "172.32.0.1", "2606:4700::6812:7c0", "64:ff9b::101:101"]
)
def test_what_is_public_is_asked(address: str) -> None:
    assert allowed(ipaddress.ip_address(address))


def test_a_network_is_allowed_by_name_and_no_other() -> None:
    reach = Reach(networks=(ipaddress.ip_network("10.1.0.0/16"),))

    assert allowed(ipaddress.ip_address("10.1.2.3"), reach)
    assert allowed(ipaddress.ip_address("::ffff:10.1.2.3"), reach)
    assert not allowed(ipaddress.ip_address("10.2.2.3"), reach)
    assert not allowed(ipaddress.ip_address("169.254.169.254"), reach)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "https://host/path"),
        ("api.openai.com/v1", "https://host/path"),
        ("https://", "https://host/path"),
        ("https:///v1", "https://host/path"),
        ("https://host:0", "https://host/path"),
        ("https://host:99999", "https://host/path"),
        ("https://[::1", "https://host/path"),
        ("ftp://host", "https://host/path"),
        ("file:///etc/passwd", "https://host/path"),
        ("gopher://host", "https://host/path"),
        ("https://user:secret@host", "name or password"),
        ("https://user@host", "name or password"),
        ("https://@host", "name or password"),
        ("https://host/?key=1", "query or fragment"),
        ("https://host/?", "query or fragment"),
        ("https://host/#x", "query or fragment"),
        ("https://host/a b", "plain ASCII"),
        ("https://host\r\nX: y", "plain ASCII"),
        ("https://host\\@evil", "plain ASCII"),
        ("https://h\u00f6st", "plain ASCII"),
        ("https://host\t", "plain ASCII"),
        ("https://" + "h" * 3000, "longer than"),
    ],
)
def test_what_can_be_no_base_url_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(AddressRefused, match=sentence) as caught:
        normal(url)

    assert "secret" not in str(caught.value)


def test_a_base_url_loses_its_last_slash() -> None:
    assert normal("https://host.example:8443/v1/") == "https://host.example:8443/v1"


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1",
        "https://127.1",
        "https://2130706433",
        "https://0x7f000001",
        "https://0177.0.0.1",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://localhost",
    ],
)
def test_this_machine_is_known_however_it_is_written(url: str) -> None:
    with pytest.raises(AddressRefused, match="not public"):
        check(url)


def test_a_public_host_may_be_asked(stands_for: Any) -> None:
    stands_for("104.18.7.192", "2606:4700::6812:7c0")

    assert check("https://models.example/v1/") == "https://models.example/v1"


def test_one_bad_address_among_good_ones_refuses_the_host(stands_for: Any) -> None:
    stands_for("104.18.7.192", "10.0.0.1")

    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1, which is not public"):
        check("https://models.example")


@pytest.mark.parametrize("reach", [PUBLIC, LOOPBACK])
def test_plain_http_to_another_machine_is_refused(stands_for: Any, reach: Reach) -> None:
    stands_for("104.18.7.192")

    with pytest.raises(AddressRefused, match="unencrypted"):
        check("http://models.example", reach)


def test_plain_http_to_this_machine_is_allowed_on_purpose() -> None:
    assert check("http://127.0.0.1:8000/v1", LOOPBACK) == "http://127.0.0.1:8000/v1"
    with pytest.raises(AddressRefused, match="unencrypted"):
        check("http://127.0.0.1:8000", Reach(networks=LOOPBACK.networks))


def test_a_host_without_an_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(AddressRefused, match="check its spelling"):
        check("https://modles.example")


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(AddressRefused, match="no host name"):
        check("https://" + "a" * 70 + ".example")
