-- An analysis that a command, an archive or plain SQL stores whole is a dataset's last one as much as
-- one that a worker completes.

CREATE TRIGGER follow_whole_analyses AFTER INSERT ON analyses
    FOR EACH ROW WHEN (NEW.status = 'completed')
    EXECUTE FUNCTION follow_analyses();

UPDATE datasets d SET last_analysis_at = a.last
FROM (
    SELECT dataset_id, max(completed_at) AS last FROM analyses
    WHERE status = 'completed' GROUP BY dataset_id
) a
WHERE a.dataset_id = d.id AND (d.last_analysis_at IS NULL OR d.last_analysis_at < a.last);

-- A row of alert_rule_states is written with each sample: when the condition began to hold stands in
-- its state.
CREATE OR REPLACE VIEW alert_phases WITH (security_invoker = true) AS
SELECT a.alert_rule_id, a.dataset_id, a.user_id, a.group_values, a.kind, a.phase, a.severity,
    a.id AS alert_id, coalesce(a.recovering_since, a.acknowledged_at, a.first_seen_at) AS since
FROM alerts a
WHERE a.status <> 'resolved'
UNION ALL
SELECT s.alert_rule_id, r.dataset_id, s.user_id, s.group_values, 'condition', 'pending', r.severity,
    NULL, CASE WHEN jsonb_typeof(s.state -> 'since') = 'number'
        THEN timestamptz '1970-01-01Z' + (s.state -> 'since')::bigint * interval '1 microsecond'
        ELSE s.updated_at
    END
FROM alert_rule_states s JOIN alert_rules r ON r.id = s.alert_rule_id
WHERE s.phase = 'pending';
