"""The parameters by which maps are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from django.conf import settings
from django.db import models

from database.fields import CreatedAtField
from monitoring.maps import CHOICES, EXPLANATIONS, Parameters

_DEFAULT: Final = Parameters()
ALARM_LEVEL: Final = 0.01
# What each parameter is for, for whoever fills in a form.
EXPLAINED: Final[Mapping[str, str]] = {
    **EXPLANATIONS,
    "alarm_level": "Share of healthy samples that may be called anomalous.",
    "group_column": "Metadata column that names the machine, shift or person of a row; or empty.",
}


def _number(name: str) -> models.FloatField[float, float]:
    value = getattr(_DEFAULT, name)
    return models.FloatField(default=value, db_default=value)


def _whole(name: str) -> models.IntegerField[int, int]:
    value = getattr(_DEFAULT, name)
    return models.IntegerField(default=value, db_default=value)


def _word(name: str, longest: int = 50) -> models.CharField[str, str]:
    value = getattr(_DEFAULT, name)
    return models.CharField(
        max_length=longest,
        choices=[(word, word) for word in CHOICES[name]] if name in CHOICES else None,
        default=value,
        db_default=value,
    )


class MapConfig(models.Model):
    """One version of the parameters; the newest is in force, and none is ever changed.

    ``alarm_level`` is the share of healthy samples that may be called anomalous (``alpha`` is the
    length of the optimiser's steps, as documented). ``group_column`` names the metadata column by
    which healthy rows are held against other groups alone; empty: none. ``EXPLAINED`` has a line
    for each parameter.
    """

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")
    audit_noun: ClassVar[str] = "map_config"

    id = models.AutoField(primary_key=True)
    gamma0 = _number("gamma0")
    optimizer = _word("optimizer")
    alpha = _number("alpha")
    end_meta = _word("end_meta", 255)
    start_dim = _word("start_dim", 255)
    end_dim = _word("end_dim", 255)
    imax = _whole("imax")
    lowdim = _whole("lowdim")
    eta = _number("eta")
    epsilon = _number("epsilon")
    beta1 = _number("beta1")
    beta2 = _number("beta2")
    beta = _number("beta")
    a = _number("a")
    w1 = _number("w1")
    w2 = _number("w2")
    which_w1 = _word("which_w1")
    mode = _word("mode")
    param_mode = _number("param_mode")
    created_at = CreatedAtField()

    feature_scaling = _word("feature_scaling")
    objective = _word("objective")
    seed = models.BigIntegerField(default=_DEFAULT.seed, db_default=_DEFAULT.seed)
    score = _word("score")
    alarm_level = models.FloatField(
        default=ALARM_LEVEL,
        db_default=ALARM_LEVEL,
    )
    group_column = models.CharField(
        max_length=255,
        blank=True,
        default="",
        db_default="",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_column="created_by",
        db_index=False,
    )

    class Meta:
        db_table = "config_data"
        verbose_name = "parameters of maps"
        verbose_name_plural = "parameters of maps"

    def __str__(self) -> str:
        return f"parameters {self.pk}"

    @property
    def parameters(self) -> Parameters:
        """What the map and the score are made by."""
        return Parameters.from_json({name: getattr(self, name) for name in _DEFAULT.canonical()})
