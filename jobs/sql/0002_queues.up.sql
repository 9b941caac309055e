-- A heartbeat is a HOT update: no index on last_seen_at, and room for the next version on the page.
ALTER TABLE job_workers SET (fillfactor = 50, autovacuum_vacuum_threshold = 200);

-- Wakes the workers. One transaction sends one notification for each table, however many rows.
CREATE FUNCTION notify_lacuna_jobs() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('lacuna_jobs', TG_TABLE_NAME);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION notify_lacuna_jobs() IS
    'Trigger: tells the workers (channel lacuna_jobs) that there is work in the table.';

-- Makes a table with the columns of a queue into one: indexes, storage, notifications. The names of
-- its states are the table's own; without a state for retries, a retry waits as ready.
CREATE FUNCTION install_queue(
    target regclass, ready text, running text, retrying text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    name text := (SELECT relname FROM pg_class WHERE oid = target);
    waiting text := format('(status = %L AND available_at IS NOT NULL)', ready);
    live text := format('status IN (%L, %L)', ready, running);
BEGIN
    IF retrying IS NOT NULL THEN
        waiting := format('(status = %L OR status = %L AND available_at IS NOT NULL)', retrying, ready);
        live := format('status IN (%L, %L, %L)', ready, running, retrying);
    END IF;
    -- A queue is updated all the time; vacuum follows closely, and at full speed.
    EXECUTE format(
        'ALTER TABLE %s SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01,'
        ' autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0)', target
    );
    -- The line itself, in the order in which it is served.
    EXECUTE format(
        'CREATE INDEX %I ON %s (priority DESC, created_at, id)'
        ' WHERE status = %L AND available_at IS NULL',
        'idx_' || name || '_ready', target, ready
    );
    -- What waits for its moment; without one, it is due at once.
    EXECUTE format(
        'CREATE INDEX %I ON %s ((coalesce(available_at, timestamptz ''-infinity''))) WHERE %s',
        'idx_' || name || '_waiting', target, waiting
    );
    -- Who works on what.
    EXECUTE format(
        'CREATE INDEX %I ON %s (worker_id) WHERE status = %L',
        'idx_' || name || '_running', target, running
    );
    EXECUTE format(
        'CREATE UNIQUE INDEX %I ON %s (unique_key) WHERE unique_key IS NOT NULL AND %s',
        name || '_unique_key_live', target, live
    );
    EXECUTE format(
        'CREATE TRIGGER notify_jobs_on_insert AFTER INSERT ON %s'
        ' FOR EACH STATEMENT EXECUTE FUNCTION notify_lacuna_jobs()', target
    );
    EXECUTE format(
        'CREATE TRIGGER notify_jobs_on_update AFTER UPDATE OF status, cancel_requested ON %s'
        ' FOR EACH ROW WHEN (NEW.status IN (%L, %L) AND (OLD.status <> NEW.status'
        ' OR OLD.available_at IS DISTINCT FROM NEW.available_at)'
        ' OR NEW.cancel_requested AND NOT OLD.cancel_requested)'
        ' EXECUTE FUNCTION notify_lacuna_jobs()',
        target, ready, coalesce(retrying, ready)
    );
END
$$;
COMMENT ON FUNCTION install_queue(regclass, text, text, text) IS
    'Gives a table of jobs its indexes, storage settings and notifications; used by migrations.';
REVOKE EXECUTE ON FUNCTION install_queue(regclass, text, text, text) FROM PUBLIC;

CREATE FUNCTION uninstall_queue(target regclass) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    name text := (SELECT relname FROM pg_class WHERE oid = target);
BEGIN
    EXECUTE format('DROP TRIGGER IF EXISTS notify_jobs_on_insert ON %s', target);
    EXECUTE format('DROP TRIGGER IF EXISTS notify_jobs_on_update ON %s', target);
    EXECUTE format('DROP INDEX IF EXISTS %I', 'idx_' || name || '_ready');
    EXECUTE format('DROP INDEX IF EXISTS %I', 'idx_' || name || '_waiting');
    EXECUTE format('DROP INDEX IF EXISTS %I', 'idx_' || name || '_running');
    EXECUTE format('DROP INDEX IF EXISTS %I', name || '_unique_key_live');
    EXECUTE format(
        'ALTER TABLE %s RESET (fillfactor, autovacuum_vacuum_scale_factor,'
        ' autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay)', target
    );
END
$$;
COMMENT ON FUNCTION uninstall_queue(regclass) IS 'Undoes install_queue(); used by migrations.';
REVOKE EXECUTE ON FUNCTION uninstall_queue(regclass) FROM PUBLIC;
