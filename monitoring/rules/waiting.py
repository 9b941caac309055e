"""When time alone may change something in a group, so that a long wait need not be walked."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring.rules.grammar import SILENCE, Definition
from monitoring.rules.state import GroupState, Phase


def next_change(rule: Definition, state: GroupState) -> int | None:
    """The first moment after the last one at which ``on_tick`` may do something.

    Microseconds since 1970. None: nothing happens before the next sample. Of a group that has seen
    a sample, and whose state is the rule's.
    """
    now = state.at or 0
    return min((at for at in _moments(rule, state) if at > now), default=None)


def _moments(rule: Definition, state: GroupState) -> Iterator[int]:
    seen = state.last_seen or 0
    if not rule.tells_silence:
        if state.silent:
            return
        yield seen + rule.patience
    for leaf in rule.leaves:
        if leaf.metric == SILENCE:
            for value in leaf.value if isinstance(leaf.value, tuple) else (leaf.value,):
                at = seen + round(float(value) * 1_000_000)
                yield from (at, at + 1)  # reached, and exceeded
    for window in state.windows.values():
        if window.entries and window.span.microseconds is not None:
            yield window.entries[0].at + window.span.microseconds
    waits = {Phase.PENDING: rule.lasting, Phase.RECOVERING: rule.calm}.get(state.phase)
    if waits is not None and waits.microseconds is not None:
        yield state.since + waits.microseconds
