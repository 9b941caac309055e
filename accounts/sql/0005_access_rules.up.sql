-- --- Keys that cascade, indexes ------------------------------------------------------------------

SELECT set_on_delete('sessions', 'user_id', 'CASCADE');
SELECT set_on_delete('refresh_tokens', 'session_id', 'CASCADE');
SELECT set_on_delete('refresh_tokens', 'user_id', 'CASCADE');
-- A token hangs on a session of its own person: the key looks past row security, so it has to ask.
ALTER TABLE sessions ADD CONSTRAINT sessions_id_user_id_key UNIQUE (id, user_id);
ALTER TABLE refresh_tokens ADD CONSTRAINT refresh_tokens_session_owner_fkey
    FOREIGN KEY (session_id, user_id) REFERENCES sessions (id, user_id)
    ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
SELECT set_on_delete('refresh_tokens', 'successor_id', 'SET NULL');
SELECT set_on_delete('totp_devices', 'user_id', 'CASCADE');
SELECT set_on_delete('recovery_codes', 'user_id', 'CASCADE');
SELECT set_on_delete('invitations', 'invited_by_id', 'SET NULL');
SELECT set_on_delete('invitations', 'accepted_by_id', 'SET NULL');
SELECT set_on_delete('password_resets', 'user_id', 'CASCADE');
SELECT set_on_delete('api_keys', 'user_id', 'CASCADE');
SELECT set_on_delete('idempotency_keys', 'user_id', 'CASCADE');

CREATE INDEX idx_sessions_user ON sessions (user_id, last_used_at DESC, id);
CREATE INDEX idx_sessions_last_used_at ON sessions (last_used_at DESC, id DESC);
CREATE INDEX idx_sessions_expires ON sessions (expires_at) WHERE ended_at IS NULL;
CREATE INDEX idx_refresh_tokens_user ON refresh_tokens (user_id);
CREATE INDEX idx_refresh_tokens_expires ON refresh_tokens (expires_at);
CREATE INDEX idx_refresh_tokens_session ON refresh_tokens (session_id);
CREATE INDEX idx_recovery_codes_user ON recovery_codes (user_id);
CREATE INDEX idx_invitations_email ON invitations (lower(email));
CREATE INDEX idx_invitations_invited_by ON invitations (invited_by_id);
CREATE INDEX idx_invitations_created_at ON invitations (created_at DESC, id DESC);
CREATE INDEX idx_password_resets_user ON password_resets (user_id);
CREATE INDEX idx_password_resets_expires ON password_resets (expires_at);
CREATE INDEX idx_api_keys_user_id ON api_keys (user_id, id);
CREATE INDEX idx_api_keys_is_active ON api_keys (is_active, id);
CREATE INDEX idx_api_keys_created_at ON api_keys (created_at DESC, id DESC);
CREATE INDEX idx_api_keys_expires_at ON api_keys (expires_at);
-- Whose key it is that was refused.
CREATE INDEX idx_api_keys_prefix ON api_keys (prefix) WHERE prefix <> '';
CREATE INDEX idx_idempotency_keys_created_at ON idempotency_keys (created_at);
CREATE INDEX idx_throttles_window_started_at ON throttles (window_started_at);
CREATE INDEX idx_users_locked_until ON users (locked_until) WHERE locked_until IS NOT NULL;

CREATE TRIGGER update_totp_devices_updated_at
    BEFORE UPDATE ON totp_devices
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
-- That a key was used does not change it.
CREATE TRIGGER update_api_keys_updated_at
    BEFORE UPDATE OF name, description, is_active, scopes, ip_whitelist, rate_limit_per_minute,
        expires_at, revoked_at ON api_keys
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- A failed log-in does not change a person either: who edits them need not start anew.
DROP TRIGGER update_users_updated_at ON users;
CREATE TRIGGER update_users_updated_at
    BEFORE UPDATE OF email, password_hash, full_name, role, is_active, is_email_verified, metadata,
        updated_at ON users
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- --- Roles ----------------------------------------------------------------------------------------

CREATE FUNCTION has_permission(user_id uuid, permission text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM public.users u
        WHERE u.id = has_permission.user_id AND u.is_active AND (
            u.role = 'admin'
            OR EXISTS (
                SELECT FROM public.role_permissions p
                WHERE p.role = u.role AND p.permission = has_permission.permission
            )
        )
    );
END
$$;
COMMENT ON FUNCTION has_permission(uuid, text) IS
    'Whether this person''s role gives the permission (app.codename); an inactive person has none.';

CREATE FUNCTION app_may(VARIADIC permissions text[]) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM public.users u
        WHERE u.id = public.app_user_id() AND u.is_active AND (
            u.role = 'admin' OR cardinality(permissions) = 0
            OR EXISTS (
                SELECT FROM public.role_permissions p
                WHERE p.role = u.role AND p.permission = ANY (permissions)
            )
        )
    );
