DROP TRIGGER notify_queue_on_change ON job_queues;
DROP FUNCTION notify_lacuna_queue();
DROP TRIGGER update_job_queues_updated_at ON job_queues;
DROP FUNCTION install_turns(regclass, text);
ALTER TABLE job_queues DROP CONSTRAINT job_queues_values_check;
ALTER TABLE job_lines DROP CONSTRAINT job_lines_turn_check;
ALTER TABLE job_attempts DROP CONSTRAINT job_attempts_moments_check;
ALTER TABLE job_statistics DROP CONSTRAINT job_statistics_values_check;
ALTER TABLE job_workers DROP CONSTRAINT job_workers_values_check;
ALTER TABLE job_queues RESET (fillfactor, autovacuum_vacuum_threshold);
ALTER TABLE job_lines RESET (fillfactor, autovacuum_vacuum_threshold);
ALTER TABLE job_statistics RESET (fillfactor, autovacuum_vacuum_threshold);

CREATE OR REPLACE FUNCTION install_queue(
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
CREATE OR REPLACE FUNCTION uninstall_queue(target regclass) RETURNS void
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
