-- What writes entries: audits.record() for plain SQL, log_audit_event() for what nobody recorded; and
-- the views under their documented names.

-- --- Canonical JSON ---------------------------------------------------------------------------

-- RFC 8785, its numbers limited to whole ones below 2^53; others become text.
CREATE FUNCTION audits.canonical(value jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    CASE pg_catalog.jsonb_typeof(value)
    WHEN 'object' THEN
        -- Keys by UTF-16 code units: what lies above the surrogates sorts after them.
        RETURN '{' || coalesce((
            SELECT pg_catalog.string_agg(
                pg_catalog.to_jsonb(key)::text || ':' || CASE pg_catalog.jsonb_typeof(child)
                    WHEN 'string' THEN child::text ELSE audits.canonical(child) END, ','
                ORDER BY CASE
                    WHEN pg_catalog.octet_length(key) = pg_catalog.length(key) THEN key
                    ELSE pg_catalog.regexp_replace(
                        key, E'([\uE000-\uFFFF])', E'\U0010FFFF\\1', 'g'
                    )
                END COLLATE "C"
            )
            FROM pg_catalog.jsonb_each(value) AS each (key, child)
        ), '') || '}';
    WHEN 'array' THEN
        RETURN '[' || coalesce((
            SELECT pg_catalog.string_agg(audits.canonical(child), ',' ORDER BY place)
            FROM pg_catalog.jsonb_array_elements(value) WITH ORDINALITY AS each (child, place)
        ), '') || ']';
    WHEN 'number' THEN
        IF value::text ~ '^-?[0-9]{1,16}$'
            AND pg_catalog.abs(value::text::bigint) <= 9007199254740991
        THEN
            RETURN CASE WHEN value::text = '-0' THEN '0' ELSE value::text END;
        END IF;
        RETURN pg_catalog.to_jsonb(value::text)::text;
    ELSE
        RETURN value::text;
    END CASE;
END
$$;
COMMENT ON FUNCTION audits.canonical(jsonb) IS
    'Canonical JSON (RFC 8785); numbers other than whole ones below 2^53 become text.';

-- --- Plain SQL --------------------------------------------------------------------------------

-- Where a transaction comes from, as the application has told it; without that, it is plain SQL.
CREATE FUNCTION audits.context() RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    told text := current_setting('app.context', true);
BEGIN
    IF told IS NOT NULL AND told <> '' THEN
        RETURN told::jsonb;
    END IF;
    RETURN jsonb_build_object(
        'source', 'sql',
        'login', session_user,
        'role', CASE current_setting('role') WHEN 'none' THEN session_user::text
            ELSE current_setting('role') END,
        'application', current_setting('application_name')
    );
END
$$;

CREATE FUNCTION audits.record(
    action text,
    resource_type text DEFAULT NULL,
    resource_id text DEFAULT NULL,
    outcome text DEFAULT 'success',
    changes jsonb DEFAULT NULL,
    details jsonb DEFAULT NULL,
    captured boolean DEFAULT false
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    context jsonb := audits.context();
    known jsonb := '{}';
    secret bytea;
    private text;
    made uuid;
BEGIN
    IF NOT EXISTS (SELECT FROM audits.audit_action a WHERE a.name = record.action) THEN
        RAISE EXCEPTION 'The audit log knows no action %.', action
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'The table audits.audit_action lists them.';
    END IF;
    IF context ?| ARRAY['ip_address', 'user_agent'] THEN
        private := audits.canonical(jsonb_strip_nulls(jsonb_build_object(
            'ip_address', context -> 'ip_address', 'user_agent', context -> 'user_agent'
        )));
        secret := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
        context := context - 'ip_address' - 'user_agent';
    END IF;
    IF changes IS NOT NULL THEN
        known := jsonb_build_object('changes', changes);
    END IF;
    IF details IS NOT NULL THEN
        known := known || jsonb_build_object('details', details);
    END IF;
    IF captured THEN
        known := known || '{"captured": true}';
    END IF;
    INSERT INTO audits.audit_log AS l
        (actor_id, action, resource_type, resource_id, outcome, payload, personal)
    VALUES (
        public.app_user_id(), action, resource_type, resource_id, outcome,
        audits.canonical(known || context),
        sha256('\x02'::bytea || secret || convert_to(private, 'UTF8'))
    )
    RETURNING l.entry_id INTO made;
    IF secret IS NOT NULL THEN
        INSERT INTO audits.audit_personal (entry_id, salt, data) VALUES (made, secret, private);
    END IF;
    RETURN made;
END
$$;
COMMENT ON FUNCTION audits.record(text, text, text, text, jsonb, jsonb, boolean) IS
    'Writes an entry in the current transaction, for plain SQL; returns its key.';
REVOKE EXECUTE ON FUNCTION audits.record(text, text, text, text, jsonb, jsonb, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audits.record(text, text, text, text, jsonb, jsonb, boolean) TO lacuna_app;

-- --- What nobody recorded ---------------------------------------------------------------------

-- A value as the log keeps it: what is long by its size and hash. Names are qualified, since a SET
-- clause would cost more than the function.
CREATE FUNCTION audits.abridged(value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN pg_catalog.octet_length(value::text) <= 2000 THEN value
        ELSE pg_catalog.jsonb_build_object(
            'bytes', pg_catalog.octet_length(value::text),
            'sha256', pg_catalog.encode(
                pg_catalog.sha256(pg_catalog.convert_to(value::text, 'UTF8')), 'hex'
            )
        )
    END
$$;

-- Whether an action has written an entry on this resource in this transaction. Always read by the
-- index of resources: in a transaction of 10,000 entries that of transactions would find them all, and
-- so would a plan that was made while the log was known to be empty.
CREATE FUNCTION audits.is_recorded(noun text, key text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    PERFORM FROM audits.audit_log l
    WHERE l.resource_type = noun AND l.resource_id = key
        AND -l.xid = -pg_current_xact_id()::text::bigint
        AND l.created_at >= transaction_timestamp()
        AND l.created_at < statement_timestamp() + interval '1 day'  -- no other month is opened
        -- Of several changes of a row each is recorded: only an action's entry tells of all.
        AND NOT l.payload::jsonb ? 'captured';
    RETURN FOUND;
END
$$;
REVOKE EXECUTE ON FUNCTION audits.is_recorded(text, text) FROM PUBLIC;

-- Deferred to the end of the transaction: what an action recorded itself needs no second entry.
-- Arguments: noun, key column, secret columns, the parent's noun and column (or empty).
CREATE FUNCTION log_audit_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    noun text := TG_ARGV[0];
    unnoticed text[] := TG_ARGV[2]::text[];
    secret text[] := TG_ARGV[3]::text[];
    now_row jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
    was jsonb;
    became jsonb;
    before_it jsonb;
    after_it jsonb;
BEGIN
    IF audits.is_recorded(noun, now_row ->> TG_ARGV[1])
        OR TG_ARGV[4] <> '' AND audits.is_recorded(TG_ARGV[4], now_row ->> TG_ARGV[5])
    THEN
        RETURN NULL;
    END IF;
    was := CASE TG_OP WHEN 'INSERT' THEN NULL WHEN 'DELETE' THEN now_row ELSE to_jsonb(OLD) END;
    became := CASE WHEN TG_OP <> 'DELETE' THEN now_row END;
    SELECT
        jsonb_object_agg(
            key, CASE WHEN key = ANY (secret) THEN '"(hidden)"' ELSE audits.abridged(was -> key) END
        ) FILTER (WHERE was IS NOT NULL),
        jsonb_object_agg(
            key,
            CASE WHEN key = ANY (secret) THEN '"(hidden)"' ELSE audits.abridged(became -> key) END
        ) FILTER (WHERE became IS NOT NULL)
    INTO before_it, after_it
    FROM jsonb_object_keys(now_row) AS keys (key)
    WHERE CASE TG_OP
        WHEN 'UPDATE' THEN key <> ALL (unnoticed) AND was -> key IS DISTINCT FROM became -> key
        ELSE now_row -> key <> 'null'
    END;
    PERFORM audits.record(
        noun || CASE TG_OP WHEN 'INSERT' THEN '.inserted' WHEN 'UPDATE' THEN '.updated'
            ELSE '.deleted' END,
        noun, now_row ->> TG_ARGV[1], 'success',
        jsonb_build_object('before', before_it, 'after', after_it), NULL, true
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION log_audit_event() IS
    'Trigger: records what changed in a guarded table, unless an action has recorded it.';

CREATE FUNCTION audits.log_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM audits.record(TG_ARGV[0] || '.deleted', TG_ARGV[0], NULL, 'success', NULL,
        '{"truncated": true}', true);
    RETURN NULL;
END
$$;

-- Has every change of the table's rows recorded, but what triggers change in consequence of others.
--   noun       the resource type of its entries
--   unnoticed  columns whose change alone is not worth an entry
--   secret     columns whose values are never written down
--   parent     'noun:column': rows that an entry on that resource covers too
--   key        the column by which entries name a row; by default its primary key
CREATE FUNCTION audits.guard(
    target regclass, noun text, unnoticed text[] DEFAULT '{}', secret text[] DEFAULT '{}',
    parent text DEFAULT '', key text DEFAULT ''
) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key_column text := coalesce(nullif(key, ''), (
        SELECT a.attname FROM pg_index i
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = target AND i.indisprimary
    ));
    noticed text := (
        SELECT string_agg(format('OLD.%1$I IS DISTINCT FROM NEW.%1$I', a.attname), ' OR '
            ORDER BY a.attnum)
        FROM pg_attribute a
        WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
            AND a.attname <> ALL (unnoticed) AND a.attgenerated = ''
    );
    arguments text := format(
        '%L, %L, %L, %L, %L, %L', noun, key_column, unnoticed::text, secret::text,
        split_part(parent, ':', 1), split_part(parent, ':', 2)
    );
BEGIN
    PERFORM audits.unguard(target);
    EXECUTE format(
        'CREATE CONSTRAINT TRIGGER log_audit_event AFTER INSERT OR DELETE ON %s'
        ' DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_trigger_depth() = 0)'
        ' EXECUTE FUNCTION public.log_audit_event(%s)', target, arguments
    );
    EXECUTE format(
        'CREATE CONSTRAINT TRIGGER log_audit_update AFTER UPDATE ON %s'
        ' DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND (%s))'
        ' EXECUTE FUNCTION public.log_audit_event(%s)', target, noticed, arguments
    );
    EXECUTE format(
        'CREATE TRIGGER log_audit_truncate AFTER TRUNCATE ON %s'
        ' FOR EACH STATEMENT EXECUTE FUNCTION audits.log_truncate(%L)', target, noun
    );
END
$$;
CREATE FUNCTION audits.unguard(target regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['log_audit_event', 'log_audit_update', 'log_audit_truncate'] LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', name, target);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION audits.guard(regclass, text, text[], text[], text, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION audits.unguard(regclass) FROM PUBLIC;

SELECT audits.guard('system_settings', 'setting', '{updated_at}', key => 'setting_key');

-- --- Erasing personal data --------------------------------------------------------------------

-- The commitments stay, and the erasure is an entry itself, in the same transaction.
CREATE FUNCTION audits.erase_personal(entries uuid[], reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    erased uuid[];
BEGIN
    IF coalesce(btrim(reason), '') = '' THEN
        RAISE EXCEPTION 'Erasing personal data needs a reason.'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    WITH gone AS (
        DELETE FROM audits.audit_personal p WHERE p.entry_id = ANY (entries) RETURNING p.entry_id
    )
    SELECT array_agg(entry_id) INTO erased FROM gone;
    IF erased IS NULL THEN
        RETURN 0;
    END IF;
    FOR start IN 1 .. cardinality(erased) BY 1000 LOOP
        PERFORM audits.record(
            'audit_entry.erased', NULL, NULL, 'success', NULL,
            jsonb_build_object('reason', reason, 'entries', to_jsonb(erased[start:start + 999]))
        );
    END LOOP;
    RETURN cardinality(erased);
END
$$;
COMMENT ON FUNCTION audits.erase_personal(uuid[], text) IS
    'Erases the personal data of entries and records that; the proofs stay intact.';
REVOKE EXECUTE ON FUNCTION audits.erase_personal(uuid[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audits.erase_personal(uuid[], text) TO lacuna_app;

-- --- Views ------------------------------------------------------------------------------------

CREATE VIEW audit_log WITH (security_invoker = true) AS
SELECT
    l.entry_id,
    l.id,
    l.created_at,
    l.actor_id,
    l.action,
    l.resource_type,
    l.resource_id,
    l.outcome,
    l.duration_ms,
    p.ip_address,
    p.user_agent,
    l.payload::jsonb ->> 'source' AS source,
    l.payload::jsonb ->> 'request_id' AS request_id,
    l.payload::jsonb ->> 'job_id' AS job_id,
    l.payload::jsonb -> 'changes' -> 'before' AS changes_before,
    l.payload::jsonb -> 'changes' -> 'after' AS changes_after,
    l.payload::jsonb -> 'details' AS details,
    l.payload::jsonb ->> 'error' AS error_message,
    l.payload,
    l.personal,
    l.leaf,
    l.xid,
    (SELECT s.prev_hash FROM audits.place(l.id, l.xid) s) AS prev_hash
FROM audits.audit_log l LEFT JOIN audits.audit_personal p ON p.entry_id = l.entry_id;
COMMENT ON VIEW audit_log IS
    'The audit log with its JSON opened; prev_hash is the leaf before the entry, null until sealed.';

CREATE VIEW security_audit WITH (security_invoker = true) AS
SELECT
    l.entry_id AS id,
    l.actor_id AS user_id,
    coalesce(a.documented, l.action) AS action,
    l.resource_type,
    l.resource_id,
    l.outcome AS status,
    p.ip_address,
    p.user_agent,
    l.payload::jsonb ->> 'error' AS error_message,
    l.payload::jsonb -> 'changes' -> 'before' AS changes_before,
    l.payload::jsonb -> 'changes' -> 'after' AS changes_after,
    l.created_at AS "timestamp",
    l.created_at
FROM audits.audit_log l
LEFT JOIN audits.audit_personal p ON p.entry_id = l.entry_id
LEFT JOIN audits.audit_action a ON a.name = l.action;
COMMENT ON VIEW security_audit IS 'The audit log under the columns and words of NS-6.';

CREATE VIEW audit_logs WITH (security_invoker = true) AS
SELECT
    l.entry_id AS id,
    l.actor_id AS user_id,
    l.action,
    l.resource_type,
    CASE
        WHEN l.resource_id
            ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
            THEN l.resource_id::uuid
    END AS resource_id,
    l.payload::jsonb -> 'changes' AS changes,
    p.ip_address,
    p.user_agent,
    l.created_at
FROM audits.audit_log l LEFT JOIN audits.audit_personal p ON p.entry_id = l.entry_id;
COMMENT ON VIEW audit_logs IS 'The audit log under the columns of DI-9.';

CREATE VIEW audit_log_details WITH (security_invoker = true) AS
SELECT
    l.entry_id AS id,
    l.entry_id AS audit_id,
    coalesce(l.payload::jsonb -> 'details' ->> 'event', l.action) AS event_name,
    coalesce(l.payload::jsonb -> 'details' ->> 'description', a.description) AS event_description,
    l.payload::jsonb -> 'details' AS event_data,
    l.payload::jsonb -> 'details' -> 'system' AS system_state,
    l.duration_ms,
    CASE
        WHEN l.payload::jsonb -> 'details' ->> 'success_count' ~ '^[0-9]{1,9}$'
            THEN (l.payload::jsonb -> 'details' ->> 'success_count')::integer
    END AS success_count,
    CASE
        WHEN l.payload::jsonb -> 'details' ->> 'failure_count' ~ '^[0-9]{1,9}$'
            THEN (l.payload::jsonb -> 'details' ->> 'failure_count')::integer
    END AS failure_count,
    l.created_at
FROM audits.audit_log l LEFT JOIN audits.audit_action a ON a.name = l.action
WHERE l.payload::jsonb ? 'details';
COMMENT ON VIEW audit_log_details IS 'The details inside entries, under the columns of NS-7.';

CREATE VIEW recent_audit_events WITH (security_invoker = true) AS
SELECT
    entry_id, id, created_at, actor_id, action, resource_type, resource_id, outcome, duration_ms,
    ip_address, user_agent, source, request_id, job_id, changes_before, changes_after, details,
    error_message
FROM audit_log
ORDER BY id DESC
LIMIT 1000;
COMMENT ON VIEW recent_audit_events IS 'The newest 1,000 entries.';

CREATE VIEW audits.audit_statistics WITH (security_invoker = true) AS
SELECT
    (l.created_at AT TIME ZONE 'UTC')::date AS day,
    l.action,
    l.outcome,
    count(*) AS entries,
    count(DISTINCT l.actor_id) AS actors,
    count(DISTINCT (l.resource_type, l.resource_id)) AS resources,
    round(avg(l.duration_ms)) AS average_duration_ms,
    max(l.created_at) AS last_at
FROM audits.audit_log l
GROUP BY 1, 2, 3;
COMMENT ON VIEW audits.audit_statistics IS 'Entries by day, action and outcome.';

CREATE VIEW audits.audit_chain WITH (security_invoker = true) AS
SELECT
    coalesce(b.batch_no, 0) AS batches,
    coalesce(b.first_seq + b.entries + 1, 0) AS size,
    b.sealed_at,
    b.root,
    b.note,
    coalesce(e.era, 0) AS era,
    coalesce(p.size, 0) AS published_size,
    p.published_at,
    (SELECT count(*) FROM audits.audit_log_default) AS astray
FROM (SELECT) AS always
LEFT JOIN LATERAL (SELECT * FROM audits.audit_batch ORDER BY batch_no DESC LIMIT 1) b ON true
LEFT JOIN LATERAL (SELECT * FROM audits.audit_era ORDER BY era DESC LIMIT 1) e ON true
LEFT JOIN LATERAL (SELECT * FROM audits.audit_publication ORDER BY size DESC, id DESC LIMIT 1) p
    ON true;
COMMENT ON VIEW audits.audit_chain IS 'How far the log is sealed and published.';

GRANT SELECT ON
    audit_log, security_audit, audit_logs, audit_log_details, recent_audit_events,
    audits.audit_statistics, audits.audit_chain
    TO lacuna_app, lacuna_readonly, lacuna_auditor, lacuna_backup, lacuna_sealer;
GRANT SELECT ON audits.audit_log_default TO lacuna_app, lacuna_readonly, lacuna_sealer;
