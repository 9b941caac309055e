"""Model fields whose values are encrypted in the database and bound to their row.

    class OneTimeSecret(models.Model):
        hidden_columns: ClassVar[frozenset[str]] = frozenset({"secret"})

        id = KeyField()
        secret = EncryptedField()

    row.secret = "JBSWY3DPEHPK3PXP"   # encrypted by save() and bulk_create()
    row.secret                        # (secret)
    row.secret.reveal()               # decrypted now, from what was loaded

The column is ``bytea``. Saving an object whose secret was only loaded leaves the column as it is,
so neither a rotation nor a newer secret is undone. What cannot be encrypted for one row, such as
``update()``, is refused.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.core.exceptions import FieldError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F
from django.db.models.constants import OnConflict
from django.db.models.expressions import Col
from django.db.models.query_utils import DeferredAttribute
from django.db.models.sql import InsertQuery
from psycopg import Binary

from database.encryption import codecs
from database.encryption.envelope import Envelope
from database.encryption.errors import CannotSeal
from database.encryption.place import Place
from database.encryption.secret import Origin, Secret

_Set_contra = TypeVar("_Set_contra", contravariant=True)
_Get_co = TypeVar("_Get_co", covariant=True)

if TYPE_CHECKING:

    class _Field(models.Field[_Set_contra, _Get_co]):
        """What may be assigned, and what is read."""
else:

    class _Field(models.Field, Generic[_Set_contra, _Get_co]):
        pass


_REFUSED_OPTIONS = ("default", "db_default", "unique", "primary_key", "db_index", "choices")


class _Sealed(bytes):
    """An envelope that ``pre_save`` made for the very row that is written."""


class SecretAttribute(DeferredAttribute):
    """Holds a ``Secret`` bound to its object, whatever is assigned."""

    field: Encrypted[Any, Any]

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        if instance is None:
            return self
        secret = super().__get__(instance, cls)
        if isinstance(secret, Secret) and secret.place is None:
            place = self.field.place(instance)
            if place is not None:
                secret = instance.__dict__[self.field.attname] = secret.bound(place)
        return secret

    def __set__(self, instance: models.Model, value: object) -> None:
        instance.__dict__[self.field.attname] = self._taken(instance, value)

    def _taken(self, instance: models.Model, value: object) -> object:
        field = self.field
        if value is None:
            return None
        if not isinstance(value, Secret):
            plain = codecs.encode(field.codec, value, field.named)
            return Secret[Any](field.codec, Origin.GIVEN, plain=plain)
        if value.codec != field.codec:
            raise CannotSeal(f"{field.named} takes no secret of another kind of field.")
        place = field.place(instance)
        if value.place is not None:
            return value if value.place == place else value.given()
        if value.origin is Origin.LOADED and not instance._state.adding:
            raise CannotSeal(
                f"{field.named} is given a secret that does not know its row: it comes from"
                " values() or an annotation. Load the object and take its attribute."
            )
        return value.bound(place) if place is not None else value


class Encrypted(_Field[_Set_contra, _Get_co]):
    """What text and JSON share; not a field itself."""

    codec: str
    empty_strings_allowed = False
    descriptor_class = SecretAttribute

    def __init__(self, *args: Any, bound_to: tuple[str, str] | None = None, **options: Any) -> None:
        """``bound_to``: the table and column it was bound to before either was renamed."""
        for option in _REFUSED_OPTIONS:
            given = options.get(option)
            if not any(given is nothing for nothing in (None, False, models.NOT_PROVIDED)):
                raise TypeError(f"{type(self).__name__} takes no {option}: its values are secret.")
        if options.setdefault("editable", False):
            raise TypeError(f"{type(self).__name__} has no form: it stays editable=False.")
        self.bound_to = tuple(bound_to) if bound_to else None
        super().__init__(*args, **options)

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        """As Django's, without what is always so."""
        name, path, args, options = super().deconstruct()
        options.pop("editable", None)
        if self.bound_to:
            options["bound_to"] = self.bound_to
        return name, path, args, options

    @property
    def named(self) -> str:
        """What refusals call it."""
        return f"{self.model.__name__}.{self.name}"

    def identity(self) -> tuple[str, str]:
        """The table and column that its secrets are bound to."""
        table, column = self.bound_to or (self.model._meta.db_table, self.column)
        return table, str(column)

    def place(self, instance: models.Model) -> Place | None:
        """Where the object's secret lives; None while the object has no key."""
        key = self.model._meta.pk
        value = instance.__dict__.get(key.attname)
        if value is None or hasattr(value, "resolve_expression"):
            return None
        return Place(*self.identity(), str(key_target(key).to_python(value)))

    def get_internal_type(self) -> str:
        return "BinaryField"

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        """An envelope begins with its version, which no text does: plain values are refused."""
        column = connection.ops.quote_name(str(self.column))
        return f"octet_length({column}) > 32 AND get_byte({column}, 0) BETWEEN 1 AND 31"

    def formfield(self, *args: Any, **options: Any) -> None:
        """No form shows or takes a secret."""

    def run_validators(self, value: object) -> None:
        """Nothing is left to check: what is assigned is checked at once."""

    def to_python(self, value: object) -> Secret[Any] | None:
        """A fixture's value: the envelope in base64, as ``value_to_string`` writes it."""
        if value is None or isinstance(value, Secret):
            return value
        try:
            sealed = base64.b64decode(str(value), validate=True)
            Envelope.parse(sealed)
        except ValueError:
            # Raised when it is written, by code that does not show what was given.
            return Secret(self.codec, Origin.DUMPED)
        return Secret(self.codec, Origin.DUMPED, sealed=sealed)

    def value_to_string(self, obj: models.Model) -> str:
        """For fixtures: the envelope in base64, never the value."""
        secret: Any = self.value_from_object(obj)
        if secret is None:
            return ""
        sealed = secret.stored or secret.sealed_for(self._placed(obj))
        return base64.b64encode(sealed).decode("ascii")

    def from_db_value(self, value: Any, *_: Any) -> Secret[Any] | None:
        """Not decrypted, and not bound to a row before it is an object's attribute."""
        return None if value is None else Secret(self.codec, Origin.LOADED, sealed=bytes(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Encrypt for the object's row; what was loaded from there stays as it is."""
        secret = getattr(model_instance, self.attname)
        if secret is None:
            return None
        place = self._placed(model_instance)
        unchanged = secret.origin is Origin.LOADED and secret.place == place
        if unchanged and not add and not model_instance._state.adding:
            return F(self.attname)
        sealed = secret.sealed_for(place)
        model_instance.__dict__[self.attname] = Secret[Any](
            self.codec, Origin.GIVEN, sealed=sealed, place=place
        )
        return _Sealed(sealed)

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """Take what ``pre_save`` made, and what a fixture holds."""
        if value is None or hasattr(value, "as_sql"):
            return value
        if isinstance(value, Secret) and value.origin is Origin.DUMPED:
            if value.stored is None:
                raise CannotSeal(
                    f"{self.named} is given as something that is no envelope. A fixture holds"
                    " encrypted values as dumpdata wrote them, never plain ones."
                )
            return Binary(value.stored)
        if not isinstance(value, _Sealed):
            raise self._one_by_one("update() or an expression")
        return Binary(value)

    def get_placeholder(self, value: Any, compiler: Any, connection: BaseDatabaseWrapper) -> str:
        """Where Django asks how to write the value; refuses what would write another row's."""
        if isinstance(value, Col):
            if value.target is not self:
                raise self._one_by_one("F() of another column")
        elif hasattr(value, "as_sql"):
            raise self._one_by_one("bulk_update() or an expression")
        if isinstance(compiler.query, InsertQuery):
            self._check_conflict(compiler.query)
        return "%s"

    def _check_conflict(self, query: Any) -> None:
        """A row that is there already keeps its key, so it takes only secrets made for that key."""
        updates = query.on_conflict is OnConflict.UPDATE and self in query.update_fields
        if updates and list(query.unique_fields) != [self.model._meta.pk]:
            raise self._one_by_one("bulk_create() onto rows of other keys")

    def get_lookup(self, lookup_name: str) -> Any:
        """Only ``isnull``: equal secrets have different ciphertexts."""
        if lookup_name != "isnull":
            raise FieldError(
                f"{self.named} is encrypted: rows cannot be found by it ({lookup_name}). Only"
                " isnull is possible."
            )
        return super().get_lookup(lookup_name)

    def get_transform(self, name: str) -> Any:
        """None: see ``get_lookup``."""
        raise FieldError(f"{self.named} is encrypted: SQL cannot look into it ({name}).")

    def _placed(self, instance: models.Model) -> Place:
        place = self.place(instance)
        if place is None:
            raise CannotSeal(
                f"{self.named} is encrypted for its row, whose key must be known before"
                " it is saved. Use KeyField."
            )
        return place

    def _one_by_one(self, what: str) -> CannotSeal:
        return CannotSeal(
            f"{self.named} is encrypted for each row by itself: {what} cannot write it. Set the"
            " attribute and save() the object, or bulk_create() new ones."
        )


class EncryptedField(Encrypted[_Set_contra, _Get_co]):
    """Text, encrypted. Read with ``.reveal()``."""

    _pyi_private_set_type: str | Secret[str]
    _pyi_private_get_type: Secret[str]

    codec = codecs.TEXT


class EncryptedJSONField(Encrypted[_Set_contra, _Get_co]):
    """Any JSON but null at the top, encrypted whole.

    It is taken as it is when it is assigned: to change it, assign what ``.reveal()`` gave, changed.
    """

    _pyi_private_set_type: Any
    _pyi_private_get_type: Secret[Any]

    codec = codecs.JSON


def key_target(key: Any) -> Any:
    """The field that says what the key is: for a key that is a foreign key, the other table's."""
    while key.is_relation:
        key = key.target_field
    return key
