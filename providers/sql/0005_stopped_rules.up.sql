SELECT set_on_delete('user_providers', 'stopped_by_id', 'SET NULL');
CREATE INDEX idx_user_providers_stopped_by ON user_providers (stopped_by_id);
CREATE INDEX idx_user_providers_created_at ON user_providers (created_at DESC, id DESC);

-- What an admin stopped goes on when an admin says so, or with another key in its place.
CREATE FUNCTION keep_stopped() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller text := CASE current_setting('role') WHEN 'none' THEN session_user::text
        ELSE current_setting('role') END;
BEGIN
    IF caller <> 'lacuna_app' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' OR OLD.stopped_at IS NULL THEN
        RAISE EXCEPTION 'Only an admin stops a key.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.stopped_at IS NULL AND NEW.api_key IS NOT NULL
        AND NEW.api_key IS DISTINCT FROM OLD.api_key
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'An admin stopped this key: ask them, or enter another one.'
        USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION keep_stopped() IS
    'Trigger: whoever a stopped key belongs to starts it no more, unless by another key.';
CREATE TRIGGER keep_stopped_insert BEFORE INSERT ON user_providers
    FOR EACH ROW WHEN (NEW.stopped_at IS NOT NULL) EXECUTE FUNCTION keep_stopped();
CREATE TRIGGER keep_stopped BEFORE UPDATE ON user_providers
    FOR EACH ROW WHEN (
        (OLD.stopped_at, OLD.stopped_by_id, OLD.stopped_reason)
            IS DISTINCT FROM (NEW.stopped_at, NEW.stopped_by_id, NEW.stopped_reason)
    ) EXECUTE FUNCTION keep_stopped();

-- The audit log watches the new columns, too.
SELECT audits.guard(
    'user_providers', 'user_provider', '{updated_at,status,tested_at,last_used_at,error_message}',
    '{api_key,key_hint}'
);
