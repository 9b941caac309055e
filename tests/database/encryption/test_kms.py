"""Master keys in AWS KMS: what is asked, and what is made of each answer."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from typing import Any

import boto3  # type: ignore[import-untyped] # it carries no types
import pytest
from botocore.exceptions import ConnectTimeoutError  # type: ignore[import-untyped]
from botocore.stub import Stubber  # type: ignore[import-untyped]

from database.encryption import envelope, kms, providers
from database.encryption.errors import EncryptionError, ProviderFailed, Undecryptable
from database.encryption.kms import AwsKms
from database.encryption.local import LocalKeyring
from database.encryption.place import Place
from tests.database.encryption.rows import command, make_safes
from tests.database.secretsapp.models import Safe

ARN = "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555"
OTHER = "arn:aws:kms:eu-central-1:111122223333:key/99999999-2222-3333-4444-555555555555"
FAR = "arn:aws:kms:us-east-1:111122223333:key/mrk-11111111222233334444555555555555"
PLACE = Place("safes", "code", "42")
CONTEXT = {"lacuna": "secret 1", "table": "safes", "column": "code", "row": "42"}
DATA_KEY = bytes(range(32))
WRAPPED = b"w" * 184


@pytest.fixture(autouse=True)
def nothing_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a machine's role nor a person's credentials."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client that the provider makes; it is never let out to the network."""
    made = boto3.session.Session(region_name="eu-central-1").client("kms")
    monkeypatch.setattr(kms, "_connect", lambda _: made)
    return made


@pytest.fixture
def stub(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_a_data_key_is_generated_with_its_place_as_context(stub: Stubber) -> None:
    stub.add_response(
        "generate_data_key",
        {"KeyId": ARN, "Plaintext": DATA_KEY, "CiphertextBlob": WRAPPED},
        {"KeyId": "alias/lacuna", "NumberOfBytes": 32, "EncryptionContext": CONTEXT},
    )
    provider = AwsKms("alias/lacuna")

    assert provider.generate(PLACE) == (bytearray(DATA_KEY), ARN, WRAPPED)
    assert provider.names() == [ARN]


def test_an_alias_is_asked_for_its_key(stub: Stubber) -> None:
    stub.add_response(
        "describe_key",
        {"KeyMetadata": {"KeyId": ARN[-36:], "Arn": ARN}},
        {"KeyId": "alias/lacuna"},
    )

    assert AwsKms("alias/lacuna").newest() == ARN
    assert AwsKms(ARN).newest() == ARN


def test_it_is_decrypted_by_the_key_that_wrapped_it_with_the_same_context(stub: Stubber) -> None:
    stub.add_response(
        "decrypt",
        {"KeyId": OTHER, "Plaintext": DATA_KEY},
        {"KeyId": OTHER, "CiphertextBlob": WRAPPED, "EncryptionContext": CONTEXT},
    )

    assert AwsKms(ARN).unwrap(OTHER, WRAPPED, PLACE) == DATA_KEY


def test_it_is_encrypted_anew_within_kms(stub: Stubber) -> None:
    stub.add_response(
        "re_encrypt",
        {"KeyId": ARN, "SourceKeyId": OTHER, "CiphertextBlob": b"new"},
        {
            "CiphertextBlob": WRAPPED,
            "SourceKeyId": OTHER,
            "SourceEncryptionContext": CONTEXT,
            "DestinationKeyId": ARN,
            "DestinationEncryptionContext": CONTEXT,
        },
    )

    assert AwsKms(ARN).rewrap(OTHER, WRAPPED, PLACE) == (ARN, b"new")


def test_between_regions_it_goes_by_way_of_here(stub: Stubber) -> None:
    stub.add_response("decrypt", {"KeyId": FAR, "Plaintext": DATA_KEY})
    stub.add_response(
        "encrypt",
        {"KeyId": ARN, "CiphertextBlob": b"new"},
        {"KeyId": ARN, "Plaintext": DATA_KEY, "EncryptionContext": CONTEXT},
    )

    assert AwsKms(ARN).rewrap(FAR, WRAPPED, PLACE) == (ARN, b"new")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("InvalidCiphertextException", "it was changed, or belongs to another row"),
        ("IncorrectKeyException", "it was changed, or belongs to another row"),
        ("DisabledException", f"its master key {ARN} is disabled in AWS KMS"),
        ("KMSInvalidStateException", f"its master key {ARN} is to be deleted"),
        ("NotFoundException", f"its master key {ARN} is not there any more"),
    ],
)
def test_what_kms_refuses_for_one_secret_is_undecryptable(
    stub: Stubber, code: str, why: str
) -> None:
    for operation in ("decrypt", "re_encrypt"):
        stub.add_client_error(operation, code, "told by the service")
    provider = AwsKms(ARN)

    for ask in (provider.unwrap, provider.rewrap):
        with pytest.raises(Undecryptable) as refused:
            ask(ARN, WRAPPED, PLACE)
        assert f"safes.code of row 42 cannot be decrypted: {why}" in str(refused.value)
        assert refused.value.__context__ is None


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ThrottlingException", "DisabledException"]
)
def test_what_kms_refuses_of_us_names_the_setting_and_the_code(stub: Stubber, code: str) -> None:
    stub.add_client_error("generate_data_key", code, "told by the service")

    with pytest.raises(ProviderFailed) as refused:
        AwsKms(ARN).generate(PLACE)

    assert str(refused.value) == (
        f"AWS KMS did not do generate_data_key with {ARN} (SECRETS_KMS_KEY): {code}."
    )


