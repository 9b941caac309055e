"""Settings that staff change while the system runs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from database import system_settings
from database.fields import CreatedAtField, KeyField, UpdatedAtField


class SystemSetting(models.Model):
    """One setting's value; without a row its default is in force.

    ``database.system_settings`` knows the names, types and defaults. Guarded by the trigger
    ``update_updated_at_column()``.
    """

    audit_noun: ClassVar[str] = "setting"
    audit_key: ClassVar[str] = "setting_key"

    id = KeyField()
    setting_key = models.CharField("setting", max_length=100, unique=True)
    setting_value = models.JSONField("value")
    description = models.TextField(blank=True, default="", db_default="")
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    class Meta:
        db_table = "system_settings"
        verbose_name = "system setting"

    def __str__(self) -> str:
        return self.setting_key

    def clean(self) -> None:
        """Refuse a name that nobody reads and a value of the wrong type."""
        try:
            definition = system_settings.definition(self.setting_key)
            definition.check(self.setting_value)
        except system_settings.UnknownSetting as error:
            raise ValidationError({"setting_key": str(error)}) from None
        except system_settings.WrongValue as error:
            raise ValidationError({"setting_value": str(error)}) from None

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, with the definition's description where none was given."""
        definition = system_settings.REGISTRY.get(self.setting_key)
        if definition and not self.description:
            self.description = definition.description
        super().save(*args, **kwargs)
