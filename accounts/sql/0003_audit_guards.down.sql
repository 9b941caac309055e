DROP VIEW audit_summary_by_user;
REVOKE SELECT (id, email, full_name, role, is_active, created_at) ON users FROM lacuna_auditor;
SELECT audits.unguard('users');
