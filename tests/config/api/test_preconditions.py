"""What has not changed is not sent again; what has changed is not overwritten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.api.preconditions import etag_from, etag_of
from imaging.models import Image
from tests.config.api.conftest import Caller, client_of
from tests.config.api.test_problems import problem_in
from tests.factories import make_image, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.api.urls")]


def address(image: Image) -> str:
    return f"/api/v1/pictures/{image.pk}/"


def rename(client: Any, image: Image, name: str, **headers: str) -> Any:
    return client.patch(address(image), {"file_name": name}, format="json", headers=headers)


def test_what_has_not_changed_is_not_sent_again(caller: Caller) -> None:
    image, client = make_image(), caller()
    etag = client.get(address(image))["ETag"]

    for known in (etag, f'"x", W/{etag}', "*"):
        again = client.get(address(image), headers={"If-None-Match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again["ETag"] == etag
        assert again["Cache-Control"] == "private, no-cache"
        assert set(again["Vary"].split(", ")) >= {"Authorization", "Cookie"}
    assert client.get(address(image), headers={"If-None-Match": '"x"'}).status_code == 200


def test_head_answers_as_get_does(caller: Caller) -> None:
    image, client = make_image(), caller()

    assert client.head(address(image))["ETag"] == client.get(address(image))["ETag"]


def test_a_change_gives_the_new_state_and_its_etag(caller: Caller) -> None:
    image, client = make_image(), caller()
    etag = client.get(address(image))["ETag"]

    answer = rename(client, image, "new.jpg", **{"If-Match": etag})

    assert answer.status_code == 200
    assert answer.json()["file_name"] == "new.jpg"
    assert answer["ETag"] != etag
    assert answer["ETag"] == client.get(address(image))["ETag"]
    assert rename(client, image, "newer.jpg", **{"If-Match": answer["ETag"]}).status_code == 200


def test_a_change_must_say_which_state_it_changes(caller: Caller) -> None:
    image = make_image()

    problem_in(rename(caller(), image, "new.jpg"), 428, "precondition-required")
    image.refresh_from_db()
    assert image.file_name != "new.jpg"


def test_what_changed_meanwhile_is_not_overwritten(caller: Caller) -> None:
    image, client = make_image(), caller()
    etag = client.get(address(image))["ETag"]
    rename(caller(), image, "first.jpg", **{"If-Match": etag})

    problem_in(
        rename(client, image, "second.jpg", **{"If-Match": etag}), 412, "precondition-failed"
    )
    problem_in(
        client.delete(address(image), headers={"If-Match": etag}), 412, "precondition-failed"
    )
    image.refresh_from_db()
    assert image.file_name == "first.jpg"


def test_a_weak_etag_does_not_match_for_a_change(caller: Caller) -> None:
    image, client = make_image(), caller()
    etag = client.get(address(image))["ETag"]

    response = rename(client, image, "new.jpg", **{"If-Match": f"W/{etag}"})

    problem_in(response, 412, "precondition-failed")


def test_one_of_several_etags_matches_and_so_does_the_star(caller: Caller) -> None:
    image, client = make_image(), caller()
    etag = client.get(address(image))["ETag"]

    assert rename(client, image, "a.jpg", **{"If-Match": f'"x", {etag}'}).status_code == 200
    assert rename(client, image, "b.jpg", **{"If-Match": "*"}).status_code == 200
    assert client.delete(address(image), headers={"If-Match": "*"}).status_code == 204


def test_an_if_match_that_holds_no_etag_is_refused_by_name(caller: Caller) -> None:
    told = problem_in(
        rename(caller(), make_image(), "new.jpg", **{"If-Match": "abc"}), 400, "invalid-input"
    )

    assert told["errors"][0]["field"] == "If-Match"


def test_a_row_that_is_not_there_is_not_found_before_anything_else(caller: Caller) -> None:
    where = f"/api/v1/pictures/{uuid4()}/"

    problem_in(caller().patch(where, {}, format="json"), 404, "not-found")


def test_an_action_that_changes_its_row_must_have_said_so() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"Pictures\.careless changes its row"):
        client_of(make_user("moderator")).post(f"{address(make_image())}careless/")


def test_etags_differ_by_a_microsecond_and_by_the_row() -> None:
    moment = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
    one, other = make_image(), make_image()
    one.updated_at = other.updated_at = moment
    before = etag_of(one)
    assert before != etag_of(other)
    one.updated_at = moment + timedelta(microseconds=1)

    assert etag_of(one) != before
    assert etag_from("a", "b") != etag_from("ab")
    assert etag_of(one, "more") != etag_of(one)
