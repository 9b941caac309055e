"""A small installation, with a row behind every address of the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from django.utils import timezone

from accounts.actions import invitations
from accounts.models import Session, User
from annotations.models import (
    AiAnnotationJob,
    AnnotationReview,
    BatchJob,
    BatchType,
    Decision,
    ReviewExtra,
    ReviewKind,
)
from imaging.models import AnalysisCacheEntry, AnalysisResultHistory, Image
from monitoring.actions import silences
from monitoring.models import Alert, MapConfig
from providers.actions import money
from providers.models import UsageEntry, UsageTracking
from tests.accounts.api_keys.keys import make_key
from tests.accounts.sessions.devices import program
from tests.annotations.making import make_annotation, make_collection
from tests.factories import (
    make_file,
    make_image,
    make_job,
    make_own_key,
    make_price,
    make_provider,
    make_quota,
    make_result,
    make_user,
)
from tests.factories.monitoring import make_analysis, make_anomaly, make_dataset
from tests.monitoring.alerting.making import make_rule

ROLES: Final = ("admin", "moderator", "analyst", "viewer", "api_user")
PASSWORD: Final = "correct horse violet tulip"


@dataclass(frozen=True)
class World:
    """Somebody of each role, logged in with a program, and the key of one row of each resource."""

    people: dict[str, User]
    tokens: dict[str, str]  # access tokens by role
    rows: dict[str, str]  # by the first part of the address below /api/v1/
    file_hash: str

    def address(self, path: str) -> str:
        """The path of the schema (``…/{id}/…``) or of the routes, for rows that there are."""
        parts = path.removeprefix("/api/v1/").split("/")
        first = "sessions" if parts[:2] == ["auth", "sessions"] else parts[0]
        row = self.rows.get(first, "")
        known = dict.fromkeys(("id", "pk", "annotation_id", "collection_id", "batch_id"), row)
        known |= {"name": "shapes", "file_hash": self.file_hash}
        return "/".join(_filled(part, known) for part in path.split("/"))

    def headers(self, role: str | None) -> dict[str, str]:
        """What a program of the role's person sends; none for a stranger."""
        return {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}


def make_world() -> World:
    """Rows of every kind, seen by everybody's team; those of one person are an analyst's."""
    people = {role: make_user(role) for role in ROLES}
    tokens = {role: program(person).access for role, person in people.items()}
    bystander = make_user("analyst")
    other = program(bystander)
    image = make_image(perceptual_hash=5)
    result = make_result(
        image=image, anomalies=[{"code": "blurred", "severity": "info", "value": 1, "limit": 2}]
    )
    result.confidence_score = "0.5000"
    result.save()  # the former stands in the history
    entry = AnalysisCacheEntry.objects.create(
        cache_key=f"{image.file_hash}:f",
        image=image,
        algorithm_fingerprint="f",
        cached_result={},
    )
    invited = invitations.create("newcomer@example.org", "viewer", by=people["admin"])
    rows: dict[str, Any] = {
        "images": image,
        "results": result,
        "earlier-results": AnalysisResultHistory.objects.get(),
        "analysis-jobs": make_job(image=image),
        "files": make_file(bystander),
        "cached-results": entry,
        "people": bystander,
        "api-keys": make_key(bystander).key,
        "invitations": invited.invitation,
        "sessions": Session.objects.get(pk=other.session.pk),
        **_annotation_rows(image, bystander),
        **_provider_rows(bystander),
        **_monitoring_rows(bystander),
    }
    keys = {name: str(row.pk) for name, row in rows.items()}
    return World(people, tokens, keys, image.file_hash)


def _annotation_rows(image: Image, by: User) -> dict[str, Any]:
    annotation = make_annotation(image=image)
    review = AnnotationReview.objects.create(
        annotation=annotation,
        reviewer=by,
        stage="final",
        decision=Decision.APPROVED,
        label=annotation.label,
        bounding_box=annotation.bounding_box,
        version=1,
    )
    return {
        "annotations": annotation,
        "reviews": review,
        "known-answers": ReviewExtra.objects.create(
            annotation=annotation, kind=ReviewKind.GOLD, expected_decision=Decision.APPROVED
        ),
        "collections": make_collection(image),
        "ai-jobs": AiAnnotationJob.objects.create(image=image, user=by, status="failed"),
        "batches": BatchJob.objects.create(job_type=BatchType.ANNOTATE, user=by),
    }


def _provider_rows(by: User) -> dict[str, Any]:
    """Rows of a provider; what somebody has spent is seen by that person and admins."""
    provider = make_provider("openai")
    price = make_price(provider)
    hold = money.reserve(
        user_id=by.pk,
        provider=provider,
        model=price.model,
        purpose="test",
        amount=Decimal("0.1"),
        price=price,
        seconds=60,
    )
    assert hold.id is not None
    money.settle(hold.id, Decimal("0.1"))
    return {
        "providers": provider,
        "provider-keys": make_own_key(user=by, provider=provider),
        "usage": UsageEntry.objects.get(user=by),
        "usage-by-day": UsageTracking.objects.get(user=by),
        "quotas": make_quota(user=by),
    }


def _monitoring_rows(by: User) -> dict[str, Any]:
    """A machine with all that belongs to it; seen by its owner and admins."""
    dataset = make_dataset(by)
    analysis = make_analysis(dataset)
    rule = make_rule(dataset)
    return {
        "datasets": dataset,
        "analyses": analysis,
        "maps": analysis.dinsight,
        "configurations": MapConfig.objects.get(),
        "anomalies": make_anomaly(analysis),
        "alert-rules": rule,
        "alerts": Alert.objects.create(
            alert_rule=rule, dataset=dataset, user=by, data={}, severity="high"
        ),
        "silences": silences.silence(
            dataset.pk, ends_at=timezone.now() + timedelta(hours=1), comment="Repair.", by=by
        ),
    }


def _filled(part: str, known: dict[str, str]) -> str:
    if part[:1] not in {"{", "<"}:
        return part
    return known[part.strip("{}<>").rpartition(":")[2]]
