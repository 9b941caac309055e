"""What may happen to a queue, as Hypothesis chooses it: names of methods and their arguments."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from jobs.outcomes import Verdict
from tests.jobs.queue_model import Spec

PEOPLE = (UUID(int=1), UUID(int=2))
WORKERS = ("w1", "w2", "w3")
PLAIN = (None, None)
MOMENTS = [*[PLAIN] * 5, ("past", None), ("future", None), (None, "past"), (None, "future")]
specs = st.builds(
    Spec,
    priority=st.sampled_from([2, 5, 5, 9]),
    person=st.sampled_from([None, *PEOPLE]),
    key=st.sampled_from([None, None, None, "a", "b"]),
    moments=st.sampled_from(MOMENTS),
    max_retries=st.integers(0, 2),
)
picks = st.integers(0, 999)
ends = st.tuples(
    picks,
    st.sampled_from(list(Verdict)),
    st.sampled_from([None, "no", "it broke"]),
    st.sampled_from([None, 0.0, 36_000.0]),
)
slots = st.integers(1, 5)
workers = st.sampled_from(WORKERS)


Step = tuple[str, dict[str, Any]]
End = tuple[int, Verdict, str | None, float | None]


def some(strategy: st.SearchStrategy[Any], most: int, least: int = 1) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=least, max_size=most)


def steps(weight: int, name: str, **arguments: Any) -> list[st.SearchStrategy[Step]]:
    """A method to be called, as often as its weight says."""
    return [st.tuples(st.just(name), st.fixed_dictionaries(arguments))] * weight


# One rule that chooses among these: of many rules, Hypothesis leaves half out in every run.
STEPS: list[st.SearchStrategy[Step]] = [
    *steps(
        5,
        "enqueue",
        wanted=some(specs, 5),
        manner=st.sampled_from(["objects", "rows", "what is new of rows", "plain SQL"]),
    ),
    *steps(4, "claim", worker=workers, slots=slots, done=some(picks, 2, least=0)),
    *steps(2, "claim_further_down", slots=slots, after=picks, rated=st.booleans()),
    *steps(
        5,
        "claim_within_limits",
        worker=workers,
        slots=slots,
        limit=st.sampled_from([None, 1, 2, 3]),
        rated=st.booleans(),
        done=some(picks, 2, least=0),
    ),
    *steps(
        1,
        "claim_while_paused",
        terms=st.sampled_from([{"rated": True}, {"limit_per_person": 2}, {}]),
    ),
    *steps(2, "finish", number=picks),
    *steps(5, "settle", chosen=some(ends, 4)),
    *steps(2, "rescue", number=picks, others=some(workers, 1, least=0)),
    *steps(3, "cancel", numbers=some(picks, 2)),
    *steps(2, "retry", numbers=some(picks, 3)),
    *steps(3, "promote"),
    *steps(1, "expire"),
    *steps(1, "let_time_pass"),
    *steps(2, "advance", step_back=st.integers(0, 3)),
    *steps(2, "move_by_plain_sql", number=picks, priority=st.sampled_from([2, 5, 9])),
    *steps(
        2, "set_rate_or_let_it_refill", jobs=st.sampled_from([None, 2, 6]), refill=st.integers(0, 3)
    ),
]
