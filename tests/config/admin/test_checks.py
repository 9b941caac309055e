"""Admin classes that would fail on large tables are refused at start."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.contrib import admin

from config.admin.model_admin import ReadOnlyModelAdmin, StaffModelAdmin
from database.models import SystemSetting
from imaging.models import Image


class Fine(StaffModelAdmin):
    purpose: ClassVar[str] = "What was handed in."
    fields = ("file_name", "user")
    autocomplete_fields = ("user",)
    list_filter = ("analysis_status", "is_duplicate", "created_at")


def ids(kind: type[admin.ModelAdmin[Any]], model: Any = Image) -> set[str]:
    return {
        message.id or ""
        for message in kind(model, admin.site).check()
        if (message.id or "").startswith("config.")
    }


def test_a_sound_class_passes() -> None:
    assert ids(Fine) == set()


def test_a_page_says_what_it_is_for() -> None:
    class Silent(Fine):
        purpose: ClassVar[str] = ""

    assert ids(Silent) == {"config.E001"}


def test_a_select_of_every_row_is_refused() -> None:
    plain = type("Plain", (Fine,), {"autocomplete_fields": ()})

    class Everything(StaffModelAdmin):
        purpose: ClassVar[str] = "All."

    assert ids(plain) == {"config.E002"}
    assert ids(Everything) == {"config.E002"}


@pytest.mark.parametrize("attribute", ["readonly_fields", "raw_id_fields", "few_choices"])
def test_a_foreign_key_may_be_answered_otherwise(attribute: str) -> None:
    kind = type("Answered", (Fine,), {"autocomplete_fields": (), attribute: ("user",)})

    assert ids(kind) == set()


def test_a_page_that_nobody_edits_has_no_selects() -> None:
    class ReadOnly(ReadOnlyModelAdmin):
        purpose: ClassVar[str] = "To look at."

    assert ids(ReadOnly) == set()


@pytest.mark.parametrize("name", ["user", "mime_type", "user__full_name"])
def test_a_filter_that_reads_its_choices_from_the_table_is_refused(name: str) -> None:
    kind = type("Filtered", (Fine,), {"list_filter": (name,)})

    assert ids(kind) == {"config.E003"}


def test_a_list_is_not_edited_in_place() -> None:
    class Editable(StaffModelAdmin):
        purpose: ClassVar[str] = "Settings."
        list_display = ("setting_key", "description")
        list_editable = ("description",)

    assert ids(Editable, SystemSetting) == {"config.E004"}


def test_every_registered_page_is_ours_and_sound() -> None:
    for model, page in admin.site._registry.items():
        assert isinstance(page, StaffModelAdmin), f"{model.__name__} has a stock admin page"
        assert page.check() == [], f"{model.__name__}: {page.check()}"
