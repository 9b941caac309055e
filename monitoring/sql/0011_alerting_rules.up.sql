-- What the tables of alerts enforce by themselves, whoever writes to them.

SELECT set_on_delete('alert_rules', 'dataset_id', 'CASCADE');
SELECT set_on_delete('alert_rules', 'created_by_id', 'RESTRICT');
SELECT set_on_delete('alert_rules', 'user_id', 'RESTRICT');
SELECT set_on_delete('alert_rule_states', 'alert_rule_id', 'CASCADE');
SELECT set_on_delete('alert_rule_states', 'user_id', 'RESTRICT');
SELECT set_on_delete('alert_evaluations', 'alert_rule_id', 'CASCADE');
SELECT set_on_delete('alert_evaluations', 'user_id', 'RESTRICT');
SELECT set_on_delete('alerts', 'alert_rule_id', 'RESTRICT');
SELECT set_on_delete('alerts', 'dataset_id', 'RESTRICT');
SELECT set_on_delete('alerts', 'acknowledged_by_id', 'RESTRICT');
SELECT set_on_delete('alerts', 'resolved_by_id', 'RESTRICT');
SELECT set_on_delete('alerts', 'user_id', 'RESTRICT');
SELECT set_on_delete('alert_silences', 'dataset_id', 'CASCADE');
SELECT set_on_delete('alert_silences', 'user_id', 'RESTRICT');
SELECT set_on_delete('alert_silences', 'created_by_id', 'RESTRICT');
SELECT set_on_delete('alert_notifications', 'alert_id', 'CASCADE');
SELECT set_on_delete('alert_notifications', 'user_id', 'RESTRICT');
SELECT set_on_delete('alert_letters', 'alert_rule_id', 'CASCADE');

CREATE INDEX idx_alert_rules_dataset ON alert_rules (dataset_id);
CREATE INDEX idx_alert_rules_active ON alert_rules (is_active);
CREATE INDEX idx_alert_rules_created_by ON alert_rules (created_by_id);
CREATE INDEX idx_alert_rules_user ON alert_rules (user_id, created_at DESC, id DESC);
CREATE INDEX idx_alert_rules_notify_at ON alert_rules (notify_at) WHERE notify_at IS NOT NULL;
CREATE INDEX idx_alert_rule_states_user ON alert_rule_states (user_id);
CREATE INDEX idx_alert_rule_states_pending ON alert_rule_states (user_id, updated_at)
    WHERE phase = 'pending';
-- What the round of each minute looks through: placings of the last days, of all that there ever were.
CREATE INDEX idx_analyses_placed ON analyses (completed_at)
    WHERE analysis_type = 'place' AND status = 'completed';
CREATE INDEX idx_alert_evaluations_analysis ON alert_evaluations (analysis_id);
CREATE INDEX idx_alert_evaluations_user ON alert_evaluations (user_id);
CREATE INDEX idx_alerts_rule ON alerts (alert_rule_id);
CREATE INDEX idx_alerts_dataset ON alerts (dataset_id);
CREATE INDEX idx_alerts_status ON alerts (status);
CREATE INDEX idx_alerts_created_at ON alerts (created_at DESC);
CREATE INDEX idx_alerts_user ON alerts (user_id, created_at DESC, id DESC);
CREATE INDEX idx_alerts_anomaly ON alerts (anomaly_id) WHERE anomaly_id IS NOT NULL;
CREATE INDEX idx_alerts_acknowledged_by ON alerts (acknowledged_by_id)
    WHERE acknowledged_by_id IS NOT NULL;
CREATE INDEX idx_alerts_resolved_by ON alerts (resolved_by_id) WHERE resolved_by_id IS NOT NULL;
-- What a round of telling looks at: few rows, however many alerts there were.
CREATE INDEX idx_alerts_to_tell ON alerts (alert_rule_id)
    WHERE status <> 'resolved' OR NOT resolution_told;
CREATE INDEX idx_alert_silences_dataset ON alert_silences (dataset_id, ends_at);
CREATE INDEX idx_alert_silences_user ON alert_silences (user_id, created_at DESC, id DESC);
CREATE INDEX idx_alert_silences_created_by ON alert_silences (created_by_id);
CREATE INDEX idx_alert_notifications_user ON alert_notifications (user_id, created_at DESC, id DESC);
CREATE INDEX idx_alert_letters_rule ON alert_letters (alert_rule_id, created_at DESC, id DESC);
CREATE INDEX idx_alert_letters_created_at ON alert_letters (created_at DESC, id DESC);

