"""Where the bytes go: to the address that was checked, proven by certificate, and nowhere else."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.outbound.pinned import Clock
from providers import prompts
from providers.adapters import wire
from providers.adapters.adapter import Adapter
from providers.addresses import LOOPBACK, PUBLIC, AddressRefused, Reach
from providers.interface import Access, Picture, ProviderDown, RequestRefused
from tests.providers.conftest import Ask
from tests.providers.stub import KEY, Stub, stub

HOST = "models.example"
Lookup = Callable[..., list[Any]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names stand for, and nothing is asked of a real resolver.

    Each lookup of a name takes its first address, until one is left. ``names["asked"]`` are the
    names in the order in which they were looked up.
    """
    known: dict[str, list[str]] = {"asked": []}
    real: Lookup = socket.getaddrinfo

    def looked_up(host: Any, port: Any, *rest: Any, **more: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else str(host)
        try:
            ipaddress.ip_address(name)
        except ValueError:
            known["asked"].append(name)
            if name not in known:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
            found = known[name]
            name = found.pop(0) if len(found) > 1 else found[0]
        return real(name, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    return known


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for HOST that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


def _server(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def _ask(adapter: Adapter, access: Access, picture: Picture) -> int:
    answer = adapter.annotate(
        access, adapter.default_model, picture, prompts.birds(), prompts.boxes()
    )
    return len(answer.boxes)


def test_tls_proves_the_name_while_the_connection_goes_to_the_checked_address(
    adapter: Adapter,
    picture: Picture,
    names: dict[str, list[str]],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names[HOST] = ["127.0.0.1"]
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(wire, "_certificates", lambda: trusting)

    with stub(tls=_server(certificate), host=HOST) as served:
        assert _ask(adapter, served.access(adapter.name), picture) == 1

        assert served.requests[0].headers["host"].partition(":")[0] == HOST
    assert names["asked"] == [HOST]  # once: what was checked is what was connected to


def test_a_certificate_that_nobody_vouches_for_is_refused(
    adapter: Adapter, picture: Picture, names: dict[str, list[str]], certificate: Path
) -> None:
    names[HOST] = ["127.0.0.1"]

    with (
        stub(tls=_server(certificate), host=HOST) as served,
        pytest.raises(ProviderDown, match="certificate that is not trusted"),
    ):
        _ask(adapter, served.access(adapter.name), picture)

    assert served.requests == []


def test_a_certificate_for_another_name_is_refused(
    adapter: Adapter,
    picture: Picture,
    names: dict[str, list[str]],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names["other.example"] = ["127.0.0.1"]
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(wire, "_certificates", lambda: trusting)

    with (
        stub(tls=_server(certificate), host="other.example") as served,
        pytest.raises(ProviderDown, match="certificate that is not trusted"),
    ):
        _ask(adapter, served.access(adapter.name), picture)


def test_a_name_that_turns_inwards_between_two_calls_is_refused(
    adapter: Adapter, picture: Picture, names: dict[str, list[str]]
) -> None:
    names[HOST] = ["127.0.0.1", "10.0.0.7"]

    with stub(host=HOST) as served:
        access = served.access(adapter.name)
        assert _ask(adapter, access, picture) == 1
        with pytest.raises(RequestRefused, match=r"10\.0\.0\.7, which is not public"):
            _ask(adapter, access, picture)

        assert len(served.requests) == 1


def test_this_machine_is_not_asked_unless_it_is_allowed(
    served: Stub, adapter: Adapter, picture: Picture
) -> None:
    careful = type(adapter)(reach=PUBLIC)

    with pytest.raises(RequestRefused, match=r"127\.0\.0\.1, which is not public"):
        _ask(careful, served.access(adapter.name), picture)

    assert served.requests == []


def test_plain_http_is_not_spoken_even_where_the_network_is_allowed(
    served: Stub, adapter: Adapter, picture: Picture
) -> None:
    unencrypted = type(adapter)(reach=Reach(networks=LOOPBACK.networks))

    with pytest.raises(RequestRefused, match="begins with http"):
        _ask(unencrypted, served.access(adapter.name), picture)

    assert served.requests == []


def test_a_base_url_that_is_none_is_refused(adapter: Adapter, picture: Picture) -> None:
    with pytest.raises(RequestRefused, match="https://host/path"):
        _ask(adapter, Access(key=KEY, base_url="ftp://example.org"), picture)


def test_nobody_but_the_given_address_is_asked(
    ask: Ask,
    served: Stub,
    adapter: Adapter,
    names: dict[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reached: set[Any] = set()
    real = socket.socket.connect

    def noted(self: socket.socket, address: Any) -> None:
        reached.add(address)
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", noted)

    ask()
    adapter.check(served.access(adapter.name))

    host, port = served.address.removeprefix("http://").split(":")
    assert reached == {(host, int(port))}
    assert names["asked"] == []


def test_without_a_base_url_only_the_providers_own_host_is_looked_up(
    adapter: Adapter, picture: Picture, names: dict[str, list[str]]
) -> None:
    with pytest.raises(ProviderDown, match="has no address"):
        _ask(adapter, Access(key=KEY), picture)

    assert names["asked"] == [
        {
            "openai": "api.openai.com",
            "anthropic": "api.anthropic.com",
            "google": "generativelanguage.googleapis.com",
        }[adapter.name]
    ]


def test_every_address_of_a_host_is_tried(served: Stub) -> None:
    port = int(served.address.rpartition(":")[2])
    clock = Clock(5)
    network = wire._pinned(LOOPBACK, plain=True, clock=clock)

    # The stub listens on IPv4 alone; a name such as localhost has both.
    stream = network.connect_tcp("localhost", port)
    stream.close()

    with pytest.raises(AddressRefused, match="Unix socket"):
        network.connect_unix_socket("/run/anything")


def test_no_step_is_begun_when_the_time_is_over() -> None:
    with pytest.raises(TimeoutError):
        Clock(0).left()
