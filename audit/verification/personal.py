"""Personal data beside the entries: what is there is what was committed to; it may be erased."""

from __future__ import annotations

from typing import Final

from audit.sealing import store
from audit.verification.report import MOST, Finding, Report

# The commitment of docs/audit-formats.md, by the server's own function: only what is wrong is sent.
# The columns shown beside are compared once the data is known to be what an action wrote.
_WRONG: Final = f"""
    SELECT l.id FROM audits.audit_personal p JOIN audits.audit_log l ON l.entry_id = p.entry_id
    WHERE CASE
        WHEN l.personal IS DISTINCT FROM
            sha256('\\x02'::bytea || p.salt || convert_to(p.data, 'UTF8')) THEN true
        ELSE p.ip_address IS DISTINCT FROM (p.data::jsonb ->> 'ip_address')::inet
            OR p.user_agent IS DISTINCT FROM p.data::jsonb ->> 'user_agent'
    END
    ORDER BY l.id LIMIT {MOST}
"""
_NOBODYS: Final = """
    SELECT count(*) FROM audits.audit_personal p
    WHERE NOT EXISTS (SELECT FROM audits.audit_log l WHERE l.entry_id = p.entry_id)
"""


def check(connection: store.Connection, report: Report) -> None:
    """Compare all personal data with the commitments in the entries.

    Data of retired entries stays until it is erased; it cannot be compared, and nothing shows it.
    """
    connection.execute("SET LOCAL enable_seqscan = on")
    wrong = connection.execute(_WRONG).fetchall()
    nobodys = connection.execute(_NOBODYS).fetchone()
    connection.execute("SET LOCAL enable_seqscan = off")
    report.add_entries(
        [row[0] for row in wrong], "Entry {} is shown with personal data that is not its own."
    )
    number = nobodys[0] if nobodys else 0
    if number > report.retired:
        report.add(
            Finding(
                f"Personal data is there {number} times without an entry, and {report.retired}"
                " entries are retired: some of it was put there."
            )
        )