-- --- Values --------------------------------------------------------------------------------------

ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_condition_check
    CHECK (jsonb_typeof(condition) = 'object' AND octet_length(condition::text) <= 20000);
ALTER TABLE alert_rules ADD CONSTRAINT alert_rules_actions_check
    CHECK (jsonb_typeof(actions) = 'array' AND octet_length(actions::text) <= 20000);
ALTER TABLE alert_rule_states ADD CONSTRAINT alert_rule_states_json_check
    CHECK (jsonb_typeof(group_values) = 'object' AND jsonb_typeof(state) = 'object');
ALTER TABLE alerts ADD CONSTRAINT alerts_json_check
    CHECK (jsonb_typeof(group_values) = 'object' AND octet_length(group_values::text) <= 20000
        AND octet_length(data::text) <= 100000);
ALTER TABLE alerts ADD CONSTRAINT alerts_seen_check CHECK (first_seen_at <= last_seen_at);
ALTER TABLE alert_silences ADD CONSTRAINT alert_silences_matchers_check
    CHECK (jsonb_typeof(matchers) = 'array' AND octet_length(matchers::text) <= 10000);

CREATE TRIGGER update_alert_rules_updated_at
    BEFORE UPDATE OF name, condition, actions, severity, is_active, group_wait_seconds,
        group_interval_seconds, repeat_seconds, escalate_seconds ON alert_rules
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_alert_rule_states_updated_at
    BEFORE UPDATE ON alert_rule_states
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- --- Whose a row is ------------------------------------------------------------------------------

-- Read with the rights of whoever writes: what they cannot see has no owner, and the row is refused.
CREATE FUNCTION take_owner_of_rule() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.user_id := (SELECT r.user_id FROM alert_rules r WHERE r.id = NEW.alert_rule_id);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION take_owner_of_rule() IS 'Trigger: a row is its rule''s owner''s.';

CREATE FUNCTION take_owner_of_alert() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.user_id := (SELECT a.user_id FROM alerts a WHERE a.id = NEW.alert_id);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION take_owner_of_alert() IS 'Trigger: a row is its alert''s owner''s.';

CREATE TRIGGER take_owner BEFORE INSERT ON alert_rules
    FOR EACH ROW EXECUTE FUNCTION take_owner_of_dataset();
CREATE TRIGGER take_owner BEFORE INSERT ON alert_silences
    FOR EACH ROW EXECUTE FUNCTION take_owner_of_dataset();
CREATE TRIGGER take_owner BEFORE INSERT ON alert_rule_states
    FOR EACH ROW EXECUTE FUNCTION take_owner_of_rule();
CREATE TRIGGER take_owner BEFORE INSERT ON alert_evaluations
    FOR EACH ROW EXECUTE FUNCTION take_owner_of_rule();
CREATE TRIGGER take_owner BEFORE INSERT ON alert_notifications
    FOR EACH ROW EXECUTE FUNCTION take_owner_of_alert();

CREATE FUNCTION keep_alert_rule() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'A rule keeps its dataset, its owner and who made it when.'
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
            CONSTRAINT = TG_TABLE_NAME || '_identity', DETAIL = format('Row %s.', OLD.id);
END
$$;
COMMENT ON FUNCTION keep_alert_rule() IS
    'Trigger: refuses changes of what a rule or a silence belongs to.';
CREATE TRIGGER keep_rule AFTER UPDATE OF id, dataset_id, user_id, created_by_id, created_at
    ON alert_rules FOR EACH ROW WHEN (
        (OLD.id, OLD.dataset_id, OLD.user_id, OLD.created_by_id, OLD.created_at)
        IS DISTINCT FROM
        (NEW.id, NEW.dataset_id, NEW.user_id, NEW.created_by_id, NEW.created_at)
    )
    EXECUTE FUNCTION keep_alert_rule();
-- Of a silence, all but its end is said once.
CREATE TRIGGER keep_silence AFTER UPDATE ON alert_silences FOR EACH ROW WHEN (
        (OLD.id, OLD.dataset_id, OLD.user_id, OLD.matchers, OLD.starts_at, OLD.comment,
            OLD.created_by_id, OLD.created_at)
        IS DISTINCT FROM
        (NEW.id, NEW.dataset_id, NEW.user_id, NEW.matchers, NEW.starts_at, NEW.comment,
            NEW.created_by_id, NEW.created_at)
    )
    EXECUTE FUNCTION keep_alert_rule();

