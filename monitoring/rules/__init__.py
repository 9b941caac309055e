"""When a machine is to be talked about: conditions as JSON, and what follows from each sample.

    rule = parse({
        "condition": {"metric": "severity", "op": "gte", "value": "medium"},
        "for": {"points": 3},
        "group_by": ["meta.machine"],
    })
    state = GroupState()
    for sample in samples:
        changes = on_sample(rule, state, sample)
    changes = on_tick(rule, state, at)

Pure: no database, and no clock but the moments that are given. Import from here; docs/alerts.md has
the grammar.
"""

from monitoring.rules.comparing import Verdict
from monitoring.rules.evaluating import Change, What, on_sample, on_tick
from monitoring.rules.grammar import (
    MOST_DEPTH,
    MOST_LEAVES,
    MOST_POINTS,
    All,
    AnyOf,
    Definition,
    Leaf,
    NoData,
    Not,
    Span,
    Tree,
)
from monitoring.rules.parsing import NotADefinition, Problem, parse
from monitoring.rules.samples import SEVERITIES, GroupValues, Sample, group_of, microseconds
from monitoring.rules.state import GroupState, Phase

__all__ = [
    "MOST_DEPTH",
    "MOST_LEAVES",
    "MOST_POINTS",
    "SEVERITIES",
    "All",
    "AnyOf",
    "Change",
    "Definition",
    "GroupState",
    "GroupValues",
    "Leaf",
    "NoData",
    "Not",
    "NotADefinition",
    "Phase",
    "Problem",
    "Sample",
    "Span",
    "Tree",
    "Verdict",
    "What",
    "group_of",
    "microseconds",
    "on_sample",
    "on_tick",
    "parse",
]
