"""What nobody finds out, exactly: the windows of docs/decisions/0014, each from both sides."""

from __future__ import annotations

from audit.verification import Report
from tests.audit.tampering.sealed import Connection, SealedLog, assert_found, cut, reseal


def clean(report: Report) -> bool:
    return report.findings == []


def test_an_entry_may_be_changed_until_it_is_sealed(log: SealedLog, intruder: Connection) -> None:
    waiting = log.numbers["last"] + 1
    intruder.execute("UPDATE audits.audit_log SET payload = '{}' WHERE id = %s", [waiting])
    assert clean(log.verify(intruder))

    reseal(intruder, log.ring, from_batch=7)
    assert clean(log.verify(intruder))

    intruder.execute("UPDATE audits.audit_log SET outcome = 'failure' WHERE id = %s", [waiting])
    assert_found(log.verify(intruder), "is not as it was sealed", entry=waiting)


def test_an_entry_may_be_removed_until_it_is_sealed(log: SealedLog, intruder: Connection) -> None:
    waiting = log.numbers["last"] + 1
    intruder.execute("DELETE FROM audits.audit_log WHERE id = %s", [waiting])

    report = log.verify(intruder)

    assert clean(report)
    assert report.waiting == 1


def test_a_leaf_that_lies_is_found_once_the_sealer_has_believed_it(
    log: SealedLog, intruder: Connection
) -> None:
    waiting = log.numbers["last"] + 1
    intruder.execute("ALTER TABLE audits.audit_log ALTER leaf DROP EXPRESSION")
    intruder.execute("UPDATE audits.audit_log SET payload = '{}' WHERE id = %s", [waiting])
    reseal(intruder, log.ring, from_batch=7)

    assert_found(log.verify(intruder), "is not as it was sealed", entry=waiting)


def test_what_was_sealed_after_the_last_kept_checkpoint_may_be_cut_off(
    log: SealedLog, intruder: Connection
) -> None:
    cut(intruder, 4)

    assert clean(log.verify(intruder, notes=[("a witness", log.middle)]))


def test_one_batch_more_than_that_may_not(log: SealedLog, intruder: Connection) -> None:
    cut(intruder, 3)

    assert_found(log.verify(intruder, notes=[("a witness", log.middle)]), "was cut off")


def test_with_the_stolen_key_what_nobody_has_seen_may_be_rewritten(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "UPDATE audits.audit_log SET payload = '{}' WHERE id = %s", [log.numbers["last"]]
    )
    reseal(intruder, log.ring, from_batch=6)

    assert clean(log.verify(intruder, notes=[("a witness", log.middle)]))


def test_the_same_is_found_when_the_last_checkpoint_was_kept(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "UPDATE audits.audit_log SET payload = '{}' WHERE id = %s", [log.numbers["last"]]
    )
    reseal(intruder, log.ring, from_batch=6)

    assert_found(log.verify(intruder, notes=[("a witness", log.end)]), "was rewritten")


def test_a_plausible_lie_told_in_the_open_is_sealed_as_an_entry(
    log: SealedLog, intruder: Connection
) -> None:
    xid = "(SELECT max(xid) FROM audits.audit_log)"
    intruder.execute(
        "INSERT INTO audits.audit_log (action, resource_type, resource_id, xid)"
        f" VALUES ('setting.updated', 'setting', 'never', {xid})"
    )
    reseal(intruder, log.ring, from_batch=7)

    assert clean(log.verify(intruder))


def test_a_signature_line_of_a_stranger_may_be_added_to_a_checkpoint(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "UPDATE audits.audit_batch SET note = note || U&'\\2014 stranger AAAAAAAAAA==' || E'\\n'"
        " WHERE batch_no = 3"
    )

    assert clean(log.verify(intruder))


def test_personal_data_may_be_removed_without_a_word(log: SealedLog, intruder: Connection) -> None:
    intruder.execute("DELETE FROM audits.audit_personal")

    assert clean(log.verify(intruder))


def test_the_tables_that_only_tell_may_be_changed(log: SealedLog, intruder: Connection) -> None:
    intruder.execute("INSERT INTO audits.audit_sealer (name, problem) VALUES ('me', 'none at all')")
    intruder.execute(
        "INSERT INTO audits.audit_publication (target, size, note) VALUES ('nobody', 999, '')"
    )
    intruder.execute("DELETE FROM audits.audit_action")
    intruder.execute("UPDATE audits.audit_era SET started_at = '2020-01-01'")

    assert clean(log.verify(intruder))


def test_a_view_may_show_something_else_than_the_table(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(
        "CREATE OR REPLACE VIEW public.audit_logs WITH (security_invoker = true) AS"
        " SELECT l.entry_id AS id, l.actor_id AS user_id, 'nothing.happened'::text AS action,"
        " l.resource_type, NULL::uuid AS resource_id, NULL::jsonb AS changes, NULL::inet"
        " AS ip_address, NULL::text AS user_agent, l.created_at FROM audits.audit_log l"
    )

    assert clean(log.verify(intruder))
