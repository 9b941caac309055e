SELECT unguard_queue('alert_letters');
SELECT audits.unguard(t), unconfine(t) FROM unnest(ARRAY[
    'alerts', 'alert_silences', 'alert_rules'
]::regclass[]) AS tables (t);
SELECT unconfine(t) FROM unnest(ARRAY[
    'alert_letters', 'alert_notifications', 'alert_evaluations', 'alert_rule_states'
]::regclass[]) AS tables (t);
SELECT uninstall_queue('alert_letters');
DROP VIEW alert_phases;
DROP TRIGGER keep_letter ON alert_letters;
DROP FUNCTION keep_alert_letter();
DROP TRIGGER validate_status ON alert_letters;
DROP FUNCTION validate_alert_letter_transition();
DROP TRIGGER keep_alert ON alerts;
DROP FUNCTION keep_alert();
DROP TRIGGER validate_status ON alerts;
DROP FUNCTION validate_alert_transition();
DROP TRIGGER begin_alert ON alerts;
DROP FUNCTION begin_alert();
DROP TRIGGER keep_silence ON alert_silences;
DROP TRIGGER keep_rule ON alert_rules;
DROP FUNCTION keep_alert_rule();
DROP TRIGGER take_owner ON alert_notifications;
DROP TRIGGER take_owner ON alert_evaluations;
DROP TRIGGER take_owner ON alert_rule_states;
DROP TRIGGER take_owner ON alert_silences;
DROP TRIGGER take_owner ON alert_rules;
DROP FUNCTION take_owner_of_alert();
DROP FUNCTION take_owner_of_rule();
DROP TRIGGER update_alert_rule_states_updated_at ON alert_rule_states;
DROP TRIGGER update_alert_rules_updated_at ON alert_rules;
ALTER TABLE alert_silences DROP CONSTRAINT alert_silences_matchers_check;
ALTER TABLE alerts DROP CONSTRAINT alerts_seen_check, DROP CONSTRAINT alerts_json_check;
ALTER TABLE alert_rule_states DROP CONSTRAINT alert_rule_states_json_check;
ALTER TABLE alert_rules DROP CONSTRAINT alert_rules_actions_check,
    DROP CONSTRAINT alert_rules_condition_check;
DROP INDEX idx_analyses_placed, idx_alert_letters_created_at, idx_alert_letters_rule, idx_alert_notifications_user,
    idx_alert_silences_created_by, idx_alert_silences_user, idx_alert_silences_dataset,
    idx_alerts_to_tell, idx_alerts_resolved_by, idx_alerts_acknowledged_by, idx_alerts_anomaly,
    idx_alerts_user, idx_alerts_created_at, idx_alerts_status, idx_alerts_dataset, idx_alerts_rule,
    idx_alert_evaluations_user, idx_alert_evaluations_analysis, idx_alert_rule_states_pending,
    idx_alert_rule_states_user, idx_alert_rules_notify_at, idx_alert_rules_user,
    idx_alert_rules_created_by, idx_alert_rules_active, idx_alert_rules_dataset;
SELECT set_on_delete('alert_letters', 'alert_rule_id', 'NO ACTION');
SELECT set_on_delete('alert_notifications', 'user_id', 'NO ACTION');
SELECT set_on_delete('alert_notifications', 'alert_id', 'NO ACTION');
SELECT set_on_delete('alert_silences', 'created_by_id', 'NO ACTION');
SELECT set_on_delete('alert_silences', 'user_id', 'NO ACTION');
SELECT set_on_delete('alert_silences', 'dataset_id', 'NO ACTION');
SELECT set_on_delete('alerts', 'user_id', 'NO ACTION');
SELECT set_on_delete('alerts', 'resolved_by_id', 'NO ACTION');
SELECT set_on_delete('alerts', 'acknowledged_by_id', 'NO ACTION');
SELECT set_on_delete('alerts', 'dataset_id', 'NO ACTION');
SELECT set_on_delete('alerts', 'alert_rule_id', 'NO ACTION');
SELECT set_on_delete('alert_evaluations', 'user_id', 'NO ACTION');
SELECT set_on_delete('alert_evaluations', 'alert_rule_id', 'NO ACTION');
SELECT set_on_delete('alert_rule_states', 'user_id', 'NO ACTION');
SELECT set_on_delete('alert_rule_states', 'alert_rule_id', 'NO ACTION');
SELECT set_on_delete('alert_rules', 'user_id', 'NO ACTION');
SELECT set_on_delete('alert_rules', 'created_by_id', 'NO ACTION');
SELECT set_on_delete('alert_rules', 'dataset_id', 'NO ACTION');
