-- People in the audit log. Entries are for ever, and a person may ask to be forgotten: what names
-- them is written down as changed, not as what; actions put it where it can be erased.
SELECT audits.guard(
    'users', 'user', '{updated_at,last_login_at}', '{password_hash,email,full_name,metadata}'
);

-- Whoever reads the log must be able to tell who an actor is.
GRANT SELECT (id, email, full_name, role, is_active, created_at) ON users TO lacuna_auditor;

CREATE VIEW audit_summary_by_user WITH (security_invoker = true) AS
SELECT
    u.id AS user_id,
    u.email,
    u.full_name,
    u.role,
    coalesce(a.event_count, 0) AS event_count,
    coalesce(a.success_count, 0) AS success_count,
    coalesce(a.failure_count, 0) AS failure_count,
    coalesce(a.partial_count, 0) AS partial_count,
    coalesce(a.action_count, 0) AS action_count,
    coalesce(a.login_count, 0) AS login_count,
    coalesce(a.total_duration_ms, 0) AS total_duration_ms,
    a.avg_duration_ms,
    a.max_duration_ms,
    a.first_event_at,
    a.last_event_at
FROM users u
LEFT JOIN (
    SELECT
        actor_id,
        count(*) AS event_count,
        count(*) FILTER (WHERE outcome = 'success') AS success_count,
        count(*) FILTER (WHERE outcome = 'failure') AS failure_count,
        count(*) FILTER (WHERE outcome = 'partial') AS partial_count,
        count(DISTINCT action) AS action_count,
        count(*) FILTER (WHERE action = 'session.started') AS login_count,
        sum(duration_ms) AS total_duration_ms,
        round(avg(duration_ms), 1) AS avg_duration_ms,
        max(duration_ms) AS max_duration_ms,
        min(created_at) AS first_event_at,
        max(created_at) AS last_event_at
    FROM audits.audit_log
    WHERE actor_id IS NOT NULL
    GROUP BY actor_id
) a ON a.actor_id = u.id;
COMMENT ON VIEW audit_summary_by_user IS
    'Each person with the number of their entries in the audit log, and how long those took.';
GRANT SELECT ON audit_summary_by_user
    TO lacuna_app, lacuna_readonly, lacuna_auditor, lacuna_backup;
