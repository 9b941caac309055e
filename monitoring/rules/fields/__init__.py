"""A rule as the fields of a form, and back: text as people type it, row by row.

    fields = fields_of(rule.condition)        # None: the form cannot say this
    read = read_condition(fields)
    read.document, read.wrong                 # what it says; what is wrong, by field

Pure: no form library, no database. What the form shows of a rule says the same as the rule, or is
None: nothing is left out in silence.
"""

from monitoring.rules.fields.amounts import SAMPLES, SECONDS, UNITS, Amount
from monitoring.rules.fields.posted import posted_amount, posted_condition, posted_telling
from monitoring.rules.fields.reading import Read, read_condition, read_span
from monitoring.rules.fields.shape import (
    AS_NUMBER,
    KINDS,
    USUAL_EVENTS,
    Comparisons,
    Fields,
    Mail,
    Row,
    Telling,
)
from monitoring.rules.fields.telling import read_telling, telling_of
from monitoring.rules.fields.writing import fields_of

__all__ = [
    "AS_NUMBER",
    "KINDS",
    "SAMPLES",
    "SECONDS",
    "UNITS",
    "USUAL_EVENTS",
    "Amount",
    "Comparisons",
    "Fields",
    "Mail",
    "Read",
    "Row",
    "Telling",
    "fields_of",
    "posted_amount",
    "posted_condition",
    "posted_telling",
    "read_condition",
    "read_span",
    "read_telling",
    "telling_of",
]
