"""The settings' pages: every known setting, checked values, and the way back to the default."""

from __future__ import annotations

import html

from django.test import Client

from accounts.models import User
from database import system_settings
from database.models import SystemSetting
from tests.factories import make_user

SETTINGS = "/database/systemsetting/"


def page_of(client: Client) -> str:
    return html.unescape(client.get(SETTINGS).content.decode())


def page_at(client: Client, address: str) -> str:
    return html.unescape(client.get(address).content.decode())


def save(client: Client, key: str, value: str) -> str:
    address = f"{SETTINGS}{key}/change/"
    response = client.post(address, {"setting_value": value}, follow=True)
    return html.unescape(response.content.decode())


def test_every_known_setting_is_listed_without_any_row(admin_client: Client) -> None:
    page = page_of(admin_client)

    for key, made in system_settings.REGISTRY.items():
        assert f">{key}</code>" in page
        assert made.description in page


def test_values_are_listed_in_words_with_their_unit(admin_client: Client) -> None:
    page = page_of(admin_client)

    assert ">AI payload days</a>" in page
    for value in (
        "180\N{NO-BREAK SPACE}days",
        "52.4\N{NO-BREAK SPACE}MB",
        "5.00\N{NO-BREAK SPACE}$",
    ):
        assert f"<td>{value}</td>" in page
    assert "<td>Off</td>" in page


def test_a_switch_is_chosen_and_kept_as_true_or_false(admin_client: Client) -> None:
    address = f"{SETTINGS}encrypt_ai_payloads/change/"
    assert '<option value="false" selected>Off</option>' in page_at(admin_client, address)

    save(admin_client, "encrypt_ai_payloads", "true")

    assert system_settings.get("encrypt_ai_payloads") is True
    assert '<option value="true" selected>On</option>' in page_at(admin_client, address)


def test_looking_writes_nothing(admin_client: Client) -> None:
    admin_client.get(SETTINGS)
    admin_client.get(f"{SETTINGS}max_file_size/change/")

    assert not SystemSetting.objects.exists()


def test_a_saved_value_is_in_force(admin_client: Client) -> None:
    save(admin_client, "max_file_size", "1000")

    assert system_settings.get("max_file_size") == 1000
    assert "changed" in page_of(admin_client)


def test_a_value_is_changed_again(admin_client: Client) -> None:
    save(admin_client, "max_file_size", "1000")
    save(admin_client, "max_file_size", "2000")

    assert system_settings.get("max_file_size") == 2000
    assert SystemSetting.objects.count() == 1


def test_a_list_is_written_with_commas(admin_client: Client) -> None:
    save(admin_client, "allowed_file_types", " png, jpeg ,")

    assert system_settings.get("allowed_file_types") == ["png", "jpeg"]
    field = admin_client.get(f"{SETTINGS}allowed_file_types/change/").content.decode()
    assert 'value="png, jpeg"' in field


def test_a_wrong_value_is_refused_beside_its_field(admin_client: Client) -> None:
    page = save(admin_client, "max_concurrent_jobs", "0")

    assert "max_concurrent_jobs must be a whole number from 1 to 10000, but is 0." in page
    assert not SystemSetting.objects.exists()


def test_a_value_of_another_kind_is_refused(admin_client: Client) -> None:
    assert "Enter a whole number." in save(admin_client, "max_file_size", "many")


def test_a_setting_goes_back_to_its_default(admin_client: Client) -> None:
    save(admin_client, "max_file_size", "1000")

    response = admin_client.post(f"{SETTINGS}max_file_size/reset/", follow=True)

    assert "The default of max_file_size is in force." in response.content.decode()
    assert system_settings.get("max_file_size") == 50 * 1024 * 1024


def test_a_reset_is_not_made_by_a_link(admin_client: Client) -> None:
    assert admin_client.get(f"{SETTINGS}max_file_size/reset/").status_code == 405


def test_rows_that_plain_sql_made_are_shown_for_what_they_are(admin_client: Client) -> None:
    SystemSetting.objects.create(setting_key="max_file_size", setting_value="plenty")
    SystemSetting.objects.create(setting_key="forgotten", setting_value=1)

    page = page_of(admin_client)

    assert "Wrong value: default in force" in page
    assert "Read by nobody" in page


def test_an_unknown_setting_has_no_page(admin_client: Client, admin_user: User) -> None:
    response = admin_client.get(f"{SETTINGS}nonsense/change/")

    assert response.status_code == 302


def test_nobody_but_an_admin_resets(client: Client, db: None) -> None:
    client.force_login(make_user("moderator"))

    assert client.post(f"{SETTINGS}max_file_size/reset/").status_code == 403


def test_migration_runs_are_only_looked_at(admin_client: Client) -> None:
    assert admin_client.get("/database/migrationrun/").status_code == 200
    assert admin_client.get("/database/migrationrun/add/").status_code == 403