END
$$;
COMMENT ON FUNCTION app_may(text[]) IS
    'Whether the person for whom the transaction works has one of the permissions; without any, whether'
    ' they are active; used by policies.';

-- The database role that fits a person; asked by the backend when it names them.
CREATE FUNCTION actor_role(user_id uuid) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN EXISTS (
            SELECT FROM public.users u
            WHERE u.id = actor_role.user_id AND u.role = 'admin' AND u.is_active
        ) THEN 'lacuna_admin'
        ELSE 'lacuna_app'
    END;
END
$$;
COMMENT ON FUNCTION actor_role(uuid) IS 'The database role under which a person''s queries run.';

-- What holds for people whoever changes them, and however.
CREATE FUNCTION guard_users() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_user = 'lacuna_app' AND (
        NEW.role, NEW.email, NEW.is_active, NEW.is_email_verified, NEW.failed_login_count,
        NEW.lockout_count, NEW.locked_until
    ) IS DISTINCT FROM (
        OLD.role, OLD.email, OLD.is_active, OLD.is_email_verified, OLD.failed_login_count,
        OLD.lockout_count, OLD.locked_until
    ) THEN
        RAISE EXCEPTION 'Only an admin may change what a person is allowed.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.role <> OLD.role AND OLD.id = public.app_user_id() THEN
        RAISE EXCEPTION 'Nobody changes their own role.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'users_own_role';
    END IF;
    IF OLD.role = 'admin' AND OLD.is_active
        AND (TG_OP = 'DELETE' OR NEW.role <> 'admin' OR NOT NEW.is_active)
    THEN
        -- One at a time: two admins who demote each other would leave nobody.
        PERFORM pg_advisory_xact_lock(hashtext('users_last_admin'));
        IF NOT EXISTS (
            SELECT FROM public.users u WHERE u.role = 'admin' AND u.is_active AND u.id <> OLD.id
        ) THEN
            RAISE EXCEPTION 'This is the last active admin.'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'users_last_admin';
        END IF;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION guard_users() IS
    'Trigger: no self-promotion, the last admin stays, and only admins change what people may do.';
CREATE TRIGGER guard_users BEFORE UPDATE OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION guard_users();