-- --- Alerts --------------------------------------------------------------------------------------

CREATE FUNCTION begin_alert() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    rule record;
BEGIN
    SELECT r.dataset_id, r.user_id INTO rule FROM alert_rules r WHERE r.id = NEW.alert_rule_id;
    NEW.user_id := rule.user_id;
    IF NOT FOUND THEN
        RETURN NEW;  -- refused, since it has no owner
    END IF;
    IF rule.dataset_id <> NEW.dataset_id THEN
        RAISE EXCEPTION 'An alert is of the dataset of its rule.'
            USING ERRCODE = 'foreign_key_violation', TABLE = 'alerts', COLUMN = 'dataset_id',
                CONSTRAINT = 'alerts_dataset_of_rule';
    END IF;
    IF NEW.anomaly_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM anomalies a WHERE a.id = NEW.anomaly_id AND a.dataset_id = NEW.dataset_id
    ) THEN
        RAISE EXCEPTION 'The dataset has no anomaly %.', NEW.anomaly_id
            USING ERRCODE = 'foreign_key_violation', TABLE = 'alerts', COLUMN = 'anomaly_id',
                CONSTRAINT = 'alerts_anomaly_id_fkey';
    END IF;
    NEW.dedup_key := encode(sha256(convert_to(
        NEW.alert_rule_id || '|' || NEW.kind || '|' || NEW.group_values::text, 'UTF8'
    )), 'hex');
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION begin_alert() IS
    'Trigger: fills in whose an alert is and its key, and holds it to its rule''s dataset.';
CREATE TRIGGER begin_alert BEFORE INSERT ON alerts
    FOR EACH ROW EXECUTE FUNCTION begin_alert();

