"""The targets of the setting AUDIT_PUBLISH, one for each address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from django.conf import settings

from audit import keyring
from audit.publishing.bucket import Bucket
from audit.publishing.errors import WrongTarget
from audit.publishing.folder import Folder
from audit.publishing.history import History
from audit.publishing.witness import Witness

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")


class Target(Protocol):
    """Somewhere to publish; ``name`` is its address without credentials."""

    name: str

    def publish(self, note: str, size: int, history: History) -> str:
        """Hand over the checkpoint of ``size`` leaves; return it with what the target added.

        PublishingFailed when it cannot be done now; Contradicted when the target knows better.
        """

    def seen(self, above: int = -1) -> int | None:
        """The largest size that the target has of this log, if above ``above``; None if none.

        None too from a target that cannot be asked. Raises PublishingFailed.
        """


@runtime_checkable
class Keeper(Target, Protocol):
    """A target that hands back what it was given."""

    def checkpoints(self) -> Iterator[str]:
        """Every note that it has of this log, the smallest size first; PublishingFailed."""


def configured(origin: str) -> list[Target]:
    """The targets for the log of this name, witnesses first: what they sign, the others keep.

    WrongTarget for an address that is none, KeyringError for a wrong witness's key.
    """
    made = [_target(address, origin) for address in settings.AUDIT_PUBLISH]
    return sorted(made, key=lambda target: isinstance(target, Keeper))


def keepers(origin: str) -> list[Keeper]:
    """The targets that can be asked for what they were given."""
    return [target for target in configured(origin) if isinstance(target, Keeper)]


def names() -> list[str]:
    """The targets' names, for those who only look at what was published."""
    return [target.name for target in configured("")]


def _target(address: str, origin: str) -> Target:
    scheme, colon, rest = address.partition("://")
    if scheme == "file" and colon:
        if not rest.startswith("/"):
            raise WrongTarget(
                f"AUDIT_PUBLISH: file://{rest} is no absolute path. Write three slashes:"
                " file:///var/lib/lacuna/checkpoints"
            )
        return Folder(rest, origin)
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:  # its text might repeat a password
        raise WrongTarget("AUDIT_PUBLISH has an address that cannot be read.") from None
    if not host or parts.query or parts.fragment or scheme not in {"http", "https", "s3"}:
        raise WrongTarget(
            f"AUDIT_PUBLISH: {scheme[:10]}://{host or ''} is no target. Use file:///folder,"
            " https://witness.example/prefix or s3://bucket/prefix, without ? and #."
        )
    if scheme == "s3":
        if not _BUCKET.match(parts.netloc):
            raise WrongTarget(
                f"AUDIT_PUBLISH: {host!r} cannot be a bucket, or says more than its name."
                " Credentials come from the environment or the machine's role."
            )
        return Bucket(parts.netloc, parts.path.strip("/"), origin)
    shown = f"[{host}]" if ":" in host else host
    prefix = f"{scheme}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    login = None
    if parts.username:
        login = (unquote(parts.username), unquote(parts.password or ""))
    return Witness(prefix, origin, login=login, keys=keyring.witnesses())
