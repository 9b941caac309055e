"""Checks the log against its seal, and the seal against what others have seen of it.

The leaves are computed here, from the rows as they are sent: no function in the schema is trusted.
"""

from audit.verification.report import Finding, Report
from audit.verification.run import Effort, Moment, examine, verify

__all__ = ["Effort", "Finding", "Moment", "Report", "examine", "verify"]
