SELECT audits.unguard(t) FROM unnest(ARRAY[
    'role_permissions', 'sessions', 'refresh_tokens', 'totp_devices', 'recovery_codes',
    'invitations', 'password_resets', 'api_keys'
]::regclass[]) AS tables (t);
SELECT audits.guard(
    'users', 'user', '{updated_at,last_login_at}', '{password_hash,email,full_name,metadata}'
);
DROP FUNCTION count_request(text, text, integer, integer);
DROP TRIGGER drop_deleted_browser_session ON sessions;
DROP TRIGGER drop_browser_session ON sessions;
DROP FUNCTION drop_browser_session();
DROP TRIGGER end_sessions_of_user ON users;
DROP FUNCTION end_sessions_of_user();
DROP VIEW user_roles_summary;
DROP FUNCTION change_user_role(uuid, text);
DROP TRIGGER guard_users ON users;
DROP FUNCTION guard_users();
DROP FUNCTION actor_role(uuid);
DROP FUNCTION app_may(text[]);
DROP FUNCTION has_permission(uuid, text);
DROP TRIGGER update_users_updated_at ON users;
CREATE TRIGGER update_users_updated_at
    BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
DROP TRIGGER update_api_keys_updated_at ON api_keys;
DROP TRIGGER update_totp_devices_updated_at ON totp_devices;
DROP INDEX idx_users_locked_until, idx_throttles_window_started_at,
    idx_idempotency_keys_created_at, idx_api_keys_prefix, idx_api_keys_expires_at, idx_api_keys_created_at,
    idx_api_keys_is_active, idx_api_keys_user_id, idx_password_resets_expires,
    idx_password_resets_user, idx_invitations_created_at, idx_invitations_invited_by,
    idx_invitations_email, idx_recovery_codes_user, idx_refresh_tokens_session,
    idx_refresh_tokens_expires, idx_refresh_tokens_user, idx_sessions_expires,
    idx_sessions_last_used_at, idx_sessions_user;
SELECT set_on_delete('sessions', 'user_id', 'NO ACTION');
ALTER TABLE refresh_tokens DROP CONSTRAINT refresh_tokens_session_owner_fkey;
ALTER TABLE sessions DROP CONSTRAINT sessions_id_user_id_key;
SELECT set_on_delete('refresh_tokens', 'session_id', 'NO ACTION');
SELECT set_on_delete('refresh_tokens', 'user_id', 'NO ACTION');
SELECT set_on_delete('refresh_tokens', 'successor_id', 'NO ACTION');
SELECT set_on_delete('totp_devices', 'user_id', 'NO ACTION');
SELECT set_on_delete('recovery_codes', 'user_id', 'NO ACTION');
SELECT set_on_delete('invitations', 'invited_by_id', 'NO ACTION');
SELECT set_on_delete('invitations', 'accepted_by_id', 'NO ACTION');
SELECT set_on_delete('password_resets', 'user_id', 'NO ACTION');
SELECT set_on_delete('api_keys', 'user_id', 'NO ACTION');
SELECT set_on_delete('idempotency_keys', 'user_id', 'NO ACTION');
