"""A table with secrets of both kinds, its double, and keys of other types."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from database.encryption.fields import EncryptedField, EncryptedJSONField
from database.fields import KeyField


class Safe(models.Model):
    """Everything that a table with secrets can have."""

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"code", "spare", "papers"})

    id = KeyField()
    label = models.CharField(max_length=100, default="", db_default="")
    code: EncryptedField[Any, Any] = EncryptedField(null=True)
    spare: EncryptedField[Any, Any] = EncryptedField(null=True)
    papers: EncryptedJSONField[Any, Any] = EncryptedJSONField(null=True)

    class Meta:
        db_table = "test_safes"

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.pk}"


class OtherSafe(models.Model):
    """The same columns in another table."""

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"code"})

    id = KeyField()
    code: EncryptedField[Any, Any] = EncryptedField()

    class Meta:
        db_table = "test_other_safes"

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.pk}"


class NumberedSafe(models.Model):
    """Its key is a number that the database gives, so it is known only after the first save."""

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"code"})

    id = models.BigAutoField(primary_key=True)
    code: EncryptedField[Any, Any] = EncryptedField(null=True)

    class Meta:
        db_table = "test_numbered_safes"

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.pk}"


class Drawer(models.Model):
    """Its key is that of a safe; its column had another name once."""

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"content"})

    safe = models.OneToOneField(Safe, on_delete=models.CASCADE, primary_key=True)
    content: EncryptedField[Any, Any] = EncryptedField(bound_to=("test_old_drawers", "text"))

    class Meta:
        db_table = "test_drawers"

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.pk}"
