"""What AUDIT_PUBLISH may say."""

from __future__ import annotations

from typing import Any

import pytest

from audit.publishing import targets
from audit.publishing.errors import WrongTarget


def test_each_kind_of_address_makes_its_target_and_witnesses_come_first(settings: Any) -> None:
    settings.AUDIT_WITNESS_KEYS = []
    settings.AUDIT_PUBLISH = [
        "file:///var/lib/somebody's place #1",
        "s3://evidence/logs/",
        "https://name:se%40cret@witness.example:8443/w/",
        "http://[::1]:80/",
    ]

    assert targets.names() == [
        "https://witness.example:8443/w",
        "http://[::1]:80",
        "file:///var/lib/somebody's place #1",
        "s3://evidence/logs",
    ]
    assert [keeper.name for keeper in targets.keepers("x")] == targets.names()[2:]


@pytest.mark.parametrize(
    "address",
    [
        "file://relative/path",
        "/only/a/path",
        "ftp://host/",
        "https://",
        "https://name:hidden@witness.example/?token=1",
        "s3://key:hidden@bucket/x",
        "https://name:hidden@[::1/",
        "s3://B/",
    ],
)
def test_other_addresses_are_refused_without_telling_a_password(
    settings: Any, address: str
) -> None:
    settings.AUDIT_PUBLISH = [address]

    with pytest.raises(WrongTarget, match="AUDIT_PUBLISH") as refused:
        targets.names()
    assert "hidden" not in str(refused.value)
