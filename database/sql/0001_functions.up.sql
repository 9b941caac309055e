-- Functions that every table's defaults and triggers stand on.

GRANT USAGE ON SCHEMA public TO lacuna_app, lacuna_readonly, lacuna_auditor, lacuna_backup;

-- A key ordered by time: UUID version 7. The server's own function where it has one (18), else the
-- same layout made from clock_timestamp(), with microseconds in the 12 bits after the version.
DO $do$
BEGIN
    IF current_setting('server_version_num')::integer >= 180000 THEN
        EXECUTE $sql$
            CREATE FUNCTION new_key() RETURNS uuid
            LANGUAGE sql VOLATILE PARALLEL SAFE
            AS 'SELECT pg_catalog.uuidv7()'
        $sql$;
    ELSE
        EXECUTE $sql$
            CREATE FUNCTION new_key() RETURNS uuid
            LANGUAGE sql VOLATILE PARALLEL SAFE
            AS $body$
                SELECT encode(
                    overlay(
                        uuid_send(gen_random_uuid())
                        PLACING substring(int8send(moment / 1000) FROM 3)
                            || substring(int8send(28672 + moment % 1000 * 4096 / 1000) FROM 7)
                        FROM 1 FOR 8
                    ),
                    'hex'
                )::uuid
                FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS moment) AS t
            $body$
        $sql$;
    END IF;
END
$do$;
COMMENT ON FUNCTION new_key() IS 'A new UUID version 7: ordered by time (RFC 9562).';

-- Under the name that the extension uuid-ossp made customary. Where that extension is installed,
-- its function is the one that stays.
DO $do$
BEGIN
    IF to_regprocedure('uuid_generate_v4()') IS NULL THEN
        CREATE FUNCTION uuid_generate_v4() RETURNS uuid
        LANGUAGE sql VOLATILE PARALLEL SAFE
        AS 'SELECT gen_random_uuid()';
        COMMENT ON FUNCTION uuid_generate_v4() IS 'A random UUID; provided by Lacuna.';
    END IF;
END
$do$;

CREATE FUNCTION app_user_id() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$;
COMMENT ON FUNCTION app_user_id() IS
    'The person for whom the current transaction works, or null when nobody is named.';

CREATE FUNCTION update_updated_at_column() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION update_updated_at_column() IS 'Trigger: keeps updated_at.';

-- Replaces the ON DELETE action of the foreign key on one column, keeping its name.
CREATE FUNCTION set_on_delete(target regclass, column_name text, action text) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    found record;
    definition text;
BEGIN
    IF action NOT IN ('CASCADE', 'SET NULL', 'RESTRICT', 'NO ACTION') THEN
        RAISE EXCEPTION 'ON DELETE cannot be %', action;
    END IF;
    SELECT c.conname, pg_get_constraintdef(c.oid) AS definition
    INTO found
    FROM pg_constraint c
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE c.contype = 'f' AND c.conrelid = target AND cardinality(c.conkey) = 1
        AND a.attname = column_name;
    IF found IS NULL THEN
        RAISE EXCEPTION 'Table % has no foreign key on column %', target, column_name;
    END IF;
    definition := regexp_replace(
        found.definition, '\s+ON DELETE (CASCADE|SET NULL|RESTRICT|NO ACTION|SET DEFAULT)', ''
    );
    definition := regexp_replace(
        definition, '(REFERENCES [^(]+\([^)]*\))', '\1 ON DELETE ' || action
    );
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', target, found.conname);
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', target, found.conname, definition);
END
$$;
COMMENT ON FUNCTION set_on_delete(regclass, text, text) IS
    'Gives a foreign key its ON DELETE action; used by migrations.';
REVOKE EXECUTE ON FUNCTION set_on_delete(regclass, text, text) FROM PUBLIC;
