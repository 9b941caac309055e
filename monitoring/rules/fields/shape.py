"""What the form of a rule holds, as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from monitoring.rules.fields.amounts import Amount, amount_of_seconds
from monitoring.rules.grammar import Definition, NoData
from monitoring.rules.samples import SEVERITIES
from monitoring.rules.telling import Event

Kind = Literal["severity", "number", "truth", "window", "column"]
COLUMN: Final = "column"
# What a comparison looks at, and with what kind of value it is compared.
KINDS: Final[dict[str, Kind]] = {
    "severity": "severity",
    "distance": "number",
    "ratio": "number",
    "p_value": "number",
    "off_map": "truth",
    COLUMN: "column",
    "window.anomaly_pct": "window",
    "window.count": "window",
    "drift.p_value": "window",
    "no_data_seconds": "number",
}
# Before a comparison of a column with a number; without it the column is text.
AS_NUMBER: Final = "number."
USUAL_EVENTS: Final = tuple(event.value for event in Event if event != Event.ESCALATED)


@dataclass(slots=True)
class Row:
    """One comparison. Which fields count depends on the metric; the others keep what was typed.

    ``metric``      a key of ``KINDS``, or "" as long as nothing is chosen
    ``op``          how severities and numbers are compared
    ``column``, ``column_op``  the column's name, and its comparison: ``eq``, ``number.gt``
    ``value``       a number or text; with ``in`` a list between commas
    ``severity``, ``severities``  one to compare with; with ``in`` several
    ``truth``       ``yes`` or ``no``
    """

    metric: str = ""
    op: str = "gte"
    column: str = ""
    column_op: str = "eq"
    value: str = ""
    severity: str = "medium"
    severities: tuple[str, ...] = ()
    truth: str = "yes"
    window: Amount = field(default_factory=Amount)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was chosen or typed."""
        return not (self.metric or self.column or self.value.strip() or self.window.number)


@dataclass(slots=True)
class Comparisons:
    """Rows, and how they are joined: ``all``, ``any``; "" where there is nothing to compare."""

    join: str = "all"
    rows: list[Row] = field(default_factory=list)

    @property
    def filled(self) -> list[tuple[int, Row]]:
        """The rows that say something, with their place among all."""
        return [(place, row) for place, row in enumerate(self.rows) if not row.is_empty]


@dataclass(slots=True)
class Fields:
    """The condition of a rule, as ``Definition`` has it.

    ``clear``     joined by "": it is over as soon as the condition does not hold
    ``lasting``, ``calm``  empty: the first sample counts
    ``columns``   for each combination of which there is one alert, in order; ``more_columns``:
                  others, between commas
    """

    condition: Comparisons = field(default_factory=Comparisons)
    clear: Comparisons = field(default_factory=lambda: Comparisons(join=""))
    lasting: Amount = field(default_factory=Amount)
    calm: Amount = field(default_factory=Amount)
    columns: list[str] = field(default_factory=list)
    more_columns: str = ""
    no_data: str = NoData.KEEP.value
    no_data_after: Amount = field(
        default_factory=lambda: amount_of_seconds(Definition.no_data_after)
    )


@dataclass(slots=True)
class Mail:
    """E-mail addresses between commas, from which severity they are told, and of what."""

    to: str = ""
    severity: str = SEVERITIES[1]
    events: tuple[str, ...] = USUAL_EVENTS


@dataclass(slots=True)
class Telling:
    """Who is told: the rows of addresses, and the webhooks if they are."""

    mails: list[Mail] = field(default_factory=list)
    tells_webhooks: bool = False
    webhook_severity: str = SEVERITIES[1]
    webhook_events: tuple[str, ...] = USUAL_EVENTS
