-- The audit log: taken without a lock, sealed behind (docs/decisions/0012, 0013; docs/audit-formats.md).

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lacuna_sealer') THEN
        RAISE EXCEPTION 'The role lacuna_sealer is missing.'
            USING HINT = 'Run: python manage.py create_roles', ERRCODE = 'undefined_object';
    END IF;
END
$$;

CREATE SCHEMA audits;
GRANT USAGE ON SCHEMA audits
    TO lacuna_app, lacuna_readonly, lacuna_auditor, lacuna_backup, lacuna_sealer;
GRANT USAGE ON SCHEMA public TO lacuna_sealer;

-- What is hashed of an entry. Never replaced: stored leaves would not follow; a new version gets a
-- new name. The names in it are qualified because a SET clause would cost more than the hash.
CREATE FUNCTION audits.leaf_v1(
    v smallint, id bigint, entry_id uuid, xid bigint, created_at timestamptz, actor_id uuid,
    action text, resource_type text, resource_id text, outcome text, duration_ms integer,
    payload text, personal bytea
) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN pg_catalog.sha256(
        '\x00'::pg_catalog.bytea OPERATOR(pg_catalog.||) pg_catalog.record_send(ROW(
            v, id, entry_id, xid, created_at, actor_id, action, resource_type, resource_id,
            outcome, duration_ms, payload, personal
        ))
    );
END
$$;

CREATE TABLE audits.audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    entry_id uuid NOT NULL DEFAULT new_key(),
    v smallint NOT NULL DEFAULT 1,
    xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_id uuid DEFAULT app_user_id(),
    action text NOT NULL,
    resource_type text,
    resource_id text,
    outcome text NOT NULL DEFAULT 'success',
    duration_ms integer,
    payload text NOT NULL DEFAULT '{}',
    personal bytea,
    leaf bytea NOT NULL GENERATED ALWAYS AS (
        audits.leaf_v1(
            v, id, entry_id, xid, created_at, actor_id, action, resource_type, resource_id,
            outcome, duration_ms, payload, personal
        )
    ) STORED,
    CONSTRAINT audit_log_pkey PRIMARY KEY (id, created_at),
    CONSTRAINT audit_log_version_check CHECK (v = 1),
    CONSTRAINT audit_log_action_check
        CHECK (action ~ '^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$' AND length(action) <= 100),
    CONSTRAINT audit_log_resource_check
        CHECK (length(resource_type) <= 100 AND length(resource_id) <= 255),
    CONSTRAINT audit_log_outcome_check CHECK (outcome IN ('success', 'failure', 'partial')),
    CONSTRAINT audit_log_duration_check CHECK (duration_ms >= 0),
    -- What is no JSON is refused by the cast itself.
    CONSTRAINT audit_log_payload_check
        CHECK (octet_length(payload) <= 1048576 AND jsonb_typeof(payload::jsonb) = 'object'),
    CONSTRAINT audit_log_personal_check CHECK (octet_length(personal) = 32)
) PARTITION BY RANGE (created_at);
COMMENT ON TABLE audits.audit_log IS
    'Every step, once; entries are never changed or removed. Sealed in audits.audit_batch.';
COMMENT ON COLUMN audits.audit_log.payload IS
    'Canonical JSON (RFC 8785): changes, details, error, request_id, job_id, source.';
COMMENT ON COLUMN audits.audit_log.personal IS
    'SHA-256 commitment to the row of audits.audit_personal.';

CREATE INDEX idx_audit_log_actor ON audits.audit_log (actor_id, id);
CREATE INDEX idx_audit_log_action ON audits.audit_log (action, id);
-- By -xid: what a transaction wrote about a resource is found by this index and by no other.
CREATE INDEX idx_audit_log_resource ON audits.audit_log (resource_type, resource_id, (-xid));
CREATE INDEX idx_audit_log_entry ON audits.audit_log (entry_id);
CREATE INDEX idx_audit_log_xid ON audits.audit_log (xid);
CREATE INDEX idx_audit_log_outcome ON audits.audit_log (outcome, id) WHERE outcome <> 'success';
CREATE INDEX idx_audit_log_created_at ON audits.audit_log USING brin (created_at);
CREATE INDEX idx_audit_log_request ON audits.audit_log ((payload::jsonb ->> 'request_id'))
    WHERE payload::jsonb ->> 'request_id' IS NOT NULL;
