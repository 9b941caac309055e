"""The master key in AWS KMS: SECRETS_KMS_KEY, a key's ARN or alias. It never leaves KMS.

Table, column and row go along as encryption context: KMS refuses to decrypt with another one, and
writes it to CloudTrail.
"""

from __future__ import annotations

import importlib
import threading
from typing import Any, Final

from database.encryption.errors import ProviderFailed, Undecryptable
from database.encryption.place import Place

# Seconds; a save must not hang on a service that does not answer.
_TIMES: Final = {"connect_timeout": 3, "read_timeout": 5, "retries": {"total_max_attempts": 2}}
_KEY_BYTES: Final = 32

# What KMS answers about one stored data key, as opposed to about us.
_CHANGED: Final = {"InvalidCiphertextException", "IncorrectKeyException"}
_UNUSABLE: Final = {
    "DisabledException": "is disabled",
    "KMSInvalidStateException": "is to be deleted, or cannot be used now",
    "NotFoundException": "is not there any more",
}


class AwsKms:
    """GenerateDataKey, Encrypt, Decrypt and ReEncrypt under one key.

    Credentials and region come from where boto3 looks for them: AWS_ACCESS_KEY_ID, AWS_REGION and
    so on, or the machine's role; the region of an ARN is the ARN's own.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._arn = key if _is_key_arn(key) else ""
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()

    @staticmethod
    def knows(key_id: str) -> bool:
        """Whether a master key of this name would be in KMS."""
        return _is_key_arn(key_id)

    def newest(self) -> str:
        """See ``KeyProvider``; an alias is asked for its key once, and after each new data key."""
        if not self._arn:
            answer = self._ask("describe_key", self._key, KeyId=self._key)
            self._arn = answer["KeyMetadata"]["Arn"]
        return self._arn

    def names(self) -> list[str]:
        """See ``KeyProvider``."""
        return [self.newest()]

    def generate(self, place: Place) -> tuple[bytearray, str, bytes]:
        """See ``KeyProvider``."""
        answer = self._ask(
            "generate_data_key",
            self._key,
            KeyId=self._key,
            NumberOfBytes=_KEY_BYTES,
            EncryptionContext=_context(place),
        )
        self._arn = answer["KeyId"]
        return bytearray(answer["Plaintext"]), answer["KeyId"], answer["CiphertextBlob"]

    def wrap(self, data_key: bytearray, place: Place) -> tuple[str, bytes]:
        """See ``KeyProvider``."""
        answer = self._ask(
            "encrypt",
            self._key,
            KeyId=self._key,
            Plaintext=bytes(data_key),
            EncryptionContext=_context(place),
        )
        return answer["KeyId"], answer["CiphertextBlob"]

    def unwrap(self, key_id: str, wrapped: bytes, place: Place) -> bytearray:
        """See ``KeyProvider``."""
        answer = self._ask(
            "decrypt",
            key_id,
            place,
            KeyId=key_id,
            CiphertextBlob=wrapped,
            EncryptionContext=_context(place),
        )
        if len(answer["Plaintext"]) != _KEY_BYTES:
            raise Undecryptable(place, "its data key does not have the length of one")
        return bytearray(answer["Plaintext"])

    def rewrap(self, key_id: str, wrapped: bytes, place: Place) -> tuple[str, bytes]:
        """See ``KeyProvider``; between regions, which ReEncrypt does not cross, by way of here."""
        if _region(key_id) != _region(self.newest()):
            data_key = self.unwrap(key_id, wrapped, place)
            try:
                return self.wrap(data_key, place)
            finally:
                data_key[:] = bytes(_KEY_BYTES)
        answer = self._ask(
            "re_encrypt",
            key_id,
            place,
            CiphertextBlob=wrapped,
            SourceKeyId=key_id,
            SourceEncryptionContext=_context(place),
            DestinationKeyId=self._key,
            DestinationEncryptionContext=_context(place),
        )
        return answer["KeyId"], answer["CiphertextBlob"]

    def check(self) -> None:
        """ProviderFailed unless the package is there; nothing is asked of KMS."""
        self._client(self._key)

    def _ask(
        self, operation: str, key: str, place: Place | None = None, **question: Any
    ) -> dict[str, Any]:
        """Answers hold data keys: of an error only its code is told."""
        client = self._client(key)
        try:
            answer: dict[str, Any] = getattr(client, operation)(**question)
            return answer
        except Exception as error:  # boto3 may not be installed: its errors have no name to catch
            if type(error).__module__.partition(".")[0] not in {"botocore", "boto3"}:
                raise
            response = getattr(error, "response", None) or {}  # of errors of the network: None
            code = response.get("Error", {}).get("Code") or type(error).__name__
        if place is not None and code in _CHANGED:
            raise Undecryptable(place, "it was changed, or belongs to another row, column or table")
        if place is not None and code in _UNUSABLE:
            raise Undecryptable(place, f"its master key {key} {_UNUSABLE[code]} in AWS KMS")
        raise ProviderFailed(
            f"AWS KMS did not do {operation} with {key} (SECRETS_KMS_KEY): {code}."
        )

    def _client(self, key: str) -> Any:
        region = _region(key)
        with self._making:
            if region not in self._clients:
                self._clients[region] = _connect(region)
            return self._clients[region]


def _connect(region: str) -> Any:
    # Both packages are an extra: who keeps keys in a file does not need them.
    try:
        boto3 = importlib.import_module("boto3")
        config = importlib.import_module("botocore.config")
    except ModuleNotFoundError:
        raise ProviderFailed(
            "SECRETS_PROVIDER=aws-kms needs the package boto3. Install the extra: pip install"
            " 'lacuna[kms]'"
        ) from None
    try:
        return boto3.session.Session().client(
            "kms", region_name=region or None, config=config.Config(**_TIMES)
        )
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in {"botocore", "boto3"}:
            raise
        raise ProviderFailed(f"AWS KMS cannot be asked: {error}") from None


def _context(place: Place) -> dict[str, str]:
    return {
        "lacuna": "secret 1",
        "table": place.table,
        "column": place.column,
        "row": place.row,
    }


def _is_key_arn(name: str) -> bool:
    parts = name.split(":", 5)
    return len(parts) == 6 and parts[0] == "arn" and parts[2] == "kms" and parts[5][:4] == "key/"


def _region(name: str) -> str:
    return name.split(":")[3] if name.startswith("arn:") and name.count(":") >= 5 else ""
