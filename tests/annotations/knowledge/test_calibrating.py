"""Calibration in the database: what counts as right, what is put in force, what is ranked anew."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from annotations.actions import calibrating
from annotations.knowledge import queries
from annotations.knowledge.calibrated import curve_in_force
from annotations.knowledge.calibration import Curve
from annotations.knowledge.errors import NotEnoughKnown
from annotations.models import Annotation, ConfidenceCalibration
from audit.models import Entry
from database.actor import acting_as
from tests.annotations.knowledge.deciding import (
    box,
    decided,
    fixed_images,
    proposal,
    simulated,
    waiting,
)
from tests.factories import make_image, make_user

LOCAL = queries.Model("local", "test-1")


def in_force(points: list[list[float]], model: str = "test-1") -> ConfidenceCalibration:
    figures = {f"{name}_{when}": "0.1" for name in ("ece", "brier") for when in ("before", "after")}
    return ConfidenceCalibration.objects.create(
        provider="local", model=model, sample_count=50, points=points, **figures
    )


def ranks(rows: list[Annotation]) -> list[Decimal]:
    found = Annotation.objects.in_bulk([row.pk for row in rows])
    return [found[row.pk].review_rank for row in rows]


# --- What counts as right -------------------------------------------------------------------------


@pytest.mark.django_db
def test_right_is_what_was_approved_as_it_was_proposed() -> None:
    by, image = make_user(), make_image()
    same, moved, renamed, rejected, pending = (
        Annotation.objects.create(image=image, **fields)
        for fields in [vars_of(proposal(image))] * 5
    )
    for row, change in (
        (same, {}),
        (moved, {"bounding_box": box(0.2, 0.2, 0.5, 0.5)}),
        (renamed, {"label": "wren"}),
    ):
        Annotation.objects.filter(pk=row.pk).update(**decided(by), **change)
    Annotation.objects.filter(pk=rejected.pk).update(**decided(by, approved=False))

    found, _ = queries.decisions(LOCAL)

    assert (found.stated.tolist(), found.total.tolist(), found.right.tolist()) == ([0.5], [4], [1])
    assert pending.pk


def vars_of(row: Annotation) -> dict[str, Any]:
    names = ("label", "bounding_box", "vision_generated", "vision_confidence")
    return {name: getattr(row, name) for name in (*names, "vision_provider", "vision_model")}


@pytest.mark.django_db
def test_an_edit_before_the_decision_counts_too() -> None:
    by, image = make_user(), make_image()
    row = Annotation.objects.create(image=image, **vars_of(proposal(image)))
    Annotation.objects.filter(pk=row.pk).update(label="wren")
    Annotation.objects.filter(pk=row.pk).update(**decided(by))

    found, _ = queries.decisions(LOCAL)

    assert found.right.tolist() == [0]


@pytest.mark.django_db
def test_a_decision_that_was_taken_back_and_made_again_counts_once() -> None:
    by, image = make_user(), make_image()
    row = Annotation.objects.create(image=image, **vars_of(proposal(image)))
    for fields in (decided(by), {"review_status": "pending"}, decided(by, approved=False)):
        Annotation.objects.filter(pk=row.pk).update(**fields)

    found, _ = queries.decisions(LOCAL)

    assert (found.total.tolist(), found.right.tolist()) == ([1], [0])


@pytest.mark.django_db
def test_the_boxes_of_an_image_lie_in_one_fold() -> None:
    by, image = make_user(), make_image()
    Annotation.objects.bulk_create(
        proposal(image, vision_confidence=Decimal(i) / 100, **decided(by)) for i in range(20)
    )

    _, folds = queries.decisions(LOCAL)

    assert len(folds) == 20
    assert len(set(folds.tolist())) == 1


@pytest.mark.django_db
def test_models_are_known_by_their_decisions() -> None:
    simulated(10)
    simulated(5, vision_provider="openai", vision_model="")
    waiting(["0.3"], vision_provider="google")

    assert queries.decided_models() == [(LOCAL, 10), (queries.Model("openai", ""), 5)]


# --- Fitting and storing --------------------------------------------------------------------------


@pytest.mark.django_db
def test_too_few_decisions_are_refused_with_what_is_needed() -> None:
    simulated(49)

    with pytest.raises(NotEnoughKnown, match="local:test-1 has 49 decided .* needs 50"):
        calibrating.calibrate("local", "test-1")
    assert not ConfidenceCalibration.objects.exists()


@pytest.mark.django_db
def test_decisions_in_one_image_cannot_be_held_out() -> None:
    by, image = make_user(), make_image()
    Annotation.objects.bulk_create(proposal(image, **decided(by)) for _ in range(60))

    with pytest.raises(NotEnoughKnown, match="too few images"):
        calibrating.fit(LOCAL)


@pytest.mark.django_db
def test_two_hundred_reviews_quarter_the_error() -> None:
    simulated(200)

    done = calibrating.calibrate("local", "test-1", by=make_user("admin"))

    assert done.stored.is_active
    assert done.stored.sample_count == 200
    assert done.stored.ece_before > Decimal("0.3")
    # Beyond what chance alone shows, a quarter.
    assert done.stored.ece_after - done.fitted.ece_by_chance <= done.stored.ece_before / 4
    assert done.stored.brier_after < done.stored.brier_before
    assert Curve.from_json(done.stored.points) == done.fitted.curve


@pytest.mark.django_db
def test_a_new_curve_replaces_the_old_one_and_is_recorded() -> None:
    simulated(100)
    old = in_force([[0.5, 0.5]])
    admin = make_user("admin")

    done = calibrating.calibrate("local", "test-1", by=admin)

    active = ConfidenceCalibration.objects.filter(is_active=True)
    assert [one.pk for one in active] == [done.stored.pk]
    entry = Entry.objects.get(action="calibration.fitted")
    assert (entry.actor_id, entry.resource_id) == (admin.pk, str(done.stored.pk))
    said = json.loads(entry.payload)
    assert said["changes"]["before"]["calibration"] == str(old.pk)
    assert said["details"]["decisions"] == 100


@pytest.mark.django_db
def test_a_curve_that_is_no_better_is_kept_but_not_put_in_force() -> None:
    """A provider that says .5 and is right in half: nothing to mend, only noise to learn."""
    by = make_user()
    chance = np.random.default_rng(4)
    Annotation.objects.bulk_create(
        proposal(
            image,
            vision_confidence=Decimal(str(round(stated, 4))),
            **decided(by, approved=bool(chance.random() < stated)),
        )
        for image, stated in zip(
            fixed_images(60, user=by), chance.uniform(0.02, 0.98, 60), strict=True
        )
    )
    first = calibrating.calibrate("local", "test-1")
    old = in_force([[0.5, 0.5]])

    done = calibrating.calibrate("local", "test-1")

    assert not first.stored.is_active
    assert not done.stored.is_active
    old.refresh_from_db()
    assert old.is_active
    told = {
        entry.resource_id: json.loads(entry.payload)["changes"]["after"]["calibration"]
        for entry in Entry.objects.filter(action="calibration.fitted")
    }
    assert told == {str(first.stored.pk): None, str(done.stored.pk): str(old.pk)}


# --- Ranking --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_what_waits_is_ranked_by_the_curve_in_force() -> None:
    rows = waiting(["0.1000", "0.4500", "0.9999"])
    others = waiting(["0.4500"], vision_model="test-2")
    reviewed = Annotation.objects.create(
        image=make_image(), **vars_of(proposal(rows[0].image)), **decided(make_user())
    )
    in_force([[0.2, 0.5], [0.7, 0.9]])

    changed = list(calibrating.rerank(LOCAL, batch_size=2))

    assert changed == [2, 1]
    assert ranks(rows) == [Decimal("0.5"), Decimal("0.7"), Decimal("0.9")]
    assert ranks(others) == [Decimal("0.45")]
    assert ranks([reviewed]) == [Decimal("0.5")]
    assert list(calibrating.rerank(LOCAL)) == []  # nothing is touched twice


@pytest.mark.django_db
def test_ranking_in_sql_and_at_storing_agree_to_the_last_digit() -> None:
    rows = waiting([f"{step / 10_000:.4f}" for step in range(0, 10_001, 137)])
    simulated(120)
    calibrating.calibrate("local", "test-1")

    curve = curve_in_force("local", "test-1")
    assert curve is not None
    at_storing = [curve.mean(row.vision_confidence or 0) for row in rows]

    assert ranks(rows) == at_storing


@pytest.mark.django_db
def test_ranking_makes_no_version_and_no_entry() -> None:
    rows = waiting(["0.3"])
    in_force([[0.3, 0.8]])
    entries = Entry.objects.count()

    list(calibrating.rerank(LOCAL))

    rows[0].refresh_from_db()
    assert (rows[0].version, rows[0].calibrated_confidence) == (1, Decimal("0.8"))
    assert Entry.objects.count() == entries


@pytest.mark.django_db
def test_without_a_curve_confidences_mean_what_they_say() -> None:
    rows = waiting(["0.3"])
    in_force([[0.3, 0.8]])
    list(calibrating.rerank(LOCAL))

    assert calibrating.withdraw("local", "test-1", by=make_user("admin"))
    list(calibrating.rerank(LOCAL))

    assert ranks(rows) == [Decimal("0.3")]
    assert curve_in_force("local", "test-1") is None
    assert not calibrating.withdraw("local", "test-1")
    assert Entry.objects.filter(action="calibration.withdrawn").count() == 1


@pytest.mark.django_db
def test_whoever_may_see_annotations_may_have_their_confidence_read() -> None:
    in_force([[0.3, 0.8]])
    analyst = make_user("analyst")

    with acting_as(analyst.pk):
        curve = curve_in_force("local", "test-1")
    assert curve is not None
    assert curve.mean(0.3) == Decimal("0.8")


@pytest.mark.django_db(transaction=True)
def test_what_is_stored_while_a_curve_comes_in_force_is_ranked_by_it() -> None:
    """Somebody read the old curve and has not committed: the new one waits for them."""
    simulated(60)
    in_force([[0.0, 0.1], [1.0, 0.2]])
    image = make_image()
    read, told = threading.Event(), threading.Event()

    def store() -> None:
        try:
            with transaction.atomic():
                curve = curve_in_force("local", "test-1")
                assert curve is not None
                read.set()
                told.wait(20)
                row = proposal(image, calibrated_confidence=curve.mean(0.5))
                row.save(force_insert=True)
        finally:
            connection.close()

    def calibrate() -> None:
        try:
            calibrating.calibrate("local", "test-1")
        finally:
            connection.close()

    storing = threading.Thread(target=store)
    storing.start()
    assert read.wait(20)
    learning = threading.Thread(target=calibrate)
    learning.start()
    learning.join(0.5)
    waits = learning.is_alive()
    told.set()
    storing.join(20)
    learning.join(20)

    row = Annotation.objects.get(image=image)
    curve = curve_in_force("local", "test-1")
    assert waits
    assert curve is not None
    assert row.calibrated_confidence == curve.mean(0.5) != Decimal("0.15")


@pytest.mark.django_db(transaction=True)
def test_what_a_reviewer_holds_is_ranked_in_the_second_round() -> None:
    held, free = waiting(["0.3", "0.3"])
    in_force([[0.3, 0.8]])
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                Annotation.objects.select_for_update(of=("self",)).get(pk=held.pk)
                locked.set()
                done.wait(20)
        finally:
            connection.close()

    holding = threading.Thread(target=hold)
    holding.start()
    assert locked.wait(20)
    ranking = calibrating.rerank(LOCAL)
    assert next(ranking) == 1  # not kept waiting
    assert ranks([free]) == [Decimal("0.8")]
    done.set()
    assert list(ranking) == [1]
    holding.join(20)

    assert ranks([held]) == [Decimal("0.8")]


# --- The command ----------------------------------------------------------------------------------


def run(*arguments: str) -> Any:
    out = StringIO()
    call_command("calibrate_confidence", *arguments, stdout=out)
    return json.loads(out.getvalue()) if "--json" in arguments else out.getvalue()


@pytest.mark.django_db
def test_the_command_calibrates_whom_it_can_and_says_of_whom_it_cannot() -> None:
    simulated(60)
    simulated(3, vision_provider="openai")
    rows = waiting(["0.5"])

    outcome = run("--json")

    local, other = outcome["models"]
    assert (local["provider"], local["in_force"], local["reranked"]) == ("local", True, 1)
    assert "openai:test-1 has 3 decided annotations" in other["refused"]
    assert ranks(rows)[0] > Decimal("0.5")


@pytest.mark.django_db
def test_a_dry_run_tells_the_figures_and_changes_nothing() -> None:
    simulated(60)

    text = run("--dry-run", "--provider", "local")

    assert "local:test-1: 60 decisions, calibration error on held-out ones 0." in text
    assert "Nothing was changed." in text
    assert not ConfidenceCalibration.objects.exists()


@pytest.mark.django_db
def test_the_command_withdraws_a_calibration() -> None:
    in_force([[0.3, 0.8]])
    waiting(["0.3"])
    list(calibrating.rerank(LOCAL))

    assert run("--withdraw", "--provider", "local:test-1").strip() == (
        "local:test-1: withdrawn, 1 annotations ranked anew."
    )
    with pytest.raises(CommandError, match="Say whose"):
        run("--withdraw")


@pytest.mark.django_db
def test_nobody_decided_on_anything_is_said() -> None:
    assert "Nobody has decided" in run()
    assert "has 0 decided annotations" in run("--provider", "local")
