"""Encrypted columns of models: nothing that shows or writes down objects shows the secret."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from django import forms
from django.contrib.admin.utils import display_for_field
from django.core import serializers
from django.db import transaction
from django.forms.models import model_to_dict
from django.template import Context, Template
from rest_framework.serializers import ModelSerializer

from database.encryption.errors import CannotSeal
from tests.database.encryption.safes import TEXT, loaded, stored
from tests.database.secretsapp.models import Safe

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("how", [str, repr, "{}".format, "{:>3}".format, "{!r}".format, ascii])
def test_no_way_of_writing_it_down_shows_it(how: Any) -> None:
    safe = Safe(code=TEXT, papers={"a": TEXT})
    for secret in (safe.code, safe.papers):
        assert how(secret) == "(secret)"
    safe.save()
    assert how(safe.code) == how(loaded(safe).code) == "(secret)"
    assert TEXT not in repr(vars(safe))


def test_pages_and_log_lines_show_nothing() -> None:
    safe = loaded(Safe.objects.create(code=TEXT))
    page = Template("{{ safe.code }}|{{ safe.code.reveal }}|{{ safe.code|pprint }}")

    assert page.render(Context({"safe": safe})) == "(secret)||(secret)"
    assert display_for_field(safe.code, Safe._meta.get_field("code"), "-") == "(secret)"
    assert json.dumps(safe.code, default=str) == '"(secret)"'
    assert model_to_dict(safe) == {"label": ""}


def test_only_what_was_saved_can_be_pickled_and_then_as_ciphertext() -> None:
    safe = Safe(code=TEXT)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(safe)

    safe.save()
    for kept in (pickle.dumps(safe), pickle.dumps(loaded(safe))):
        assert TEXT.encode() not in kept
        again: Safe = pickle.loads(kept)
        assert again.code.reveal() == TEXT


def test_objects_can_be_copied_in_memory() -> None:
    safe = Safe(code=TEXT)

    assert copy.copy(safe).code.reveal() == TEXT
    assert copy.deepcopy(safe).code.reveal() == TEXT


def test_json_does_not_take_it() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps({"code": Safe(code=TEXT).code})


def test_forms_leave_it_out() -> None:
    form = forms.modelform_factory(Safe, fields="__all__")

    assert list(form.base_fields) == ["label"]
    safe = Safe(code=TEXT)
    safe.full_clean(exclude=["label"])
    assert safe.code.reveal() == TEXT


def test_a_serializer_that_takes_every_field_shows_no_value() -> None:
    class Careless(ModelSerializer[Safe]):
        class Meta:
            model = Safe
            fields = "__all__"

    safe = Safe.objects.create(code=TEXT, papers={"a": TEXT})

    assert TEXT not in str(Careless(safe).data)
    assert TEXT not in str(Careless(Safe(code=TEXT)).data)


@pytest.mark.parametrize("form", ["json", "xml", "jsonl"])
def test_fixtures_hold_the_ciphertext_and_nothing_else(form: str) -> None:
    safe = Safe.objects.create(code=TEXT, papers={"a": TEXT})
    text = serializers.serialize(form, Safe.objects.all())
    assert TEXT not in text
    before = stored(safe)
    Safe.objects.all().delete()

    for found in serializers.deserialize(form, text):
        found.save()

    assert stored(safe) == before
    assert loaded(safe).code.reveal() == TEXT
    assert loaded(safe).papers.reveal() == {"a": TEXT}
    for found in serializers.deserialize(form, text):  # onto a row that is there
        found.save()
    assert stored(safe) == before


@pytest.mark.parametrize("given", [TEXT, "", "aGVsbG8=", 7])
def test_a_fixture_with_a_plain_value_is_refused_without_showing_it(given: object) -> None:
    text = json.dumps(
        [{"model": "secretsapp.safe", "pk": str(Safe().pk), "fields": {"code": given}}]
    )
    [found] = serializers.deserialize("json", text)
    safe: Any = found.object

    with (
        pytest.raises(CannotSeal, match="Safe.code is given as something that is no envelope"),
        transaction.atomic(),
    ):
        found.save()
    with pytest.raises(CannotSeal, match="no envelope"):
        safe.code.reveal()
