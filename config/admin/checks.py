"""What `manage.py check` refuses in an admin class: pages that fail once tables are large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.checks import ModelAdminChecks
from django.contrib.admin.utils import flatten, get_fields_from_path
from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldDoesNotExist
from django.db import models


class StaffModelAdminChecks(ModelAdminChecks):
    """Django's checks, and ours."""

    def check(self, admin_obj: Any, **kwargs: Any) -> list[CheckMessage]:
        """Every message about the class."""
        return [
            *super().check(admin_obj, **kwargs),
            *_purpose(admin_obj),
            *_selects(admin_obj),
            *_filters(admin_obj),
            *_editable_lists(admin_obj),
        ]


def _purpose(admin_obj: Any) -> Iterator[CheckMessage]:
    if not admin_obj.purpose:
        yield Error(
            "The list page does not say what it is for.",
            hint="Set purpose to one sentence; it stands under the title.",
            obj=admin_obj.__class__,
            id="config.E001",
        )


def _shown_fields(admin_obj: Any) -> set[str]:
    if admin_obj.fieldsets:
        return {
            name
            for _, options in admin_obj.fieldsets
            for name in flatten(options.get("fields", ()))
        }
    if admin_obj.fields is not None:
        return set(flatten(admin_obj.fields))
    editable = (field for field in admin_obj.opts.get_fields() if getattr(field, "editable", False))
    return {field.name for field in editable} - set(admin_obj.exclude or ())


def _selects(admin_obj: Any) -> Iterator[CheckMessage]:
    """A plain <select> of a foreign key loads every row it could point to."""
    answered = {
        *admin_obj.autocomplete_fields,
        *admin_obj.raw_id_fields,
        *admin_obj.readonly_fields,
        *admin_obj.radio_fields,
        *admin_obj.few_choices,
    }
    if admin_obj.read_only:
        return
    shown = _shown_fields(admin_obj)
    for field in (*admin_obj.opts.fields, *admin_obj.opts.many_to_many):
        if field.remote_field and field.editable and field.name in shown - answered:
            yield Error(
                f"The form would list every row that {field.name!r} can point to.",
                hint="Name it in autocomplete_fields, or in few_choices if there are never many.",
                obj=admin_obj.__class__,
                id="config.E002",
            )


def _filters(admin_obj: Any) -> Iterator[CheckMessage]:
    """A filter whose choices are read from a table grows with it."""
    for item in admin_obj.list_filter:
        if isinstance(item, type) and issubclass(item, admin.ListFilter):
            continue
        name, kind = item if isinstance(item, (tuple, list)) else (item, None)
        try:
            field = get_fields_from_path(admin_obj.model, name)[-1]
        except (FieldDoesNotExist, admin.utils.NotRelationField):
            continue  # Django's own check speaks of it
        few = kind is not None or name in admin_obj.few_choices
        bounded = getattr(field, "choices", None) or isinstance(
            field, (models.BooleanField, models.DateField)
        )
        if not few and not bounded:
            yield Error(
                f"The filter by {name!r} would read its choices from the whole table.",
                hint="Give it fixed choices with a SimpleListFilter, or name it in few_choices.",
                obj=admin_obj.__class__,
                id="config.E003",
            )


def _editable_lists(admin_obj: Any) -> Iterator[CheckMessage]:
    if admin_obj.list_editable:
        yield Error(
            "Lists are not edited in place: two people would overwrite each other.",
            hint="Remove list_editable; offer an action instead.",
            obj=admin_obj.__class__,
            id="config.E004",
        )