-- What comes from elsewhere than pages and jobs is rare, and looked for.
CREATE INDEX idx_audit_log_source ON audits.audit_log ((payload::jsonb ->> 'source'), id)
    WHERE payload::jsonb ->> 'source' IN ('sql', 'command');

-- What can be erased: the entry keeps a salted commitment to it.
CREATE TABLE audits.audit_personal (
    entry_id uuid NOT NULL PRIMARY KEY,
    salt bytea NOT NULL,
    data text NOT NULL,
    ip_address inet GENERATED ALWAYS AS ((data::jsonb ->> 'ip_address')::inet) STORED,
    user_agent text GENERATED ALWAYS AS (data::jsonb ->> 'user_agent') STORED,
    CONSTRAINT audit_personal_salt_check CHECK (octet_length(salt) = 32),
    CONSTRAINT audit_personal_data_check
        CHECK (octet_length(data) <= 65536 AND jsonb_typeof(data::jsonb) = 'object')
);
CREATE INDEX idx_audit_personal_ip_address ON audits.audit_personal (ip_address);
COMMENT ON TABLE audits.audit_personal IS
    'Personal data of entries; erased by audits.erase_personal(), which leaves the proofs intact.';

-- The seal. A batch is every entry of its era from xid_lo on and below xid_hi, by (xid, id).
CREATE TABLE audits.audit_era (
    era integer NOT NULL PRIMARY KEY,
    system_identifier text NOT NULL,
    first_id bigint NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE audits.audit_era IS
    'The servers on which the log has lived: transaction numbers compare within one era only.';

CREATE TABLE audits.audit_batch (
    batch_no bigint NOT NULL PRIMARY KEY,
    era integer NOT NULL REFERENCES audits.audit_era,
    xid_lo bigint NOT NULL,
    xid_hi bigint NOT NULL,
    first_seq bigint NOT NULL UNIQUE,
    entries integer NOT NULL,
    id_min bigint NOT NULL,
    id_max bigint NOT NULL,
    ids bytea NOT NULL,
    leaves bytea NOT NULL,
    prev_hash bytea NOT NULL,
    batch_hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    header text NOT NULL,
    root bytea NOT NULL,
    note text NOT NULL,
    CONSTRAINT audit_batch_sizes_check CHECK (
        entries > 0 AND octet_length(ids) = 8 * entries AND octet_length(leaves) = 32 * entries
        AND octet_length(prev_hash) = 32 AND octet_length(batch_hash) = 32
        AND octet_length(root) = 32
    )
);
ALTER TABLE audits.audit_batch ALTER ids SET STORAGE EXTERNAL, ALTER leaves SET STORAGE EXTERNAL;
CREATE INDEX idx_audit_batch_xid ON audits.audit_batch (era, xid_hi);
COMMENT ON TABLE audits.audit_batch IS
    'Entries in order, their leaves, and the signed checkpoint after them.';

CREATE TABLE audits.audit_tile (
    level smallint NOT NULL,
    idx bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, idx),
    CONSTRAINT audit_tile_size_check CHECK (level > 0 AND octet_length(hashes) = 8192)
);
ALTER TABLE audits.audit_tile ALTER hashes SET STORAGE EXTERNAL;
COMMENT ON TABLE audits.audit_tile IS
    'Full tiles of 256 hashes of the Merkle tree; a hash of level 1 is the root of 256 leaves.';

CREATE TABLE audits.audit_publication (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target text NOT NULL,
    size bigint NOT NULL,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    note text NOT NULL
);
CREATE INDEX idx_audit_publication_target ON audits.audit_publication (target, size);
COMMENT ON TABLE audits.audit_publication IS
    'Checkpoints that somebody else has seen, with the witness''s cosignature where there is one.';

