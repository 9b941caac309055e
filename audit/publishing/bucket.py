"""A bucket of checkpoints at an S3 service; one with object lock cannot be emptied by anybody."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

from audit.proofs import notes
from audit.proofs.errors import NoteError
from audit.publishing.errors import PublishingFailed, ahead, forked
from audit.publishing.history import History

_LARGEST: Final = 1_000_000  # bytes of a note
_TIMES: Final = {"connect_timeout": 5, "read_timeout": 10, "retries": {"total_max_attempts": 2}}
_THERE_ALREADY: Final = 412


class Bucket:
    """``<prefix>/<origin>/<size, 20 digits>`` for each checkpoint; none is ever written twice.

    Credentials, region and endpoint come from where boto3 looks for them: AWS_ACCESS_KEY_ID,
    AWS_ENDPOINT_URL and so on, or the machine's role.
    """

    def __init__(self, bucket: str, prefix: str, origin: str) -> None:
        self.name = f"s3://{bucket}" + (f"/{prefix}" if prefix else "")
        self._bucket = bucket
        self._prefix = f"{prefix}/{origin}/" if prefix else f"{origin}/"

    def publish(self, note: str, size: int, history: History) -> str:
        """See ``Target``; a checkpoint that is there already stays as it is."""
        newer = self.seen(above=size)
        if newer is not None:
            raise ahead(self.name, newer, size)
        key = self._key(size)
        with self._sentences():
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=note.encode(),
                    ContentType="text/plain; charset=utf-8",
                    IfNoneMatch="*",
                )
                return note
            except self._client.exceptions.ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != _THERE_ALREADY:
                    raise
            there = self._read(key)
            if notes.split(there)[0] != notes.split(note)[0]:
                raise forked(self.name, size)
            return there

    def seen(self, above: int = -1) -> int | None:
        """See ``Target``; only what comes after ``above`` is listed."""
        return max((size for _, size in self._listed(above)), default=None)

    def checkpoints(self) -> Iterator[str]:
        """See ``Keeper``."""
        for key, _ in self._listed(-1):
            with self._sentences():
                note = self._read(key)
            yield note

    def _listed(self, above: int) -> Iterator[tuple[str, int]]:
        """Keys and sizes above one, in order."""
        where = {"Bucket": self._bucket, "Prefix": self._prefix}
        if above >= 0:
            where["StartAfter"] = self._key(above)
        with self._sentences():
            for page in self._client.get_paginator("list_objects_v2").paginate(**where):
                for found in page.get("Contents", ()):
                    size = found["Key"].removeprefix(self._prefix)
                    if len(size) == 20 and size.isascii() and size.isdecimal():
                        yield found["Key"], int(size)

    def _key(self, size: int) -> str:
        return f"{self._prefix}{size:020d}"

    def _read(self, key: str) -> str:
        answer = self._client.get_object(Bucket=self._bucket, Key=key)
        with answer["Body"] as body:
            text: bytes = body.read(_LARGEST + 1)
        return text.decode()

    @cached_property
    def _client(self) -> Any:
        # Both packages are an extra: who publishes elsewhere does not need them.
        try:
            boto3 = importlib.import_module("boto3")
            config = importlib.import_module("botocore.config")
        except ModuleNotFoundError:
            raise PublishingFailed(
                f"Publishing to {self.name} needs the package boto3. Install the extra: pip install"
                " 'lacuna[s3]'"
            ) from None
        return boto3.client("s3", config=config.Config(**_TIMES))

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """The errors of boto3 have no package to be named by: they may not be installed."""
        try:
            yield
        except (NoteError, UnicodeDecodeError) as error:
            raise PublishingFailed(f"An object of {self.name} is no checkpoint: {error}") from None
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in {"botocore", "boto3"}:
                raise
            raise PublishingFailed(f"{self.name} did not take the checkpoint: {error}") from None
