"""Writing entries."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from uuid import UUID

import psycopg
import structlog
from django.db import DEFAULT_DB_ALIAS, Error, connections, models

from audit import context, registry
from audit.errors import NotInTransaction
from audit.proofs import canonical, entries
from database.connections import own_connection

log = structlog.get_logger(__name__)

Outcome = Literal["success", "failure", "partial"]
Subject = models.Model | tuple[str, str] | None
Written = tuple[str, Sequence[Any]]  # a statement and its parameters

_INSERT: Final = """
    INSERT INTO audits.audit_log (
        actor_id, action, resource_type, resource_id, outcome, duration_ms, payload, personal
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_INSERT_WITH_PERSONAL: Final = f"""
    WITH made AS ({_INSERT} RETURNING entry_id)
    INSERT INTO audits.audit_personal (entry_id, salt, data) SELECT entry_id, %s, %s FROM made
"""
_LONGEST_ERROR: Final = 10_000


def record(
    action: str,
    *,
    by: models.Model | UUID | None = None,
    subject: Subject = None,
    outcome: Outcome = "success",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
    error: str = "",
    personal: Mapping[str, str] | None = None,
    duration_ms: int | None = None,
    using: str = DEFAULT_DB_ALIAS,
) -> None:
    """Write an entry in the transaction that is open: it stands or falls with what it tells of.

    ``by``        who did it: a person or their id; by default whom the database acts for
    ``subject``   what it was done to: a row, or its resource type and id
    ``before``, ``after``  what was changed, by column
    ``details``   what else there is to say; no floats: pass Decimal or text
    ``personal``  what may have to be erased one day, such as an address typed in

    UnknownAction, if the registry has no such action; NotInTransaction outside a transaction. Only
    an action declared as ``kept`` may be recorded anywhere, and outlives the transaction's failure.
    """
    declared = registry.find(action)
    connection = connections[using]
    if not declared.kept and not connection.in_atomic_block:
        raise NotInTransaction(
            f"{action} must be recorded in the transaction that does it: use transaction.atomic."
        )
    written = _prepared(
        declared.name,
        by=by,
        subject=subject,
        outcome=outcome,
        said=_payload(before=before, after=after, details=details, error=error),
        personal=personal or {},
        duration_ms=duration_ms,
    )
    if declared.kept:
        _write_apart(written, declared.name, using)
        return
    with connection.cursor() as cursor:
        cursor.execute(*written)


def _payload(
    *,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    details: Mapping[str, Any] | None,
    error: str,
) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if before is not None or after is not None:
        said["changes"] = {
            "before": None if before is None else dict(before),
            "after": None if after is None else dict(after),
        }
    if details:
        said["details"] = dict(details)
    if error:
        said["error"] = error[:_LONGEST_ERROR]
    return said


def _prepared(
    action: str,
    *,
    by: models.Model | UUID | None,
    subject: Subject,
    outcome: Outcome,
    said: dict[str, Any],
    personal: Mapping[str, str],
    duration_ms: int | None,
) -> Written:
    """The statement and its parameters."""
    here = context.current()
    actor = by.pk if isinstance(by, models.Model) else by or context.acting_for()
    resource_type, resource_id = _resource(subject)
    private = {**here.personal(), **personal}
    parameters: list[Any] = [
        actor,
        action,
        resource_type,
        resource_id,
        outcome,
        duration_ms,
        canonical.dumps(said | here.public()),
    ]
    if not private:
        return _INSERT, [*parameters, None]
    salt, data = os.urandom(32), canonical.dumps(private)
    return _INSERT_WITH_PERSONAL, [*parameters, entries.commitment(salt, data), salt, data]


def _resource(subject: Subject) -> tuple[str | None, str | None]:
    if subject is None:
        return None, None
    if isinstance(subject, models.Model):
        # A lazy object, such as a request's user, is of the class that it stands for.
        model = subject.__class__
        return noun_of(model), str(getattr(subject, getattr(model, "audit_key", "pk")))
    return subject


def noun_of(model: type[models.Model]) -> str:
    """What the log calls rows of this model: ``audit_noun``, or the model's name.

    A row is named by its key, or by the attribute that ``audit_key`` names: as its guard names it.
    """
    return str(getattr(model, "audit_noun", model._meta.model_name))


def _write_apart(written: Written, action: str, using: str) -> None:
    """Write an entry that no rollback takes with it.

    When it cannot be written the log line says so: what was refused stays refused.
    """
    connection = connections[using]
    try:
        if not connection.in_atomic_block:
            with connection.cursor() as cursor:
                cursor.execute(*written)
            return
        with own_connection(using, application_name="lacuna audit") as own:
            own.execute(*written)
    except (Error, psycopg.Error) as error:
        log.error("an entry of the audit log could not be written", action=action, error=str(error))  # noqa: TRY400 - the sentence says it
