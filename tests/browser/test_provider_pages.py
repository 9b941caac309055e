"""The pages of AI providers and of webhooks, in a real browser."""

from __future__ import annotations

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from providers.actions import money, others_keys
from tests.browser.harness import StaffPage
from tests.factories import make_own_key, make_price, make_provider, make_quota, make_user
from tests.providers.standing_in import ring
from webhooks.models import WebhookEndpoint

__all__ = ["ring"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.heavy
def test_the_pages_of_providers_are_sound(staff_page: StaffPage) -> None:
    admin = make_user("admin")
    provider = make_provider("openai")
    price = make_price(provider)
    own = make_own_key(user=admin, provider=provider)
    theirs = make_own_key(user=make_user("analyst", full_name="Olive Grey"), provider=provider)
    gone = make_own_key(user=make_user("analyst", full_name="Ivo Marsh"), provider=provider)
    others_keys.take_away(gone.pk, reason="Left the team.", by=admin)
    others_keys.stop(own.pk, reason="It stood in a notebook.", by=make_user("admin"))
    quota = make_quota(user=admin)
    hold = money.reserve(
        user_id=admin.pk,
        provider=provider,
        model=price.model,
        purpose="test",
        amount=Decimal("0.1"),
        price=price,
        seconds=60,
    )
    assert hold.id is not None
    money.settle(hold.id, Decimal("0.1"))
    staff_page(admin)

    for address in [
        "/providers/provider/",
        f"/providers/provider/{provider.pk}/change/",
        "/provider-keys/",
        "/providers/userprovider/",
        f"/providers/userprovider/{theirs.pk}/stop/",
        f"/providers/userprovider/{theirs.pk}/remove/",
        "/providers/usagetracking/",
        "/providers/usageentry/",
        "/providers/costalert/",
        "/providers/userquota/",
        f"/providers/userquota/{quota.pk}/change/",
        "/providers/providerprice/",
        "/providers/providerprice/add/",
    ]:
        expect(staff_page.open(address).locator("h1")).to_be_visible()


def test_a_webhook_is_made_by_keyboard_and_its_secret_shown_once(staff_page: StaffPage) -> None:
    staff_page("admin").open("/webhooks/webhookdelivery/")
    page = staff_page.open("/webhooks/webhookendpoint/")
    page.get_by_role("link", name="Add webhook").first.press("Enter")
    staff_page.check()
    page.get_by_label("Name").fill("Field station")
    page.get_by_label("URL").fill("https://8.8.8.8/hook")
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Add the webhook").press("Enter")

    expect(page.get_by_text("whsec_").first).to_be_visible()
    staff_page.check()
    made = WebhookEndpoint.objects.get()
    shown = staff_page.open(f"/webhooks/webhookendpoint/{made.pk}/change/")
    expect(shown.get_by_text("whsec_")).to_have_count(0)