CREATE FUNCTION validate_alert_transition() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.status = OLD.status
        OR (OLD.status, NEW.status) IN (
            ('active', 'acknowledged'), ('active', 'resolved'), ('acknowledged', 'resolved')
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'An alert cannot go from % to %.', OLD.status, NEW.status
        USING ERRCODE = 'check_violation', TABLE = 'alerts', COLUMN = 'status',
            CONSTRAINT = 'alerts_status_transition', DETAIL = format('Alert %s.', OLD.id);
END
$$;
COMMENT ON FUNCTION validate_alert_transition() IS
    'Trigger: refuses changes of alerts.status that are not allowed.';
CREATE TRIGGER validate_status BEFORE UPDATE OF status ON alerts
    FOR EACH ROW EXECUTE FUNCTION validate_alert_transition();

CREATE FUNCTION keep_alert() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    ranks constant text[] := '{low,medium,high,critical}';
    told constant text[] := '{told_at,first_told_at,told_severity,told_repeats,escalated_at,resolution_told,muted}';
BEGIN
    IF (OLD.id, OLD.alert_rule_id, OLD.dataset_id, OLD.user_id, OLD.kind, OLD.group_values,
            OLD.dedup_key, OLD.created_at, OLD.first_seen_at)
        IS DISTINCT FROM
        (NEW.id, NEW.alert_rule_id, NEW.dataset_id, NEW.user_id, NEW.kind, NEW.group_values,
            NEW.dedup_key, NEW.created_at, NEW.first_seen_at)
    THEN
        RAISE EXCEPTION 'An alert keeps its rule, its group and when it began.'
            USING ERRCODE = 'check_violation', TABLE = 'alerts', CONSTRAINT = 'alerts_identity',
                DETAIL = format('Alert %s.', OLD.id);
    END IF;
    IF NEW.count < OLD.count OR NEW.last_seen_at < OLD.last_seen_at
        OR array_position(ranks, NEW.severity::text) < array_position(ranks, OLD.severity::text)
    THEN
        RAISE EXCEPTION 'The count, the last sight and the severity of an alert only rise.'
            USING ERRCODE = 'check_violation', TABLE = 'alerts', CONSTRAINT = 'alerts_only_rise',
                DETAIL = format('Alert %s.', OLD.id);
    END IF;
    IF OLD.status = 'resolved' AND to_jsonb(OLD) - told IS DISTINCT FROM to_jsonb(NEW) - told THEN
        RAISE EXCEPTION 'A resolved alert stays as it is; what comes later is a new one.'
            USING ERRCODE = 'check_violation', TABLE = 'alerts', CONSTRAINT = 'alerts_resolved_stays',
                DETAIL = format('Alert %s.', OLD.id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION keep_alert() IS
    'Trigger: refuses changes of what an alert is, and of one that is resolved.';
CREATE TRIGGER keep_alert AFTER UPDATE ON alerts
    FOR EACH ROW EXECUTE FUNCTION keep_alert();

CREATE VIEW alert_phases WITH (security_invoker = true) AS
SELECT a.alert_rule_id, a.dataset_id, a.user_id, a.group_values, a.kind, a.phase, a.severity,
    a.id AS alert_id, coalesce(a.recovering_since, a.acknowledged_at, a.first_seen_at) AS since
FROM alerts a
WHERE a.status <> 'resolved'
UNION ALL
SELECT s.alert_rule_id, r.dataset_id, s.user_id, s.group_values, 'condition', 'pending', r.severity,
    NULL, s.updated_at
FROM alert_rule_states s JOIN alert_rules r ON r.id = s.alert_rule_id
WHERE s.phase = 'pending';
COMMENT ON VIEW alert_phases IS 'Every group that has an alert, or will have one if it goes on.';
GRANT SELECT ON alert_phases TO lacuna_app, lacuna_readonly;

-- --- Letters -------------------------------------------------------------------------------------

CREATE FUNCTION validate_alert_letter_transition() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.status = OLD.status
        OR (OLD.status, NEW.status) IN (
            ('pending', 'sending'), ('pending', 'cancelled'),
            ('sending', 'sent'), ('sending', 'failed'), ('sending', 'pending'),
            ('sending', 'cancelled'), ('failed', 'pending'), ('failed', 'cancelled')
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A letter cannot go from % to %.', OLD.status, NEW.status
        USING ERRCODE = 'check_violation', TABLE = 'alert_letters', COLUMN = 'status',
            CONSTRAINT = 'alert_letters_status_transition', DETAIL = format('Letter %s.', OLD.id);
END
$$;
COMMENT ON FUNCTION validate_alert_letter_transition() IS
    'Trigger: refuses changes of alert_letters.status that are not allowed.';
CREATE TRIGGER validate_status BEFORE UPDATE OF status ON alert_letters
    FOR EACH ROW EXECUTE FUNCTION validate_alert_letter_transition();

CREATE FUNCTION keep_alert_letter() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'A letter keeps what it says, and to whom.'
        USING ERRCODE = 'check_violation', TABLE = 'alert_letters',
            CONSTRAINT = 'alert_letters_identity', DETAIL = format('Letter %s.', OLD.id);
END
$$;
COMMENT ON FUNCTION keep_alert_letter() IS 'Trigger: a letter is written once.';
CREATE TRIGGER keep_letter BEFORE UPDATE OF alert_rule_id, recipient, subject, body
    ON alert_letters FOR EACH ROW WHEN (
        (OLD.alert_rule_id, OLD.recipient, OLD.subject, OLD.body)
        IS DISTINCT FROM (NEW.alert_rule_id, NEW.recipient, NEW.subject, NEW.body)
    )
    EXECUTE FUNCTION keep_alert_letter();

SELECT install_queue('alert_letters', 'pending', 'sending');

-- --- Who sees what, and what is written down -----------------------------------------------------

SELECT confine(t) FROM unnest(ARRAY[
    'alert_rules', 'alerts', 'alert_silences'
]::regclass[]) AS tables (t);
-- What the engine keeps its owner may look at.
SELECT close_rows('alert_rule_states');
CREATE POLICY own ON alert_rule_states FOR SELECT TO lacuna_app
    USING (user_id = (SELECT app_user_id()));
SELECT close_rows('alert_evaluations');
CREATE POLICY own ON alert_evaluations FOR SELECT TO lacuna_app
    USING (user_id = (SELECT app_user_id()));
SELECT close_rows('alert_notifications');
CREATE POLICY own ON alert_notifications FOR SELECT TO lacuna_app
    USING (user_id = (SELECT app_user_id()));
SELECT close_rows('alert_letters');

SELECT audits.guard(
    'alert_rules', 'alert_rule', '{updated_at,watched_from,notify_at,last_notified_at,last_error}'
);
SELECT audits.guard('alert_silences', 'alert_silence');
SELECT audits.guard(
    'alerts', 'alert',
    '{count,last_seen_at,recovering_since,told_at,first_told_at,told_severity,told_repeats,escalated_at,resolution_told,muted}',
    parent => 'alert_rule:alert_rule_id'
);
SELECT guard_queue(
    'alert_letters', 'failed', 'sending', 'cancelled', 'alert_rule:alert_rule_id'
);
