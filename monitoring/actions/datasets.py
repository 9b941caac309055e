"""Making, changing and putting away datasets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import connection, transaction

from accounts.models import User
from audit.recording import record
from database import system_settings
from monitoring.actions import rules
from monitoring.errors import DatasetRefused, NotNow
from monitoring.models import Analysis, Dataset

log = structlog.get_logger(__name__)

LONGEST_NAME: Final = 255
LONGEST_TAG: Final = 100
MOST_TAGS: Final = 100
LARGEST_METADATA: Final = 1_000_000
_LONGEST_DESCRIPTION: Final = 10_000
# What PostgreSQL keeps in no text: the sign zero, and halves of signs; and zero as JSON writes it.
_UNKEPT: Final = re.compile("[\x00\ud800-\udfff]")
_UNKEPT_IN_JSON: Final = re.compile(r"[\ud800-\udfff]|(?<!\\)(?:\\\\)*\\u0000")


@transaction.atomic
def make(
    name: str,
    *,
    by: User,
    owner: User | None = None,
    description: str = "",
    tags: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Dataset:
    """Make a dataset, of ``by`` unless an admin makes it for another ``owner``."""
    dataset = Dataset(user=owner or by, name=_name(name))
    _describe(dataset, description=description, tags=tags, metadata=metadata or {})
    dataset.save(force_insert=True)
    record(
        "dataset.made",
        by=by,
        subject=dataset,
        after={"name": dataset.name, "tags": dataset.tags, "owner": str(dataset.user_id)},
    )
    log.info("dataset made", dataset_id=str(dataset.pk), user_id=str(by.pk))
    return dataset


@transaction.atomic
def change(dataset_id: UUID, *, by: User, **fields: Any) -> Dataset:
    """Change ``name``, ``description``, ``tags`` or ``metadata``; what is left out stays."""
    known = {"name", "description", "tags", "metadata"}
    if unknown := fields.keys() - known:
        raise DatasetRefused(
            f"{', '.join(sorted(unknown))} cannot be changed; {', '.join(sorted(known))} can."
        )
    dataset = locked(dataset_id)
    before = {"name": dataset.name, "tags": dataset.tags, "description": dataset.description}
    if "name" in fields:
        dataset.name = _name(fields["name"])
    _describe(dataset, **{name: fields[name] for name in fields if name != "name"})
    dataset.save()
    after = {"name": dataset.name, "tags": dataset.tags, "description": dataset.description}
    changed = sorted(name for name in before if before[name] != after[name])
    record(
        "dataset.changed",
        by=by,
        subject=dataset,
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
        details={"metadata": "metadata" in fields},
    )
    return dataset


@transaction.atomic
def archive(dataset_id: UUID, *, by: User) -> Dataset:
    """Put a dataset away: it stays, but takes no analyses, and raises no alerts.

    Analyses that wait are cancelled; alerts that are open are resolved, which is told.
    """
    # Analyses before their dataset, as an analysis that ends at this moment locks them.
    live = Analysis.objects.live().filter(dataset_id=dataset_id)
    cancelled = live.cancel()
    dataset = locked(dataset_id)
    if not dataset.is_active:
        return dataset
    dataset.is_active = False
    dataset.save(update_fields=["is_active"])
    cancelled += live.all().cancel()  # what was asked for in between
    rules.end_alerts_of(dataset, note="The dataset was put away.", by=by)
    record("dataset.archived", by=by, subject=dataset, details={"cancelled": cancelled})
    log.info("dataset archived", dataset_id=str(dataset_id), user_id=str(by.pk))
    return dataset


@transaction.atomic
def reopen(dataset_id: UUID, *, by: User) -> Dataset:
    """Use a dataset again that was put away."""
    dataset = locked(dataset_id)
    if dataset.is_active:
        return dataset
    dataset.is_active = True
    dataset.save(update_fields=["is_active"])
    record("dataset.reopened", by=by, subject=dataset)
    return dataset


def locked(dataset_id: UUID) -> Dataset:
    """The row, locked; NotNow if there is none, or none that one may see."""
    try:
        return Dataset.objects.select_for_update(no_key=True).get(pk=dataset_id)
    except Dataset.DoesNotExist:
        raise NotNow(f"There is no dataset {dataset_id}.") from None


def _describe(
    dataset: Dataset,
    *,
    description: str | None = None,
    tags: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    if description is not None:
        if len(description) > _LONGEST_DESCRIPTION or _UNKEPT.search(description):
            raise DatasetRefused(
                f"The description must be text of at most {_LONGEST_DESCRIPTION:,} characters,"
                " without NUL and halves of signs."
            )
        dataset.description = description or None
    if tags is not None:
        dataset.tags = _tags(tags)
    if metadata is not None:
        _note(dataset, metadata)


def _name(name: str) -> str:
    bare = " ".join(name.split()) if isinstance(name, str) else ""
    if not bare or len(bare) > LONGEST_NAME or _UNKEPT.search(bare):
        raise DatasetRefused(
            f"A dataset needs a name of 1 to {LONGEST_NAME} characters; {name!r} is none."
        )
    return bare


def _tags(tags: Sequence[str]) -> list[str]:
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
        raise DatasetRefused("Tags are a list of words.")
    bare = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    for tag in bare:
        if len(tag) > LONGEST_TAG or _UNKEPT.search(tag):
            raise DatasetRefused(
                f"The tag {tag[:30]!r} has more than {LONGEST_TAG} characters, or a NUL, or half of"
                " a sign."
            )
    if len(bare) > MOST_TAGS:
        raise DatasetRefused(f"{len(bare)} tags were given; at most {MOST_TAGS} are kept.")
    return bare


def _note(dataset: Dataset, metadata: Mapping[str, Any]) -> None:
    """Store what is noted, in the clear or sealed, as the setting says."""
    try:
        said = json.dumps(dict(metadata), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise DatasetRefused(f"The metadata cannot be stored as JSON: {error}.") from None
    if _UNKEPT_IN_JSON.search(said):
        raise DatasetRefused(
            "Of the metadata no NUL and no half of a sign can be stored. Leave them out."
        )
    size = len(said.encode())
    if size <= LARGEST_METADATA:  # as the database writes it: 1e300 has three hundred digits there
        with connection.cursor() as cursor:
            cursor.execute("SELECT octet_length(%s::jsonb::text)", [said])
            size = cursor.fetchone()[0]
    if size > LARGEST_METADATA:
        raise DatasetRefused(
            f"The metadata takes {size:,} bytes as JSON; at most {LARGEST_METADATA:,} are kept."
        )
    if system_settings.get("encrypt_dataset_metadata") and metadata:
        dataset.metadata, dataset.sealed_metadata = {}, dict(metadata)
    else:
        dataset.metadata, dataset.sealed_metadata = dict(metadata), None
