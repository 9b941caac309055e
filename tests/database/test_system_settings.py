"""Settings that change while the system runs."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from database import system_settings
from database.models import SystemSetting

pytestmark = pytest.mark.django_db


def test_the_documented_settings_have_their_documented_defaults() -> None:
    assert system_settings.get("max_file_size") == 50 * 1024 * 1024
    assert system_settings.get("audit_log_retention_days") == 730
    assert "csv" in system_settings.get("allowed_file_types")
    assert system_settings.get("max_concurrent_jobs") >= 1
    assert system_settings.get("job_timeout") >= 1


def test_a_change_is_in_force_at_once_also_by_plain_sql() -> None:
    SystemSetting.objects.create(setting_key="max_file_size", setting_value=1000)
    assert system_settings.get("max_file_size") == 1000

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE system_settings SET setting_value = '2000' WHERE setting_key = 'max_file_size'"
        )
    assert system_settings.get("max_file_size") == 2000


def test_a_row_of_the_wrong_type_does_not_stop_the_work() -> None:
    SystemSetting.objects.create(setting_key="max_file_size", setting_value="a lot")

    assert system_settings.get("max_file_size") == 50 * 1024 * 1024


@pytest.mark.parametrize("value", ["many", 0, -1, 1.5, True, None, []])
def test_a_wrong_value_is_refused_by_name(value: object) -> None:
    setting = SystemSetting(setting_key="max_concurrent_jobs", setting_value=value)

    with pytest.raises(ValidationError, match="max_concurrent_jobs must be"):
        setting.clean()


def test_an_unknown_setting_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValidationError, match=r"no setting 'max_file'.*max_file_size"):
        SystemSetting(setting_key="max_file", setting_value=1).clean()
    with pytest.raises(system_settings.UnknownSetting):
        system_settings.get("max_file")


def test_a_saved_setting_carries_its_description() -> None:
    setting = SystemSetting.objects.create(setting_key="job_timeout", setting_value=60)

    assert "Seconds" in setting.description
