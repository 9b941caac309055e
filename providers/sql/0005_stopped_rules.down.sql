SELECT audits.unguard('user_providers');
DROP TRIGGER keep_stopped ON user_providers;
DROP TRIGGER keep_stopped_insert ON user_providers;
DROP FUNCTION keep_stopped();
DROP INDEX idx_user_providers_created_at, idx_user_providers_stopped_by;
SELECT set_on_delete('user_providers', 'stopped_by_id', 'NO ACTION');
