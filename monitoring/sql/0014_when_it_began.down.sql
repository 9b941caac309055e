CREATE OR REPLACE VIEW alert_phases WITH (security_invoker = true) AS
SELECT a.alert_rule_id, a.dataset_id, a.user_id, a.group_values, a.kind, a.phase, a.severity,
    a.id AS alert_id, coalesce(a.recovering_since, a.acknowledged_at, a.first_seen_at) AS since
FROM alerts a
WHERE a.status <> 'resolved'
UNION ALL
SELECT s.alert_rule_id, r.dataset_id, s.user_id, s.group_values, 'condition', 'pending', r.severity,
    NULL, s.updated_at
FROM alert_rule_states s JOIN alert_rules r ON r.id = s.alert_rule_id
WHERE s.phase = 'pending';

DROP TRIGGER follow_whole_analyses ON analyses;
