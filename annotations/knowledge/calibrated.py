"""What a confidence means by the curve in force, for proposals that are about to be stored."""

from __future__ import annotations

from typing import Final

from django.db import connection

from annotations.knowledge.calibration import Curve
from annotations.models import ConfidenceCalibration

# Taken shared by who stores proposals, and alone by who puts a curve in force.
LOCK: Final = "SELECT {}(hashtextextended('calibration ' || %s || ' ' || %s, 0))"


def curve_in_force(provider: str, model: str) -> Curve | None:
    """The curve of this provider and model, or None where there is none.

    Until the caller's transaction ends no other curve is put in force: what is stored by this one
    is there to be ranked anew when the next one comes.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK.format("pg_advisory_xact_lock_shared"), [provider, model])
    points = (
        ConfidenceCalibration.objects.filter(provider=provider, model=model, is_active=True)
        .values_list("points", flat=True)
        .first()
    )
    return None if points is None else Curve.from_json(points)
