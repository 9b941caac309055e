SELECT unguard_queue('webhook_deliveries');
SELECT audits.unguard('webhook_endpoints');
SELECT unconfine('webhook_deliveries');
SELECT unconfine('webhook_endpoints');
SELECT uninstall_queue('webhook_deliveries');
DROP TRIGGER keep_message ON webhook_deliveries;
DROP FUNCTION keep_webhook_message();
DROP TRIGGER validate_status ON webhook_deliveries;
DROP FUNCTION validate_webhook_transition();
DROP TRIGGER update_webhook_endpoints_updated_at ON webhook_endpoints;
ALTER TABLE webhook_deliveries DROP CONSTRAINT webhook_deliveries_payload_check;
ALTER TABLE webhook_endpoints DROP CONSTRAINT webhook_endpoints_events_check;
DROP INDEX idx_webhook_endpoints_created_by, idx_webhook_deliveries_failed,
    idx_webhook_deliveries_created_at, idx_webhook_deliveries_endpoint;
SELECT set_on_delete('webhook_deliveries', 'endpoint_id', 'NO ACTION');
SELECT set_on_delete('webhook_endpoints', 'created_by_id', 'NO ACTION');
