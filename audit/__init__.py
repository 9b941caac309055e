"""The audit log: what was done, by whom, in an order that nobody can change unnoticed.

An action writes its entry in its own transaction::

    from audit.recording import record

    record("image.archived", by=user, subject=image, details={"reason": reason})

``registry`` knows the actions, ``recording`` writes, ``sealing`` orders and signs, ``verification``
checks, ``evidence`` hands out, ``retention`` retires months; ``proofs`` is the mathematics.
"""
