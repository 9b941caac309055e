"""The pages around the desk: lists, histories, collections, batches, and who may do what there."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from annotations import handlers
from annotations.actions import ai_jobs, bulk, deciding
from annotations.actions.claims import Filters
from annotations.actions.deciding import Verdict
from annotations.boxes import Box
from annotations.models import (
    AiAnnotationJob,
    Annotation,
    AnnotationReview,
    BatchJob,
    BatchJobError,
    Decision,
    ReviewExtra,
    SavedView,
)
from audit.models import Entry
from tests.annotations.admin.browsing import decided, logged_in, said
from tests.annotations.making import make_annotation, make_collection
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db

EVERYWHERE = (
    "/annotations/annotation/",
    "/annotations/imagecollection/",
    "/annotations/aiannotationjob/",
    "/annotations/batchjob/",
)


def test_the_overview_says_what_waits_for_review() -> None:
    client = logged_in("moderator")
    assert "Waiting for review" not in said(client.get("/"))

    make_annotation()

    assert "1 annotation waits for a decision" in said(client.get("/"))
    assert "Waiting for review" not in said(logged_in("viewer").get("/"))


@pytest.mark.parametrize("address", EVERYWHERE)
@pytest.mark.parametrize("role", ["viewer", "analyst", "moderator", "admin"])
def test_every_list_opens_empty_and_filled_for_every_role(address: str, role: str) -> None:
    client = logged_in(role)
    assert client.get(address).status_code == 200
    image, person = make_image(), make_user("admin")
    make_collection(image)
    make_annotation(image=image)
    bulk.request(Filters(), Decision.APPROVED, by=person)
    ai_jobs.ask(image, by=person)

    page = said(client.get(address))

    assert "paginator" in page or "result_list" in page


def test_the_list_is_filtered_by_what_the_desk_filters_by() -> None:
    image = make_image()
    home = make_collection(image, stages=["L1", "final"])
    inside = make_annotation(image=image, label="a jay")
    outside = make_annotation(label="a finch", vision_provider="openai")
    client = logged_in("viewer")

    for query in (f"collection={home.pk}", "stage=L1", "provider=local", f"q={inside.pk}"):
        page = said(client.get(f"/annotations/annotation/?{query}"))
        assert ("a jay" in page, "a finch" in page) == (True, False), query
    for query in ("stage=final", "provider=openai", f"q={outside.image_id}"):
        page = said(client.get(f"/annotations/annotation/?{query}"))
        assert ("a jay" in page, "a finch" in page) == (False, True), query
    for query in ("status=approved", "source=person", "q=nothing"):
        page = said(client.get(f"/annotations/annotation/?{query}"))
        assert "Nothing matches" in page, query
    for query in ("status=odd", "collection=odd", "stage=odd"):
        assert "a jay" in said(client.get(f"/annotations/annotation/?{query}")), query


def test_approving_all_that_fits_takes_the_lists_filters_along() -> None:
    page = said(logged_in("analyst").get("/annotations/annotation/?stage=L1&provider=local"))

    assert "/annotations/bulk/?stage=L1&amp;provider=local" in page
    assert "/annotations/bulk/" not in said(logged_in("viewer").get("/annotations/annotation/"))


def test_the_page_of_an_annotation_tells_its_whole_history() -> None:
    annotation, reviewer = make_annotation(label="robin"), make_user("analyst", full_name="Ann")
    decided(annotation, reviewer, label="jay", box=Box(0, 0, 0.5, 0.5))
    Annotation.objects.filter(pk=annotation.pk)

    page = said(logged_in("viewer").get(f"/annotations/annotation/{annotation.pk}/change/"))

    assert "robin" in page
    assert "jay" in page
    assert page.count("Ann") >= 3  # in the facts, the decisions, the versions
    assert "(edited)" in page
    assert 'width="50" height="50"' in page  # the new box
    assert 'aria-label="Restore version 1"' not in page


def test_an_earlier_version_is_restored_and_a_decision_reopened() -> None:
    annotation, person = make_annotation(label="robin"), make_user("analyst")
    decided(annotation, person, label="jay")
    client = logged_in(person)
    address = f"/annotations/annotation/{annotation.pk}"

    client.post(f"{address}/reopen/", {"version": "2"})
    annotation.refresh_from_db()
    assert (annotation.review_status, annotation.version) == ("pending", 3)
    stale = client.post(f"{address}/restore/", {"version": "2", "to_version": "1"}, follow=True)
    assert "It was changed meanwhile" in said(stale)
    client.post(f"{address}/restore/", {"version": "3", "to_version": "1"})

    annotation.refresh_from_db()
    assert (annotation.label, annotation.version) == ("robin", 4)
    missing = client.post(f"{address}/restore/", {"version": "4", "to_version": "x"}, follow=True)
    assert "There is no version 0" in said(missing)
    assert logged_in("viewer").post(f"{address}/reopen/", {"version": "4"}).status_code == 403


def test_a_decided_annotation_becomes_a_known_answer_and_is_none_any_more() -> None:
    annotation = make_annotation()
    address = f"/annotations/annotation/{annotation.pk}"
    moderator = logged_in("moderator")

    refused = moderator.post(f"{address}/make_known/", follow=True)
    assert "still wait for review" in refused.content.decode()

    first = make_user("analyst")
    deciding.decide(annotation.pk, Verdict(Decision.APPROVED, version=1), by=first)
    page = moderator.post(f"{address}/make_known/", follow=True).content.decode()
    assert "what was decided is its answer" in page
    assert "<span>known answer</span>" in page
    extra = ReviewExtra.objects.get()
    assert (extra.kind, extra.expected_decision, extra.is_open) == ("gold", "approved", True)
    assert "known answer" not in logged_in("analyst").get(f"{address}/change/").content.decode()
    assert logged_in("analyst").post(f"{address}/make_known/").status_code == 403

    page = moderator.post(f"{address}/forget_known/", follow=True).content.decode()
    assert "Nobody is checked with it any more" in page
    assert not ReviewExtra.objects.filter(is_open=True).exists()
    assert Entry.objects.filter(action__startswith="annotation.made_").count() == 2


def test_what_is_reviewed_anew_checks_nobody() -> None:
    annotation = make_annotation()
    address = f"/annotations/annotation/{annotation.pk}"
    moderator = logged_in("moderator")
    deciding.decide(annotation.pk, Verdict(Decision.APPROVED, version=1), by=make_user("analyst"))
    moderator.post(f"{address}/make_known/")

    moderator.post(f"{address}/reopen/", {"version": "2"})

    assert not ReviewExtra.objects.get().is_open


def test_an_annotation_is_removed_by_who_may() -> None:
    annotation = make_annotation(label="jay")
    address = f"/annotations/annotation/{annotation.pk}"
    assert "Remove it" not in logged_in("viewer").get(f"{address}/change/").content.decode()
    assert logged_in("viewer").post(f"{address}/remove/").status_code == 403

    moderator = logged_in("moderator")
    assert "Remove it" in moderator.get(f"{address}/change/").content.decode()
    said = moderator.post(f"{address}/remove/", follow=True).content.decode()

    assert f"The annotation in {annotation.image.file_name} was removed" in said
    assert not Annotation.objects.exists()
    assert Entry.objects.get(action="annotation.removed").resource_id == str(annotation.pk)
    again = moderator.post(f"{address}/remove/", follow=True).content.decode()
    assert "is not here any more" in again


def test_checks_of_reviewers_are_told_only_to_who_sets_them_up() -> None:
    annotation, person = make_annotation(), make_user("analyst")
    decided(annotation, make_user("moderator"))
    extra = ReviewExtra.objects.create(
        annotation=annotation, kind="gold", expected_decision="approved", expected_label="robin"
    )
    deciding.check_again(extra, Verdict(Decision.REJECTED, 2, reason="no_bird"), by=person)
    address = f"/annotations/annotation/{annotation.pk}/change/"

    assert "known answer, differs" in said(logged_in("moderator").get(address))
    assert "known answer" not in said(logged_in("analyst").get(address))


def test_all_that_fits_is_approved_after_a_question() -> None:
    image, person = make_image(), make_user("analyst")
    make_annotation(image=image, label="jay")
    make_annotation(image=image, label="jay", vision_confidence=Decimal("0.1"))
    make_annotation(image=image, label="owl")
    client = logged_in(person)

    question = said(client.get("/annotations/bulk/?label=jay&least=0.3"))
    assert "1 annotation</p>" in question
    assert "label “jay”" in question
    assert "confidence at least 0.3" in question
    answer = client.post("/annotations/bulk/", {"label": "jay", "least": "0.3"}, follow=True)

    page = said(answer)
    assert "data-live" in page
    assert "confidence at least 0.3" in page
    [batch] = BatchJob.objects.claim("worker-1", 1, time_limit=timedelta(minutes=1))
    handlers.run_batch(batch)
    assert Annotation.objects.filter(review_status="approved").count() == 1
    assert AnnotationReview.objects.get().reviewer == person


def test_nothing_that_fits_and_wrong_filters_are_said() -> None:
    client = logged_in("analyst")

    assert "Nothing that fits" in said(client.get("/annotations/bulk/"))
    none = client.post("/annotations/bulk/", {"label": "jay"}, follow=True)
    assert "Nothing that fits" in said(none)
    wrong = client.get("/annotations/bulk/?least=7", follow=True)
    assert "from 0 to 1" in said(wrong)
    assert logged_in("viewer").get("/annotations/bulk/").status_code == 403


def test_a_batch_says_how_far_it_is_and_is_cancelled() -> None:
    image, person = make_image(file_name="lost.jpg"), make_user("analyst")
    make_annotation(image=image)
    batch = bulk.request(Filters(), Decision.APPROVED, by=person)
    BatchJobError.objects.create(job=batch, image_id=image.pk, error_message="Nobody answered.")
    client = logged_in(person)
    address = f"/annotations/batchjob/{batch.pk}"

    page = said(client.get(f"{address}/change/"))
    assert "Nobody answered." in page
    assert "lost.jpg" in page
    status = client.get(f"{address}/status/").json()
    assert (status["live"], status["message"][:8]) == (True, "In line;")
    assert logged_in("viewer").post(f"{address}/cancel/").status_code == 403
    client.post(f"{address}/cancel/")

    batch.refresh_from_db()
    assert batch.status == "cancelled"
    assert client.get(f"{address}/status/").json()["live"] is False


def test_an_ai_job_shows_what_was_asked_and_answered() -> None:
    image, person = make_image(file_name="gull.jpg"), make_user("analyst")
    job = ai_jobs.ask(image, by=person).job
    AiAnnotationJob.objects.filter(pk=job.pk).update(
        status="processing", request_payload={"prompt": "Find birds"}
    )
    AiAnnotationJob.objects.filter(pk=job.pk).update(
        status="completed",
        cost=Decimal("0.0012"),
        box_count=1,
        response_payload={"raw": {"said": "so"}, "remarks": ["box 3: no size"]},
    )
    annotation = make_annotation(image=image, ai_job=job, label="herring gull")

    page = said(logged_in("viewer").get(f"/annotations/aiannotationjob/{job.pk}/change/"))

    for text in ("gull.jpg", "0.0012", "box 3: no size", "Find birds", "herring gull"):
        assert text in page
    assert f"/annotations/annotation/{annotation.pk}/change/" in page


@pytest.mark.parametrize("model", ["annotation", "aiannotationjob", "batchjob"])
@pytest.mark.parametrize("key", ["01a1ff2c-7473-7c2a-b7c6-089197209322", "odd"])
def test_what_is_not_there_leads_back_to_the_list(model: str, key: str) -> None:
    page = logged_in("viewer").get(f"/annotations/{model}/{key}/change/", follow=True)

    assert "There is no" in said(page)


def test_views_are_kept_by_name_and_are_ones_own() -> None:
    person = make_user("analyst")
    client = logged_in(person)

    client.post("/annotations/desk/views/", {"name": " My  birds ", "label": "jay", "most": "0.5"})
    view = SavedView.objects.get()

    assert (view.name, view.user, view.query) == ("My birds", person, "label=jay&most=0.5")
    assert "My birds" in said(client.get("/annotations/desk/"))
    assert "My birds" not in said(logged_in("analyst").get("/annotations/desk/"))
    logged_in("analyst").post(f"/annotations/desk/views/{view.pk}/")
    assert SavedView.objects.exists()
    client.post(f"/annotations/desk/views/{view.pk}/")
    assert not SavedView.objects.exists()
    unnamed = client.post("/annotations/desk/views/", {"name": " "}, follow=True)
    assert "A view has a name" in said(unnamed)


def test_a_view_whose_address_is_too_long_is_refused_with_a_sentence() -> None:
    client = logged_in("analyst")

    # Each of these characters is twelve in an address.
    view = {"name": "Birds", "label": "\N{BIRD}" * 200}
    page = client.post("/annotations/desk/views/", view, follow=True)

    assert "The filters take 2,406 characters of the address" in said(page)
    assert not SavedView.objects.exists()


def test_the_desk_opens_for_reviewers_and_says_its_filters() -> None:
    page = said(logged_in("analyst").get(f"/annotations/desk/?label={quote('barn owl')}"))

    assert "label “barn owl”" in page
    assert logged_in("viewer").get("/annotations/desk/").status_code == 403
    wrong = said(logged_in("analyst").get("/annotations/desk/?least=x"))
    assert "The desk shows everything that waits." in wrong


@pytest.mark.parametrize("address", ["/annotations/desk/", "/annotations/bulk/", *EVERYWHERE])
def test_no_page_needs_more_than_the_strict_policy(address: str) -> None:
    make_annotation()
    response = logged_in("admin").get(address)

    assert "unsafe" not in response["Content-Security-Policy"]
    assert " style=" not in said(response)
    assert "<script>" not in said(response)


@pytest.mark.parametrize("answer", [[1], "text", 5, {"remarks": 5}, {"remarks": [{"a": 1}, 2]}])
def test_whatever_plain_sql_noted_as_an_answer_the_page_of_the_job_opens(answer: Any) -> None:
    job = AiAnnotationJob.objects.create(image=make_image(), response_payload=answer)

    page = logged_in("admin").get(f"/annotations/aiannotationjob/{job.pk}/change/")

    assert page.status_code == 200


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("annotate", {"images": 5, "fallbacks": 5, "provider": 5}),
        ("annotate", {"collection": "odd"}),
        ("approve", {"filters": 5}),
        ("approve", {"filters": {"collection": 5}}),
        ("reject", {"reason": {"a": 1}}),
    ],
)
def test_whatever_plain_sql_asked_a_batch_for_its_page_opens(
    kind: str, parameters: dict[str, Any]
) -> None:
    job = BatchJob.objects.create(job_type=kind, parameters=parameters, user=make_user("analyst"))

    page = logged_in("admin").get(f"/annotations/batchjob/{job.pk}/change/")

    assert page.status_code == 200
