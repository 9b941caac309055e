"""What a verification found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

# So many findings about entries are told, and so many others; a log that was rewritten as a whole
# would give millions.
MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was sealed: a sentence, and the entry or batch it is about."""

    text: str
    entry: int | None = None
    batch: int | None = None


@dataclass(slots=True)
class Findings:
    """The first findings of each kind, how many there were, and the lowest number of an entry."""

    findings: list[Finding] = field(default_factory=list)
    found: int = 0
    first_bad_entry: int | None = None
    _about_entries: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything is as it was sealed."""
        return not self.found

    def add(self, *findings: Finding) -> None:
        """Note findings; the first ones are kept."""
        for finding in findings:
            self.found += 1
            self._keep(finding)

    def add_all(self, other: Findings) -> None:
        """Take over what was found elsewhere."""
        self.found += other.found
        self._note_entry(other.first_bad_entry)
        for finding in other.findings:
            self._keep(finding)

    def add_entries(self, numbers: Iterable[int], sentence: str) -> None:
        """Note the same finding about many entries; the sentence has a place for the number."""
        self.add(*(Finding(sentence.format(number), entry=number) for number in numbers))

    def _keep(self, finding: Finding) -> None:
        if finding.entry is None:
            room = len(self.findings) - self._about_entries < MOST
        else:
            room = self._about_entries < MOST
            self._about_entries += room
            self._note_entry(finding.entry)
        if room:
            self.findings.append(finding)

    def _note_entry(self, number: int | None) -> None:
        if number is not None and (self.first_bad_entry is None or number < self.first_bad_entry):
            self.first_bad_entry = number


@dataclass(slots=True)
class Report(Findings):
    """What was verified, and every finding (the first ones, and how many there were)."""

    size: int = 0
    batches: int = 0
    entries: int = 0
    retired: int = 0
    checkpoints: int = 0
    waiting: int = 0  # entries that are not sealed yet
    from_batch: int = 1
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "ok": self.ok,
            "size": self.size,
            "batches": self.batches,
            "entries": self.entries,
            "retired": self.retired,
            "checkpoints": self.checkpoints,
            "waiting": self.waiting,
            "from_batch": self.from_batch,
            "seconds": round(self.seconds, 3),
            "found": self.found,
            "first_bad_entry": self.first_bad_entry,
            "findings": [
                {"text": one.text, "entry": one.entry, "batch": one.batch} for one in self.findings
            ],
        }