CREATE TABLE audits.audit_retired (
    partition text NOT NULL PRIMARY KEY,
    entries bigint NOT NULL,
    ids int8multirange NOT NULL,
    file_name text NOT NULL,
    file_sha256 text NOT NULL,
    retired_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE audits.audit_retired IS
    'Months that were exported and detached; each has its entry audit_month.retired in the log.';

-- How the sealer is doing: one row, which it alone writes.
CREATE TABLE audits.audit_sealer (
    id smallint NOT NULL PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    name text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    problem text NOT NULL DEFAULT ''
);
COMMENT ON TABLE audits.audit_sealer IS
    'When the sealer was last seen, and why it does not seal, if it does not.';

-- The words of the documents for actions; filled from the registry after every migrate.
CREATE TABLE audits.audit_action (
    name text NOT NULL PRIMARY KEY,
    documented text,
    description text NOT NULL DEFAULT ''
);
COMMENT ON TABLE audits.audit_action IS 'The registry of actions, as security_audit shows them.';

-- --- Nothing is changed -----------------------------------------------------------------------

CREATE FUNCTION audits.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is append-only: % on %.% is refused.',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audits.audit_log
    FOR EACH ROW EXECUTE FUNCTION audits.refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON audits.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audits.refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE ON audits.audit_personal
    FOR EACH ROW EXECUTE FUNCTION audits.refuse_change();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'audit_era', 'audit_batch', 'audit_tile', 'audit_publication', 'audit_retired'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audits.%I'
            ' FOR EACH ROW EXECUTE FUNCTION audits.refuse_change()', name
        );
    END LOOP;
    FOREACH name IN ARRAY ARRAY[
        'audit_personal', 'audit_era', 'audit_batch', 'audit_tile', 'audit_publication',
        'audit_retired'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON audits.%I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION audits.refuse_change()', name
        );
    END LOOP;
END
$$;

-- --- Months -----------------------------------------------------------------------------------

