-- What the audit log is compared with: tables for the same entries and the same questions.

CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO lacuna_app;

-- A plain log: the same columns, checks, months and indexes, but no leaf, transaction or trigger.
CREATE TABLE bench.plain (
    id bigint GENERATED ALWAYS AS IDENTITY,
    entry_id uuid NOT NULL DEFAULT new_key(),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_id uuid DEFAULT app_user_id(),
    action text NOT NULL,
    resource_type text,
    resource_id text,
    outcome text NOT NULL DEFAULT 'success',
    duration_ms integer,
    payload text NOT NULL DEFAULT '{}',
    PRIMARY KEY (id, created_at),
    CHECK (action ~ '^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$' AND length(action) <= 100),
    CHECK (length(resource_type) <= 100 AND length(resource_id) <= 255),
    CHECK (outcome IN ('success', 'failure', 'partial')),
    CHECK (duration_ms >= 0),
    CHECK (octet_length(payload) <= 1048576 AND jsonb_typeof(payload::jsonb) = 'object')
) PARTITION BY RANGE (created_at);
CREATE INDEX ON bench.plain (actor_id, id);
CREATE INDEX ON bench.plain (action, id);
CREATE INDEX ON bench.plain (resource_type, resource_id, id);
CREATE INDEX ON bench.plain (entry_id);
CREATE INDEX ON bench.plain (outcome, id) WHERE outcome <> 'success';
CREATE INDEX ON bench.plain USING brin (created_at);
CREATE INDEX ON bench.plain ((payload::jsonb ->> 'request_id'))
    WHERE payload::jsonb ->> 'request_id' IS NOT NULL;
CREATE INDEX ON bench.plain ((payload::jsonb ->> 'source'), id)
    WHERE payload::jsonb ->> 'source' IN ('sql', 'command');

-- The same without any check: nobody looks at what is written.
CREATE TABLE bench.bare (
    LIKE bench.plain INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES
) PARTITION BY RANGE (created_at);

-- The plain log with address and browser as columns.
CREATE TABLE bench.personal (
    LIKE bench.plain INCLUDING ALL, ip_address inet, user_agent text
) PARTITION BY RANGE (created_at);
CREATE INDEX ON bench.personal (ip_address);

-- The plain log with the customary chain: each entry holds the hash of the one before.
CREATE TABLE bench.chain (
    LIKE bench.plain INCLUDING ALL, prev_hash bytea, hash bytea
) PARTITION BY RANGE (created_at);
CREATE FUNCTION bench.link() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7001);
    SELECT hash INTO NEW.prev_hash FROM bench.chain ORDER BY id DESC LIMIT 1;
    NEW.hash := sha256(coalesce(NEW.prev_hash, '\x') || record_send(ROW(
        NEW.id, NEW.entry_id, NEW.created_at, NEW.actor_id, NEW.action, NEW.resource_type,
        NEW.resource_id, NEW.outcome, NEW.duration_ms, NEW.payload
    )));
    RETURN NEW;
END
$$;
CREATE TRIGGER link BEFORE INSERT ON bench.chain FOR EACH ROW EXECUTE FUNCTION bench.link();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['plain', 'bare', 'personal', 'chain'] LOOP
        EXECUTE format(
            'CREATE TABLE bench.%I PARTITION OF bench.%I DEFAULT', name || '_default', name
        );
        PERFORM public.create_month_partitions(
            format('bench.%I', name)::regclass,
            (now() AT TIME ZONE 'UTC' - interval '12 months')::date, 15
        );
        EXECUTE format('GRANT SELECT, INSERT ON bench.%I TO lacuna_app', name);
    END LOOP;
END
$$;

-- All logs, ours too, have lived a year: its months are there, empty.
SELECT audits.make_months((now() AT TIME ZONE 'UTC' - interval '12 months')::date, 15);

-- Rows that actions change, always the lower one first.
CREATE TABLE bench.stock (id integer PRIMARY KEY, taken integer NOT NULL);
INSERT INTO bench.stock SELECT number, 0 FROM generate_series(1, 20) AS number;
GRANT SELECT, UPDATE ON bench.stock TO lacuna_app;
