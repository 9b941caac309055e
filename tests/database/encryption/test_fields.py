"""Encrypted columns of models: what is written, what is read, what is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import FieldError
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Value
from hypothesis import given
from hypothesis import strategies as st

from database.encryption import envelope
from database.encryption.errors import CannotSeal, Undecryptable
from database.encryption.fields import EncryptedField
from database.encryption.local import LocalKeyring
from database.encryption.place import Place
from tests.database.encryption.safes import TEXT, loaded, stored
from tests.database.secretsapp.models import Drawer, NumberedSafe, OtherSafe, Safe

pytestmark = pytest.mark.django_db


def test_a_secret_comes_back_and_is_not_in_the_database() -> None:
    safe = Safe.objects.create(code=TEXT, papers={"iban": "DE89 3704"})

    assert loaded(safe).code.reveal() == TEXT
    assert loaded(safe).papers.reveal() == {"iban": "DE89 3704"}
    assert loaded(safe).spare is None
    assert TEXT.encode() not in stored(safe)
    assert b"DE89" not in stored(safe, "papers")


def test_what_was_just_saved_can_be_revealed_too() -> None:
    safe = Safe(code=TEXT)
    assert safe.code.reveal() == TEXT

    safe.save()

    assert safe.code.reveal() == TEXT
    assert loaded(safe).code.reveal() == TEXT


def test_an_empty_text_is_a_secret_and_none_is_null() -> None:
    safe = Safe.objects.create(code="", papers={})

    assert loaded(safe).code.reveal() == ""
    assert loaded(safe).papers.reveal() == {}
    assert Safe.objects.filter(spare__isnull=True, code__isnull=False).get() == safe


def test_a_secret_can_be_replaced_and_removed() -> None:
    safe = Safe.objects.create(code=TEXT, spare="kept")
    before = stored(safe)
    again = loaded(safe)
    again.code = "another"
    again.save()

    assert stored(safe) != before
    assert loaded(safe).code.reveal() == "another"
    again.code = None
    again.save(update_fields=["code"])
    assert loaded(safe).code is None
    assert loaded(safe).spare.reveal() == "kept"


def test_each_write_has_its_own_data_key_and_nonce() -> None:
    safe = Safe.objects.create(code=TEXT)
    first = envelope.Envelope.parse(stored(safe))
    safe.save()
    second = envelope.Envelope.parse(stored(safe))

    assert first.nonce != second.nonce
    assert first.wrapped != second.wrapped
    assert first.sealed != second.sealed


def test_saving_what_was_loaded_leaves_the_column_as_it_is() -> None:
    safe = Safe.objects.create(code=TEXT)
    early, before = loaded(safe), stored(safe)
    early.label = "renamed"
    early.save()
    assert stored(safe) == before

    other = loaded(safe)
    other.code = "newer"
    other.save()
    early.label = "renamed again"
    early.save()

    assert loaded(safe).label == "renamed again"
    assert loaded(safe).code.reveal() == "newer"


def test_a_save_that_was_rolled_back_can_be_repeated() -> None:
    safe = loaded(Safe.objects.create(code=TEXT))
    safe.code = "second"
    with transaction.atomic():
        safe.save()
        transaction.set_rollback(True)
    assert loaded(safe).code.reveal() == TEXT

    safe.save()

    assert loaded(safe).code.reveal() == "second"


def test_a_row_deleted_meanwhile_is_written_anew_with_its_secret() -> None:
    safe = loaded(Safe.objects.create(code=TEXT))
    Safe.objects.filter(pk=safe.pk).delete()

    safe.save()

    assert loaded(safe).code.reveal() == TEXT


def test_a_copied_object_takes_its_secret_to_the_new_row() -> None:
    safe = loaded(Safe.objects.create(code=TEXT))
    first = safe.pk
    safe.pk = Safe().pk
    safe._state.adding = True
    safe.save()

    assert safe.pk != first
    assert loaded(safe).code.reveal() == TEXT
    assert Safe.objects.get(pk=first).code.reveal() == TEXT


def test_a_secret_can_be_handed_to_another_object() -> None:
    safe = loaded(Safe.objects.create(code=TEXT))
    other = Safe.objects.create()
    other.code = safe.code
    other.spare = safe.code
    other.save()

    assert loaded(other).code.reveal() == TEXT
    assert loaded(other).spare.reveal() == TEXT


def test_deferred_refreshed_and_raw_loads_know_their_row() -> None:
    safe = Safe.objects.create(code=TEXT)

    assert Safe.objects.defer("code").get().code.reveal() == TEXT
    assert Safe.objects.only("code").get().code.reveal() == TEXT
    assert Safe.objects.raw("SELECT code, id FROM test_safes")[0].code.reveal() == TEXT
    refreshed = Safe(pk=safe.pk)
    refreshed.refresh_from_db()
    assert refreshed.code.reveal() == TEXT


def test_many_are_made_at_once_each_for_its_row() -> None:
    Safe.objects.bulk_create(Safe(code=f"code {n}", label=str(n)) for n in range(20))

    assert {safe.code.reveal() for safe in Safe.objects.all()} == {f"code {n}" for n in range(20)}
    assert all(safe.code.reveal() == f"code {safe.label}" for safe in Safe.objects.all())


def test_many_may_replace_rows_of_the_same_key_but_of_no_other() -> None:
    safe = Safe.objects.create(code=TEXT)
    Safe.objects.bulk_create(
        [Safe(pk=safe.pk, code="newer")],
        update_conflicts=True,
        update_fields=["code"],
        unique_fields=["id"],
    )
    assert loaded(safe).code.reveal() == "newer"

    with (
        pytest.raises(CannotSeal, match="rows of other keys cannot write it"),
        transaction.atomic(),
    ):
        Safe.objects.bulk_create(
            [Safe(code="x")],
            update_conflicts=True,
            update_fields=["code"],
            unique_fields=["label"],
        )


def test_get_or_create_and_update_or_create_encrypt() -> None:
    made, _ = Safe.objects.get_or_create(label="a", defaults={"code": TEXT})
    Safe.objects.update_or_create(label="a", defaults={"spare": "more"})

    assert loaded(made).code.reveal() == TEXT
    assert loaded(made).spare.reveal() == "more"


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        b"bytes",
        Value("plain"),
        Value(b"\x01" * 99),
        F("spare"),
        F("label"),
        models.Case(models.When(label="", then=Value(b"x")), default=F("code")),
        models.Func(F("spare"), function="lower"),
    ],
)
def test_update_is_refused(value: Any) -> None:
    safe = Safe.objects.create(code=TEXT, spare="s")

    with (
        pytest.raises(CannotSeal, match="Safe.code is encrypted for each row by itself"),
        transaction.atomic(),
    ):
        Safe.objects.update(code=value)

    assert loaded(safe).code.reveal() == TEXT


def test_update_with_the_secret_of_an_object_is_refused() -> None:
    safe = Safe.objects.create(code=TEXT)

    with pytest.raises(CannotSeal, match="update"), transaction.atomic():
        Safe.objects.update(code=safe.code)
    with pytest.raises(CannotSeal, match="update"), transaction.atomic():
        Safe.objects.update(code=loaded(safe).code)


def test_update_may_remove_and_leave() -> None:
    safe = Safe.objects.create(code=TEXT, spare="kept")
    Safe.objects.update(code=None, spare=F("spare"))

    assert loaded(safe).code is None
    assert loaded(safe).spare.reveal() == "kept"


def test_bulk_update_is_refused() -> None:
    safe = Safe.objects.create(code=TEXT)
    safe.code = "other"

    with pytest.raises(CannotSeal, match="bulk_update"), transaction.atomic():
        Safe.objects.bulk_update([safe], ["code"])


@pytest.mark.parametrize(
    "condition",
    ["code", "code__exact", "code__in", "code__contains", "code__gt", "code__length__gt"],
)
def test_rows_cannot_be_found_by_a_secret(condition: str) -> None:
    with pytest.raises(FieldError, match="Safe.code is encrypted"):
        Safe.objects.filter(**{condition: TEXT}).exists()


def test_values_show_nothing_and_reveal_nothing() -> None:
    Safe.objects.create(code=TEXT)
    [code] = Safe.objects.values_list("code", flat=True)

    assert str(code) == "(secret)"
    with pytest.raises(CannotSeal, match="does not know its row"):
        code.reveal()


def test_a_value_without_its_row_cannot_be_given_to_another() -> None:
    Safe.objects.create(code=TEXT)
    code = Safe.objects.values_list("code", flat=True)[0]
    other = loaded(Safe.objects.create())

    with pytest.raises(CannotSeal, match="does not know its row"):
        other.code = code
    with pytest.raises(Undecryptable), transaction.atomic():
        Safe.objects.create(code=code)


@pytest.mark.parametrize("value", [b"bytes", 7, 1.5, ["x"], "\ud800", object()])
def test_what_is_no_text_is_refused_without_being_shown(value: object) -> None:
    with pytest.raises(CannotSeal, match="Safe.code must be text") as refused:
        Safe(code=value)

    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), object(), {"x": b"y"}, {(1,): 2}])
def test_what_is_no_json_is_refused_without_being_shown(value: object) -> None:
    with pytest.raises(CannotSeal, match="Safe.papers must be JSON") as refused:
        Safe(papers=value)

    assert refused.value.__context__ is None


def test_a_row_whose_key_is_not_known_yet_is_refused() -> None:
    with (
        pytest.raises(CannotSeal, match="NumberedSafe.code is encrypted for its row, whose key"),
        transaction.atomic(),
    ):
        NumberedSafe.objects.create(code=TEXT)

    safe = NumberedSafe.objects.create()
    safe.code = TEXT
    safe.save()
    assert NumberedSafe.objects.get().code.reveal() == TEXT


def test_a_key_given_as_text_means_the_row_that_it_means_in_the_database() -> None:
    key = "0199ABCD-0000-7000-8000-00000000ABCD"
    Safe.objects.create(pk=key, code=TEXT)

    assert Safe.objects.get(pk=UUID(key)).code.reveal() == TEXT


def test_a_key_that_is_a_foreign_key_and_a_column_that_was_renamed() -> None:
    safe = Safe.objects.create()
    drawer = Drawer.objects.create(safe=safe, content=TEXT)

    assert Drawer.objects.get().content.reveal() == TEXT
    place = Place("test_old_drawers", "text", str(safe.pk))
    assert envelope.unseal(stored(drawer, "content"), place) == TEXT.encode()


def test_plain_sql_cannot_write_a_plain_value() -> None:
    safe = Safe.objects.create(code=TEXT)

    with pytest.raises(IntegrityError, match="check"), transaction.atomic():
        connection.cursor().execute("UPDATE test_safes SET code = %s", [b"x" * 99])
    with pytest.raises(IntegrityError, match="check"), transaction.atomic():
        connection.cursor().execute("UPDATE test_safes SET code = %s", [b"\x01"])

    assert loaded(safe).code.reveal() == TEXT


@pytest.mark.parametrize(
    "move",
    [
        "UPDATE test_safes SET code = (SELECT code FROM test_safes WHERE label = 'mine')",
        "UPDATE test_safes SET spare = code",
        "UPDATE test_safes a SET code = b.code FROM test_safes b WHERE b.id <> a.id",
    ],
)
def test_a_ciphertext_moved_by_plain_sql_cannot_be_read(move: str) -> None:
    Safe.objects.create(label="mine", code="mine")
    Safe.objects.create(label="yours", code="yours")
    connection.cursor().execute(move)

    refused = []
    for safe in Safe.objects.all():
        for name in ("code", "spare"):
            try:
                assert getattr(safe, name) is None or getattr(safe, name).reveal() == safe.label
            except Undecryptable as error:
                refused.append((f"test_safes.{name} of row {safe.pk} cannot", str(error)))

    assert refused
    assert all(place in said and "mine" not in said for place, said in refused)


def test_a_ciphertext_moved_to_another_table_cannot_be_read() -> None:
    safe = Safe.objects.create(code=TEXT)
    connection.cursor().execute(
        "INSERT INTO test_other_safes (id, code) SELECT id, code FROM test_safes"
    )

    with pytest.raises(Undecryptable, match=f"test_other_safes.code of row {safe.pk}"):
        OtherSafe.objects.get().code.reveal()


def test_a_lost_master_key_is_named(ring: LocalKeyring) -> None:
    safe = Safe.objects.create(code=TEXT)
    lost = ring.newest()
    ring.add()
    ring.remove(lost)

    with pytest.raises(Undecryptable, match=f"its master key {lost} is not in the keyring"):
        loaded(safe).code.reveal()


@pytest.mark.parametrize(
    "options",
    [
        {"default": "x"},
        {"default": ""},
        {"default": 0},
        {"db_default": "x"},
        {"unique": True},
        {"db_index": True},
        {"primary_key": True},
        {"choices": [("a", "b")]},
        {"editable": True},
    ],
)
def test_a_field_with_an_option_that_would_show_or_compare_it_is_refused(
    options: dict[str, Any],
) -> None:
    with pytest.raises(TypeError, match="EncryptedField"):
        EncryptedField(**options)


@given(st.text())
def test_every_text_comes_back(text: str) -> None:
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        with pytest.raises(CannotSeal):
            Safe(code=text)
        return
    safe = Safe.objects.create(code=text)
    assert loaded(safe).code.reveal() == text


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).filter(lambda value: value is not None)
)
def test_every_json_comes_back(value: Any) -> None:
    safe = Safe.objects.create(papers=value)
    assert loaded(safe).papers.reveal() == value
