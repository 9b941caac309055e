-- The queue, whose the rows are, and the audit log's guards.

SELECT set_on_delete('webhook_endpoints', 'created_by_id', 'RESTRICT');
SELECT set_on_delete('webhook_deliveries', 'endpoint_id', 'CASCADE');
CREATE INDEX idx_webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, created_at DESC, id DESC);
CREATE INDEX idx_webhook_deliveries_created_at ON webhook_deliveries (created_at DESC, id DESC);
CREATE INDEX idx_webhook_deliveries_failed ON webhook_deliveries (endpoint_id, id)
    WHERE status = 'failed';
CREATE INDEX idx_webhook_endpoints_created_by ON webhook_endpoints (created_by_id);

ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_events_check
    CHECK (jsonb_typeof(events) = 'array' AND octet_length(events::text) <= 20000);
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_payload_check
    CHECK (jsonb_typeof(payload) = 'object' AND octet_length(payload::text) <= 100000);

CREATE TRIGGER update_webhook_endpoints_updated_at
    BEFORE UPDATE OF name, url, events, is_active, secret, previous_secret ON webhook_endpoints
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE FUNCTION validate_webhook_transition() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.status = OLD.status
        OR (OLD.status, NEW.status) IN (
            ('pending', 'sending'), ('pending', 'cancelled'),
            ('sending', 'delivered'), ('sending', 'failed'), ('sending', 'pending'),
            ('sending', 'cancelled'), ('failed', 'pending'), ('failed', 'cancelled')
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A delivery cannot go from % to %.', OLD.status, NEW.status
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'status',
            CONSTRAINT = 'webhook_deliveries_status_transition',
            DETAIL = format('Delivery %s.', OLD.id);
END
$$;
COMMENT ON FUNCTION validate_webhook_transition() IS
    'Trigger: refuses changes of status that are not allowed.';
CREATE TRIGGER validate_status BEFORE UPDATE OF status ON webhook_deliveries
    FOR EACH ROW EXECUTE FUNCTION validate_webhook_transition();

-- What was told stays as it was told: a signature stands for it.
CREATE FUNCTION keep_webhook_message() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'What a webhook tells of is not changed afterwards.'
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
            CONSTRAINT = 'webhook_deliveries_message_is_kept';
END
$$;
COMMENT ON FUNCTION keep_webhook_message() IS 'Trigger: a message is written once.';
CREATE TRIGGER keep_message BEFORE UPDATE OF endpoint_id, event, event_id, occurred_at, payload
    ON webhook_deliveries FOR EACH ROW WHEN (
        (OLD.endpoint_id, OLD.event, OLD.event_id, OLD.occurred_at, OLD.payload)
        IS DISTINCT FROM
        (NEW.endpoint_id, NEW.event, NEW.event_id, NEW.occurred_at, NEW.payload)
    )
    EXECUTE FUNCTION keep_webhook_message();

SELECT install_queue('webhook_deliveries', 'pending', 'sending');

SELECT close_rows('webhook_endpoints');
SELECT close_rows('webhook_deliveries');

SELECT audits.guard(
    'webhook_endpoints', 'webhook',
    '{updated_at,failing_since,failure_count,last_delivered_at,last_error}',
    '{secret,previous_secret}'
);
SELECT guard_queue('webhook_deliveries', 'failed', 'sending', 'cancelled', 'webhook:endpoint_id');
-- What each attempt was answered is written with the attempt, and needs no entry.
DROP TRIGGER log_audit_update ON webhook_deliveries;
CREATE CONSTRAINT TRIGGER log_audit_update
    AFTER UPDATE OF priority, max_retries, created_at, unique_key ON webhook_deliveries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
        pg_trigger_depth() = 0
        AND (OLD.priority, OLD.max_retries, OLD.created_at, OLD.unique_key)
            IS DISTINCT FROM (NEW.priority, NEW.max_retries, NEW.created_at, NEW.unique_key)
    )
    EXECUTE FUNCTION log_job_event(
        '{response_status,response_start,response_ms}', 'webhook', 'endpoint_id'
    );