def test_a_service_that_does_not_answer_is_named(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(**_: Any) -> None:
        raise ConnectTimeoutError(endpoint_url="https://kms.invalid")

    monkeypatch.setattr(client, "decrypt", late)

    with pytest.raises(ProviderFailed, match="ConnectTimeoutError"):
        AwsKms(ARN).unwrap(ARN, WRAPPED, PLACE)


def test_a_data_key_of_another_length_is_refused(stub: Stubber) -> None:
    stub.add_response("decrypt", {"KeyId": ARN, "Plaintext": b"short"})

    with pytest.raises(Undecryptable, match="length"):
        AwsKms(ARN).unwrap(ARN, WRAPPED, PLACE)


def test_an_error_of_ours_is_not_hidden_as_one_of_the_service(client: Any) -> None:
    with pytest.raises(AttributeError):
        AwsKms(ARN)._ask("no_such_operation", ARN)


def test_connections_have_their_limits_and_the_region_of_the_key() -> None:
    provider = AwsKms(ARN)
    provider.check()
    [made] = provider._clients.values()

    assert made.meta.region_name == "eu-central-1"
    assert made.meta.config.connect_timeout <= 5
    assert made.meta.config.read_timeout <= 5
    assert made.meta.config.retries["total_max_attempts"] == 2


def test_without_a_region_the_start_is_refused() -> None:
    with pytest.raises(ProviderFailed, match="AWS KMS cannot be asked: You must specify a region"):
        AwsKms("alias/lacuna").check()


def test_without_the_package_the_start_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)

    with pytest.raises(
        ProviderFailed, match=r"needs the package boto3.*pip install 'lacuna\[kms\]'"
    ):
        AwsKms(ARN).check()


class FakeKms:
    """What KMS promises, on this machine: bound to key and context, nothing else."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.disabled: set[str] = set()

    def _wrap(self, key: str, data_key: bytes, context: dict[str, str]) -> dict[str, Any]:
        bound = repr((key, sorted(context.items()))).encode()
        return {"KeyId": key, "CiphertextBlob": base64.b64encode(data_key) + b"|" + bound}

    def generate_data_key(self, **question: Any) -> dict[str, Any]:
        self.calls.append("generate_data_key")
        wrapped = self._wrap(question["KeyId"], DATA_KEY, question["EncryptionContext"])
        return {**wrapped, "Plaintext": DATA_KEY}

    def encrypt(self, **question: Any) -> dict[str, Any]:
        self.calls.append("encrypt")
        return self._wrap(question["KeyId"], question["Plaintext"], question["EncryptionContext"])

    def decrypt(self, **question: Any) -> dict[str, Any]:
        self.calls.append("decrypt")
        data_key = base64.b64decode(question["CiphertextBlob"].partition(b"|")[0])
        right = self._wrap(question["KeyId"], data_key, question["EncryptionContext"])
        if question["CiphertextBlob"] != right["CiphertextBlob"]:
            raise _client_error("InvalidCiphertextException")
        return {"KeyId": question["KeyId"], "Plaintext": data_key}

    def re_encrypt(self, **question: Any) -> dict[str, Any]:
        self.calls.append("re_encrypt")
        opened = self.decrypt(
            KeyId=question["SourceKeyId"],
            CiphertextBlob=question["CiphertextBlob"],
            EncryptionContext=question["SourceEncryptionContext"],
        )
        return self._wrap(
            question["DestinationKeyId"],
            opened["Plaintext"],
            question["DestinationEncryptionContext"],
        )


def _client_error(code: str) -> Exception:
    client = boto3.session.Session(region_name="eu-central-1").client("kms")
    made: Exception = getattr(client.exceptions, code)({"Error": {"Code": code}}, "Decrypt")
    return made


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[FakeKms]:
    """The product on KMS."""
    made = FakeKms()
    monkeypatch.setattr(kms, "_connect", lambda _: made)
    settings.SECRETS_PROVIDER, settings.SECRETS_KMS_KEY = "aws-kms", ARN
    providers._kms.cache_clear()
    yield made
    providers._kms.cache_clear()


@pytest.mark.usefixtures("fake")
def test_envelopes_are_bound_by_kms_too() -> None:
    blob = envelope.seal(b"secret", PLACE)

    assert envelope.Envelope.parse(blob).key_id == ARN
    assert envelope.unseal(blob, PLACE) == b"secret"
    with pytest.raises(Undecryptable, match="it was changed, or belongs to another row"):
        envelope.unseal(blob, Place("safes", "code", "43"))


@pytest.mark.django_db(transaction=True)
def test_a_site_moves_to_kms_from_key_to_key_and_back(
    ring: LocalKeyring, fake: FakeKms, settings: Any
) -> None:
    settings.SECRETS_PROVIDER = "local"
    make_safes(3)
    settings.SECRETS_PROVIDER = "aws-kms"
    assert Safe.objects.get(label="1").code.reveal() == "code 1"

    assert command("rewrap_secrets")["rows_by_key"] == {ARN: 6}
    settings.SECRETS_KMS_KEY = OTHER
    assert command("rewrap_secrets")["rows_by_key"] == {OTHER: 6}
    assert fake.calls.count("re_encrypt") == 6
    settings.SECRETS_PROVIDER = "local"
    assert command("rewrap_secrets")["rows_by_key"] == {ring.newest(): 6}

    assert Safe.objects.get(label="1").code.reveal() == "code 1"
    assert command("secret_keys", "list")["keys"] == {ring.newest(): 6}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("fake")
def test_keys_of_kms_are_not_made_here(settings: Any) -> None:
    settings.SECRETS_KEYRING.unlink()

    for words in (["create"], ["add"], ["retire", ARN]):
        with pytest.raises(Exception, match="The master keys are held by aws-kms") as refused:
            command("secret_keys", *words)
        assert not isinstance(refused.value, EncryptionError)
    assert command("secret_keys", "list")["keys"] == {ARN: 0}
