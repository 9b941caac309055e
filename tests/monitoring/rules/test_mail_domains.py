"""Which addresses a list of domains allows."""

from __future__ import annotations

import pytest

from monitoring.rules.mail_domains import allows, domain_of, is_domain


@pytest.mark.parametrize(
    ("domains", "address", "allowed"),
    [
        ([], "anybody@anywhere.example", True),
        (["plant.example"], "ada@plant.example", True),
        (["plant.example"], "ada@PLANT.Example", True),
        (["plant.example"], "ada@mail.plant.example", False),
        (["plant.example"], "ada@otherplant.example", False),
        (["plant.example"], "ada@plant.example.org", False),
        (["plant.example"], "plant.example", True),
        (["*.plant.example"], "ada@mail.plant.example", True),
        (["*.plant.example"], "ada@a.b.plant.example", True),
        (["*.plant.example"], "ada@plant.example", False),
        (["other.example", "plant.example"], "ada@plant.example", True),
        (["plant.example"], "ada@xn--plant-0ta.example", False),
        (["xn--mnchen-3ya.example"], "ada@münchen.example", True),
        (["plant.example"], "ada@ｐlant。example", True),  # noqa: RUF001 - in full width
        (["plant.example"], "ada@plаnt.example", False),  # noqa: RUF001 - a Cyrillic letter
        (["plant.example"], "ada@", False),
        (["plant.example"], f"ada@{'x' * 70}.example", False),
        (["plant.example"], "ada@a..b", False),
    ],
)
def test_an_address_is_allowed_by_its_domain(
    domains: list[str], address: str, allowed: bool
) -> None:
    assert allows(domains, address) is allowed


def test_a_domain_is_written_as_dns_has_it() -> None:
    assert domain_of("ada@münchen.example") == "xn--mnchen-3ya.example"
    assert domain_of("ada@a..b") == ""
    for good in ("plant.example", "*.plant.example", "a-b.c0.example"):
        assert is_domain(good)
    for wrong in (
        "",
        "localhost",
        "@plant.example",
        "ada@plant.example",
        "Plant.example",
        "*",
        "*.*.example",
        ".plant.example",
        "plant.example.",
        "plant..example",
        "-plant.example",
        "münchen.example",
        "plant.example\n",
        f"{'x' * 64}.example",
        f"{'x.' * 126}example",
    ):
        assert not is_domain(wrong), wrong
