-- One act on many rows, such as ten thousand approvals: an entry for each, in one statement.

CREATE FUNCTION audits.record_all(
    action text,
    resource_type text,
    resource_ids text[],
    changes jsonb DEFAULT NULL,
    details jsonb DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    context jsonb := audits.context();
    said text;
    private text;
    made bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM audits.audit_action a WHERE a.name = record_all.action) THEN
        RAISE EXCEPTION 'The audit log knows no action %.', action
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'The table audits.audit_action lists them.';
    END IF;
    IF context ?| ARRAY['ip_address', 'user_agent'] THEN
        private := audits.canonical(jsonb_strip_nulls(jsonb_build_object(
            'ip_address', context -> 'ip_address', 'user_agent', context -> 'user_agent'
        )));
        context := context - 'ip_address' - 'user_agent';
    END IF;
    IF changes IS NOT NULL THEN
        context := context || jsonb_build_object('changes', changes);
    END IF;
    IF details IS NOT NULL THEN
        context := context || jsonb_build_object('details', details);
    END IF;
    said := audits.canonical(context);
    WITH each AS MATERIALIZED (
        SELECT
            key, public.new_key() AS entry_id,
            uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) AS salt
        FROM unnest(resource_ids) AS keys (key)
    ), entries AS (
        INSERT INTO audits.audit_log
            (entry_id, actor_id, action, resource_type, resource_id, payload, personal)
        SELECT
            e.entry_id, public.app_user_id(), record_all.action, record_all.resource_type, e.key,
            said, sha256('\x02'::bytea || e.salt || convert_to(private, 'UTF8'))
        FROM each e
        RETURNING entry_id
    ), personal AS (
        INSERT INTO audits.audit_personal (entry_id, salt, data)
        SELECT e.entry_id, e.salt, private FROM each e WHERE private IS NOT NULL
    )
    SELECT count(*) INTO made FROM entries;
    RETURN made;
END
$$;
COMMENT ON FUNCTION audits.record_all(text, text, text[], jsonb, jsonb) IS
    'Writes an entry for each of many resources in the current transaction; returns how many.';
REVOKE EXECUTE ON FUNCTION audits.record_all(text, text, text[], jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audits.record_all(text, text, text[], jsonb, jsonb) TO lacuna_app;

-- Nor by the times of entries: of a log that was small when the plan was made that looked as good,
-- and would find everything the transaction has written.
ALTER FUNCTION audits.is_recorded(text, text) SET enable_bitmapscan = off;
