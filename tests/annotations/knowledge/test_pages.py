"""The pages of what reviews taught."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.actions import calibrating
from tests.annotations.knowledge.deciding import box, decided, looked, proposal, said, simulated
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db
ClientOf = Callable[[str], Client]
PAGES = ("/annotations/knowledge/", "/annotations/knowledge/providers/")
PEOPLE = "/annotations/knowledge/reviewers/"


@pytest.fixture
def of() -> ClientOf:
    """Somebody with the role, logged in."""

    def client(role: str) -> Client:
        made = Client()
        made.force_login(make_user(role))
        return made

    return client


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_pages_of_nothing_say_what_will_be_there(of: ClientOf) -> None:
    admin = of("admin")

    assert "Nobody has decided yet" in text(admin, PAGES[0])
    assert "No provider has annotated anything yet" in text(admin, PAGES[1])
    assert "Nobody decided anything in the last 30 days" in text(admin, PEOPLE)


def test_confidence_is_shown_with_its_picture_and_the_curves(of: ClientOf) -> None:
    simulated(120)
    simulated(10, vision_provider="openai")
    calibrating.calibrate("local", "test-1")

    page = text(of("viewer"), PAGES[0])

    assert "local:test-1 (120)" in page
    assert 'class="reliability"' in page
    assert "In force" in page
    assert "openai:test-1 has 10 decided annotations" in text(
        of("viewer"), f"{PAGES[0]}?model=openai:test-1"
    )


def test_providers_are_shown_side_by_side(of: ClientOf) -> None:
    reviewer = make_user("moderator")
    for _ in range(3):
        image = make_image()
        for name, width in (("local", 0.4), ("openai", 0.3)):
            looked(image, name)
            place = box(0.1, 0.1, width, 0.4)
            proposal(image, vision_provider=name, bounding_box=place, **decided(reviewer)).save(
                force_insert=True
            )

    page = text(of("viewer"), f"{PAGES[1]}?days=7")

    assert "3 images that each of them looked at" in page
    assert "3 of 3 right, 3 there" in page
    assert "local minus openai" in page
    assert "more than chance" in page
    assert "local minus openai" not in text(of("viewer"), f"{PAGES[1]}?provider=local")


def test_reviewers_are_shown_with_their_pictures(of: ClientOf) -> None:
    ana, ben = (make_user("moderator", full_name=name) for name in ("Ana <b>", "Ben"))
    for i, row in enumerate(simulated(6)):
        said(row, ana, "approved" if i % 2 else "rejected", duration_ms=2500)
        said(row, ben, "approved" if i % 2 else "rejected", kind="gold", agrees=True)

    page = text(of("moderator"), PEOPLE)

    assert "Ana &lt;b&gt;" in page
    assert "Ana <b>" not in page
    assert "of 6: 61" in page
    for picture in ("review-days", "review-times", "agreement"):
        assert f'class="{picture}"' in page


def test_how_people_work_is_for_those_who_run_the_review(of: ClientOf) -> None:
    for role in ("viewer", "analyst"):
        client = of(role)
        assert client.get(PEOPLE).status_code == 403
        assert PEOPLE not in text(client, PAGES[0])
    assert PEOPLE in text(of("moderator"), PAGES[0])


def test_strangers_are_sent_to_the_door() -> None:
    for address in (*PAGES, PEOPLE):
        assert Client().get(address).status_code == 302


def test_nonsense_in_the_address_shows_what_is_usual(of: ClientOf) -> None:
    simulated(5)

    assert "local:test-1" in text(of("viewer"), f"{PAGES[0]}?model=%00<script>")
    assert "Last 30 days" in text(of("moderator"), f"{PEOPLE}?days=-1e9")
    assert of("viewer").get(f"{PAGES[1]}?provider=nobody&days=x").status_code == 200


def test_more_reviewers_ask_no_more_queries(of: ClientOf) -> None:
    client = of("admin")
    rows = simulated(8)

    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            text(client, PEOPLE)
        return len(captured)

    said(rows[0], make_user("moderator"), "approved", duration_ms=900)
    few = asked()
    for row in rows[1:]:
        said(row, make_user("moderator"), "approved", duration_ms=900)
        said(row, make_user("moderator"), "rejected", kind="spot_check")

    assert asked() == few
