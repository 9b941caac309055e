"""Networks from which a key may be used."""

from __future__ import annotations

import pytest

from accounts import networks


@pytest.mark.parametrize(
    ("allowed", "address", "admitted"),
    [
        ([], "192.0.2.1", True),
        ([], "", True),
        (["192.0.2.0/24"], "192.0.2.255", True),
        (["192.0.2.0/24"], "192.0.3.0", False),
        (["192.0.2.7"], "192.0.2.7", True),
        (["192.0.2.7"], "192.0.2.8", False),
        (["192.0.2.0/24"], "::ffff:192.0.2.9", True),
        (["192.0.2.0/24"], "::ffff:192.0.3.9", False),
        (["::ffff:192.0.2.0/120"], "192.0.2.9", True),
        (["2001:db8::/32"], "2001:db8::1", True),
        (["2001:db8::/32"], "2001:db9::1", False),
        (["2001:db8::/32"], "32.1.13.184", False),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db8:ffff::", True),
        (["0.0.0.0/0"], "", False),
        (["0.0.0.0/0"], "not an address", False),
        (["0.0.0.0/0"], "2001:db8::1", False),
    ],
)
def test_an_address_lies_in_a_network_or_not(
    allowed: list[str], address: str, admitted: bool
) -> None:
    assert networks.admits(allowed, address) is admitted


@pytest.mark.parametrize(
    "kept",
    [
        None,
        {},
        {"0": "10.0.0.0/8"},
        "10.0.0.0/8",
        167772160,
        True,
        [None],
        [167772160],
        [True],
        [["10.0.0.0/8"]],
        ["10.0.0.1/8"],
        ["10.0.0.0/33"],
        [""],
        ["fe80::1%eth0"],
        ["10.0.0.0/8", "nonsense"],
    ],
)
def test_what_is_no_list_of_networks_admits_nobody(kept: object) -> None:
    with pytest.raises(networks.NotANetwork):
        networks.admits(kept, "10.0.0.1")


def test_networks_are_kept_in_one_form_and_once() -> None:
    given = [" 192.0.2.7", "192.0.2.7/32", "2001:DB8::/32", "::ffff:10.0.0.0/104"]

    assert networks.normal(given) == ["192.0.2.7/32", "2001:db8::/32", "10.0.0.0/8"]


def test_a_slip_is_answered_with_what_may_be_meant() -> None:
    with pytest.raises(networks.NotANetwork, match="Write 10.0.0.0/8 for the network, or 10.0.0.1"):
        networks.normal(["10.0.0.1/8"])
    with pytest.raises(networks.NotANetwork, match="'here' is no network"):
        networks.normal(["here"])


def test_so_many_networks_and_no_more() -> None:
    many = [f"10.0.{number}.0/24" for number in range(101)]

    assert len(networks.normal(many[:100])) == 100
    with pytest.raises(networks.NotANetwork, match="101 networks; 100 are allowed"):
        networks.normal(many)
