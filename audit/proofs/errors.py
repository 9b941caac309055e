"""The refusals of the proofs: each carries one sentence that names what does not hold."""


class ProofError(ValueError):
    """A proof does not hold, or something offered as evidence is not what it claims to be."""


class FormatError(ProofError):
    """A text or a value does not have the form that `docs/audit-formats.md` gives it."""


class NoteError(ProofError):
    """A signed note, a checkpoint or a key is malformed, unsigned or wrongly signed."""
