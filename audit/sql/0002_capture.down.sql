-- Back to the log alone.
DROP VIEW audits.audit_chain, audits.audit_statistics;
DROP VIEW recent_audit_events, audit_log_details, audit_logs, security_audit, audit_log;
SELECT audits.unguard('system_settings');
DROP FUNCTION audits.erase_personal(uuid[], text);
DROP FUNCTION audits.guard(regclass, text, text[], text[], text, text);
DROP FUNCTION audits.unguard(regclass);
DROP FUNCTION audits.log_truncate();
DROP FUNCTION log_audit_event();
DROP FUNCTION audits.is_recorded(text, text);
DROP FUNCTION audits.abridged(jsonb);
DROP FUNCTION audits.record(text, text, text, text, jsonb, jsonb, boolean);
DROP FUNCTION audits.context();
DROP FUNCTION audits.canonical(jsonb);