-- Makes months ahead and gives every partition, a hand-made one too, its trigger against TRUNCATE.
CREATE FUNCTION audits.make_months(first_day date, months integer) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    child regclass;
BEGIN
    RETURN QUERY SELECT create_month_partitions('audits.audit_log', first_day, months);
    FOR child IN
        SELECT i.inhrelid::regclass FROM pg_inherits i
        WHERE i.inhparent = 'audits.audit_log'::regclass AND NOT EXISTS (
            SELECT FROM pg_trigger t WHERE t.tgrelid = i.inhrelid AND t.tgname = 'refuse_truncate'
        )
    LOOP
        EXECUTE format(
            'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s'
            ' FOR EACH STATEMENT EXECUTE FUNCTION audits.refuse_change()', child
        );
        EXECUTE format('GRANT SELECT ON %s TO lacuna_backup', child);  -- pg_dump reads each
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION audits.make_months(date, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audits.make_months(date, integer) TO lacuna_app;

CREATE TABLE audits.audit_log_default PARTITION OF audits.audit_log DEFAULT;
COMMENT ON TABLE audits.audit_log_default IS
    'Takes entries of months that nobody made; every row here is an alarm.';
SELECT audits.make_months((now() AT TIME ZONE 'UTC')::date, 3);

-- Makes the months of the entries that went astray into the default partition, and moves them there,
-- unchanged. Returns how many were moved.
CREATE FUNCTION audits.empty_default() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    moved bigint;
    month date;
BEGIN
    LOCK TABLE audits.audit_log IN ACCESS EXCLUSIVE MODE;
    SELECT count(*) INTO moved FROM audits.audit_log_default;
    IF moved = 0 THEN
        RETURN 0;
    END IF;
    -- Emptied, not dropped: views depend on it, and its rights and triggers stay. What forbids
    -- changing rows is the parent's trigger, which a detached table does not have.
    ALTER TABLE audits.audit_log DETACH PARTITION audits.audit_log_default;
    FOR month IN
        SELECT DISTINCT date_trunc('month', created_at)::date FROM audits.audit_log_default
    LOOP
        PERFORM audits.make_months(month, 0);
    END LOOP;
    INSERT INTO audits.audit_log (
        id, entry_id, v, xid, created_at, actor_id, action, resource_type, resource_id, outcome,
        duration_ms, payload, personal
    ) OVERRIDING SYSTEM VALUE
    SELECT id, entry_id, v, xid, created_at, actor_id, action, resource_type, resource_id, outcome,
        duration_ms, payload, personal
    FROM audits.audit_log_default;
    DELETE FROM audits.audit_log_default;
    ALTER TABLE audits.audit_log ATTACH PARTITION audits.audit_log_default DEFAULT;
    RETURN moved;
END
$$;
REVOKE EXECUTE ON FUNCTION audits.empty_default() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audits.empty_default() TO lacuna_app;

-- --- Sealing ----------------------------------------------------------------------------------

-- The era of the server that answers. After a restore, or on another server, transaction numbers
-- begin anew: a new era starts while nobody writes, so that every entry belongs to one side.
CREATE FUNCTION audits.current_era() RETURNS audits.audit_era
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Unsigned, as pg_controldata prints it.
    here text := (
        SELECT (system_identifier::numeric
            + CASE WHEN system_identifier < 0 THEN 18446744073709551616 ELSE 0 END)::text
        FROM pg_control_system()
    );
    known audits.audit_era;
BEGIN
    SELECT * INTO known FROM audits.audit_era ORDER BY era DESC LIMIT 1;
    IF known.era IS NOT NULL AND known.system_identifier = here THEN
        RETURN known;
    END IF;
    IF known.era IS NULL THEN
        INSERT INTO audits.audit_era (era, system_identifier, first_id)
        VALUES (1, here, 1)
        RETURNING * INTO known;
        RETURN known;
    END IF;
    LOCK TABLE audits.audit_log IN SHARE MODE;
    INSERT INTO audits.audit_era (era, system_identifier, first_id)
    SELECT known.era + 1, here, coalesce(max(id), 0) + 1 FROM audits.audit_log
    RETURNING * INTO known;
    RETURN known;
END
$$;
REVOKE EXECUTE ON FUNCTION audits.current_era() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audits.current_era() TO lacuna_sealer;

-- Where an entry stands in the log; no row until it is sealed.
CREATE FUNCTION audits.place(entry bigint, transaction bigint)
RETURNS TABLE (batch_no bigint, seq bigint, prev_hash bytea, sealed_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted bytea := int8send(entry);
    home integer := (
        SELECT e.era FROM audits.audit_era e WHERE e.first_id <= entry ORDER BY e.era DESC LIMIT 1
    );
    batch record;
    at integer;
    found integer;
BEGIN
    FOR batch IN
        SELECT b.* FROM audits.audit_batch b
        WHERE b.era = home AND b.xid_hi > transaction AND b.xid_lo <= transaction
            AND entry BETWEEN b.id_min AND b.id_max
        UNION ALL
        -- What a restore left over was sealed by number.
        SELECT b.* FROM audits.audit_batch b
        WHERE b.era > home AND b.xid_hi = 0 AND entry BETWEEN b.id_min AND b.id_max
    LOOP
        at := 0;
        LOOP
            found := position(wanted IN substring(batch.ids FROM at + 1));
            EXIT WHEN found = 0;
            at := at + found - 1;
            IF at % 8 = 0 THEN
                batch_no := batch.batch_no;
                seq := batch.first_seq + at / 8;
                prev_hash := CASE
                    WHEN at = 0 THEN batch.prev_hash
                    ELSE substring(batch.leaves FROM 4 * at - 31 FOR 32)
                END;
                sealed_at := batch.sealed_at;
                RETURN NEXT;
                RETURN;
            END IF;
            at := at + 1;
        END LOOP;
    END LOOP;
END
$$;

-- --- Rights -----------------------------------------------------------------------------------

-- The application names the columns that are its business, and no others.
GRANT INSERT (
    actor_id, action, resource_type, resource_id, outcome, duration_ms, payload, personal
) ON audits.audit_log TO lacuna_app, lacuna_sealer;
GRANT SELECT ON audits.audit_log TO lacuna_app, lacuna_sealer, lacuna_readonly;
GRANT INSERT (entry_id, salt, data) ON audits.audit_personal TO lacuna_app;
GRANT SELECT ON audits.audit_personal TO lacuna_app;
GRANT SELECT (entry_id, ip_address, user_agent) ON audits.audit_personal TO lacuna_readonly;
GRANT INSERT, SELECT ON audits.audit_batch, audits.audit_tile TO lacuna_sealer;
GRANT INSERT (target, size, note), SELECT ON audits.audit_publication TO lacuna_sealer;
GRANT INSERT, SELECT, UPDATE ON audits.audit_sealer TO lacuna_sealer;
GRANT SELECT ON
    audits.audit_era, audits.audit_batch, audits.audit_tile, audits.audit_publication,
    audits.audit_retired, audits.audit_sealer, audits.audit_action
    TO lacuna_app, lacuna_readonly, lacuna_sealer;
GRANT SELECT ON ALL TABLES IN SCHEMA audits TO lacuna_auditor, lacuna_backup;

-- The first era is that of the server on which the log was made.
DO $$
BEGIN
    PERFORM audits.current_era();
END
$$;