CREATE FUNCTION change_user_role(user_id uuid, new_role text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller text := CASE current_setting('role') WHEN 'none' THEN session_user::text
        ELSE current_setting('role') END;
    actor uuid := public.app_user_id();
    old_role text;
BEGIN
    IF caller = 'lacuna_app' OR caller = 'lacuna_admin' AND actor IS NULL
        OR actor IS NOT NULL AND NOT EXISTS (
            SELECT FROM public.users u WHERE u.id = actor AND u.role = 'admin' AND u.is_active
        )
    THEN
        RAISE EXCEPTION 'Only an admin may change roles.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT u.role INTO old_role FROM public.users u
    WHERE u.id = change_user_role.user_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no user %.', change_user_role.user_id
            USING ERRCODE = 'no_data_found';
    END IF;
    -- The source documents call an analyst a user, too.
    new_role := CASE new_role WHEN 'user' THEN 'analyst' ELSE new_role END;
    IF new_role = old_role THEN
        RETURN;
    END IF;
    UPDATE public.users u SET role = new_role WHERE u.id = change_user_role.user_id;
    PERFORM audits.record(
        'user.role_changed', 'user', change_user_role.user_id::text, 'success',
        jsonb_build_object(
            'before', jsonb_build_object('role', old_role),
            'after', jsonb_build_object('role', new_role)
        )
    );
END
$$;
COMMENT ON FUNCTION change_user_role(uuid, text) IS
    'Gives a person another role, with its entry in the audit log; for admins and operators.';

REVOKE EXECUTE ON FUNCTION has_permission(uuid, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION app_may(text[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION actor_role(uuid) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION change_user_role(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION has_permission(uuid, text) TO lacuna_app, lacuna_readonly, lacuna_auditor;
GRANT EXECUTE ON FUNCTION app_may(text[]) TO lacuna_app;
GRANT EXECUTE ON FUNCTION actor_role(uuid) TO lacuna_app;
GRANT EXECUTE ON FUNCTION change_user_role(uuid, text) TO lacuna_app;

CREATE VIEW user_roles_summary WITH (security_invoker = true) AS
SELECT
    r.role,
    count(u.id) AS user_count,
    count(u.id) FILTER (WHERE u.is_active) AS active_count,
    count(u.id) FILTER (WHERE u.is_email_verified) AS verified_count,
    count(u.id) FILTER (WHERE u.last_login_at > now() - interval '30 days') AS recently_active_count,
    min(u.created_at) AS first_created_at,
    max(u.last_login_at) AS last_login_at
FROM (VALUES ('admin'), ('moderator'), ('analyst'), ('viewer'), ('api_user')) AS r (role)
LEFT JOIN users u ON u.role = r.role
GROUP BY r.role;
COMMENT ON VIEW user_roles_summary IS 'Each role with the number of people who have it.';
GRANT SELECT ON user_roles_summary TO lacuna_app, lacuna_readonly, lacuna_backup;

-- --- Sessions -------------------------------------------------------------------------------------

-- Another password, another role, a deactivation: the person's sessions end, and links to set a
-- password with them. A hash that is only made anew (app.rehash) is the same password; who changes
-- their own password keeps the session in which they do it (app.kept_session).
CREATE FUNCTION end_sessions_of_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reason text := CASE
        WHEN OLD.is_active AND NOT NEW.is_active THEN 'deactivated'
        WHEN OLD.role <> NEW.role THEN 'role_changed'
        WHEN OLD.password_hash <> NEW.password_hash
            AND coalesce(current_setting('app.rehash', true), '') <> 'on' THEN 'password_changed'
    END;
    kept uuid;
BEGIN
    IF reason IS NULL THEN
        RETURN NULL;
    END IF;
    IF reason = 'password_changed' AND NEW.id = public.app_user_id() THEN
        kept := nullif(current_setting('app.kept_session', true), '')::uuid;
    END IF;
    UPDATE public.sessions s SET ended_at = clock_timestamp(), end_reason = reason
    WHERE s.user_id = NEW.id AND s.ended_at IS NULL AND s.id IS DISTINCT FROM kept;
    UPDATE public.password_resets p SET used_at = clock_timestamp()
    WHERE p.user_id = NEW.id AND p.used_at IS NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION end_sessions_of_user() IS
    'Trigger: ends the sessions of whoever got another password or role, or was deactivated.';
CREATE TRIGGER end_sessions_of_user AFTER UPDATE OF role, is_active, password_hash ON users
    FOR EACH ROW EXECUTE FUNCTION end_sessions_of_user();

-- What a browser holds is worth nothing from the moment its session ends.
CREATE FUNCTION drop_browser_session() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM public.django_session d WHERE d.session_key = OLD.browser_key_hash;
    RETURN NULL;
END
$$;
CREATE TRIGGER drop_browser_session AFTER UPDATE OF ended_at ON sessions
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL
        AND OLD.browser_key_hash IS NOT NULL)
    EXECUTE FUNCTION drop_browser_session();
CREATE TRIGGER drop_deleted_browser_session AFTER DELETE ON sessions
    FOR EACH ROW WHEN (OLD.browser_key_hash IS NOT NULL)
    EXECUTE FUNCTION drop_browser_session();

-- --- Counting requests ----------------------------------------------------------------------------

-- Counts one request of a subject; returns the seconds to wait, 0 when it is within the limit.
CREATE FUNCTION count_request(scope text, subject text, most integer, seconds integer)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    span interval := make_interval(secs => seconds);
    counted record;
BEGIN
    INSERT INTO public.throttles AS t (scope, subject, window_started_at, requests)
    VALUES (scope, subject, moment, 1)
    ON CONFLICT ON CONSTRAINT throttles_scope_subject_key DO UPDATE SET
        requests = CASE
            WHEN t.window_started_at <= moment - span THEN 1
            ELSE least(t.requests, 2147483646) + 1
        END,
        window_started_at = CASE
            WHEN t.window_started_at <= moment - span THEN moment
            ELSE t.window_started_at
        END
    RETURNING t.requests, t.window_started_at INTO counted;
    IF counted.requests <= most THEN
        RETURN 0;
    END IF;
    RETURN greatest(1, ceil(extract(epoch FROM counted.window_started_at + span - moment)))::integer;
END
$$;
COMMENT ON FUNCTION count_request(text, text, integer, integer) IS
    'Counts a request in a window of so many seconds; returns the seconds to wait, or 0.';
REVOKE EXECUTE ON FUNCTION count_request(text, text, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION count_request(text, text, integer, integer) TO lacuna_app;

-- --- The audit log --------------------------------------------------------------------------------

SELECT audits.guard(
    'users', 'user',
    '{updated_at,last_login_at,failed_login_count,lockout_count,password_changed_at}',
    '{password_hash,email,full_name,metadata}'
);
SELECT audits.guard('role_permissions', 'role_permission');
SELECT audits.guard(
    'sessions', 'session', '{last_used_at,ip_address,user_agent}',
    '{browser_key_hash,device_name,user_agent,ip_address}'
);
SELECT audits.guard('refresh_tokens', 'refresh_token', '{}', '{token_hash}', 'session:session_id');
SELECT audits.guard(
    'totp_devices', 'totp_device', '{updated_at,last_step}', '{secret}', 'user:user_id'
);
SELECT audits.guard('recovery_codes', 'recovery_code', '{}', '{code_hash}', 'user:user_id');
SELECT audits.guard('invitations', 'invitation', '{}', '{code_hash,email}');
SELECT audits.guard('password_resets', 'password_reset', '{}', '{token_hash}', 'user:user_id');
SELECT audits.guard(
    'api_keys', 'api_key', '{updated_at,last_used_at}', '{key_hash,prefix,ip_whitelist}'
);
