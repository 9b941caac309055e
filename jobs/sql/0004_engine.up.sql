-- Small rows that change all the time: room for the next version on the same page (HOT updates).
ALTER TABLE job_queues SET (fillfactor = 50, autovacuum_vacuum_threshold = 200);
ALTER TABLE job_lines SET (fillfactor = 50, autovacuum_vacuum_threshold = 200);
ALTER TABLE job_statistics SET (fillfactor = 50, autovacuum_vacuum_threshold = 200);

-- What Python cannot read, or what would leave no room to count on, would stop every worker.
ALTER TABLE job_queues ADD CONSTRAINT job_queues_values_check CHECK (
    tokens BETWEEN -1e9 AND 1e9
    AND tokens_at BETWEEN '0001-01-02Z' AND '9999-01-01Z' AND paused_at BETWEEN '0001-01-02Z' AND '9999-01-01Z'
    AND created_at BETWEEN '0001-01-02Z' AND '9999-01-01Z' AND updated_at BETWEEN '0001-01-02Z' AND '9999-01-01Z'
);
ALTER TABLE job_lines ADD CONSTRAINT job_lines_turn_check CHECK (turn BETWEEN 0 AND 6e18);
ALTER TABLE job_attempts ADD CONSTRAINT job_attempts_moments_check CHECK (
    started_at BETWEEN '0001-01-02Z' AND '9999-01-01Z' AND ended_at BETWEEN '0001-01-02Z' AND '9999-01-01Z'
);
ALTER TABLE job_statistics ADD CONSTRAINT job_statistics_values_check CHECK (
    minute BETWEEN '0001-01-02Z' AND '9999-01-01Z'
    AND least(done, failed, retried, cancelled) >= 0
    AND greatest(done, failed, retried, cancelled) <= 1e18
    AND wait_seconds BETWEEN 0 AND 1e18 AND run_seconds BETWEEN 0 AND 1e18
    AND array_ndims(waits) = 1 AND array_ndims(runs) = 1
    AND cardinality(waits) = 107 AND cardinality(runs) = 107
    AND array_position(waits, NULL) IS NULL AND array_position(runs, NULL) IS NULL
    AND 0 <= ALL (waits) AND 0 <= ALL (runs)
    AND 1000000000000000000 >= ALL (waits) AND 1000000000000000000 >= ALL (runs)
);
ALTER TABLE job_workers ADD CONSTRAINT job_workers_values_check CHECK (
    jsonb_typeof(queues) = 'array' AND octet_length(queues::text) <= 10000
    AND NOT jsonb_path_exists(queues, '$[*] ? (@.type() != "string")')
    AND busy >= 0
    AND started_at BETWEEN '0001-01-02Z' AND '9999-01-01Z' AND last_seen_at BETWEEN '0001-01-02Z' AND '9999-01-01Z'
    AND stopped_at BETWEEN '0001-01-02Z' AND '9999-01-01Z'
);

CREATE TRIGGER update_job_queues_updated_at
    BEFORE UPDATE OF paused_at, paused_by, pause_reason, rate_limit, rate_seconds ON job_queues
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- A queue that was resumed, or may go faster, wakes its workers.
CREATE FUNCTION notify_lacuna_queue() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('lacuna_jobs', NEW.table_name);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION notify_lacuna_queue() IS
    'Trigger: tells the workers (channel lacuna_jobs) that a queue''s switches have changed.';

CREATE TRIGGER notify_queue_on_change
    AFTER INSERT OR UPDATE OF paused_at, rate_limit, rate_seconds ON job_queues
    FOR EACH ROW EXECUTE FUNCTION notify_lacuna_queue();

-- Gives a queue's rows their turn: fair queueing by start tags (Goyal, Vin and Cheng, 1996). A job
-- takes the turn after its person's last one in the line, but none that is already past.
CREATE FUNCTION install_turns(target regclass, ready text) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    name text := (SELECT relname FROM pg_class WHERE oid = target);
    of_person text := '0';
    has_person boolean := EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = target AND attname = 'user_id' AND NOT attisdropped
    );
BEGIN
    EXECUTE format(
        'CREATE INDEX %I ON %s ((-priority), turn, id) WHERE status = %L AND available_at IS NULL',
        'idx_' || name || '_ready', target, ready
    );
    IF has_person THEN
        -- Each person's own line; jobs for nobody share one. Its condition is written otherwise
        -- than the line's, so that the planner never takes the one index for the other: without
        -- statistics they look alike, and the line of all is long.
        EXECUTE format(
            'CREATE INDEX %I ON %s ((-priority),'
            ' (coalesce(user_id, ''00000000-0000-0000-0000-000000000000''::uuid)), turn, id)'
            ' WHERE status || '''' = %L AND available_at IS NULL',
            'idx_' || name || '_turns', target, ready
        );
        of_person := format(
            '(SELECT q.turn FROM %s q WHERE q.status || '''' = %L AND q.available_at IS NULL'
            ' AND -q.priority = -class AND coalesce(q.user_id,'
            ' ''00000000-0000-0000-0000-000000000000''::uuid)'
            ' = coalesce(who, ''00000000-0000-0000-0000-000000000000''::uuid)'
            ' ORDER BY q.turn DESC LIMIT 1)', target, ready
        );
    END IF;
    EXECUTE format(
        -- One INSERT of many rows keeps the plan of its first, made when the table was small.
        'CREATE FUNCTION %I(who uuid, class integer) RETURNS bigint LANGUAGE sql VOLATILE'
        ' SET enable_seqscan = off SET enable_bitmapscan = off AS %L',
        'last_turn_' || name,
        format(
            'SELECT least(4e18, greatest(0, (SELECT l.turn FROM job_lines l'
            ' WHERE l.table_name = %L AND l.priority = class), %s))::bigint', name, of_person
        )
    );
    EXECUTE format(
        'CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql AS %L',
        'take_turn_' || name,
        format(
            E'BEGIN\n    NEW.turn := %I(%s, NEW.priority) + 1;\n    RETURN NEW;\nEND',
            'last_turn_' || name,
            CASE WHEN has_person THEN 'NEW.user_id' ELSE 'NULL' END
        )
    );
    EXECUTE format(
        'CREATE TRIGGER take_turn_on_insert BEFORE INSERT ON %s FOR EACH ROW'
        ' WHEN (NEW.turn IS NULL) EXECUTE FUNCTION %I()', target, 'take_turn_' || name
    );
    EXECUTE format(
        'CREATE TRIGGER take_turn_on_update BEFORE UPDATE OF priority ON %s FOR EACH ROW'
        ' WHEN (NEW.priority <> OLD.priority) EXECUTE FUNCTION %I()', target, 'take_turn_' || name
    );
END
$$;
COMMENT ON FUNCTION install_turns(regclass, text) IS
    'The part of install_queue() that makes the line fair between people.';
REVOKE EXECUTE ON FUNCTION install_turns(regclass, text) FROM PUBLIC;

-- As before, with turns. A table that has no turns yet keeps the older line until a migration of
-- its own adds the column and installs it anew.
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
    IF EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = target AND attname = 'turn' AND NOT attisdropped
    ) THEN
        PERFORM install_turns(target, ready);
        EXECUTE format(
            'ALTER TABLE %s ADD CONSTRAINT %I CHECK (turn BETWEEN 0 AND 6e18'
            ' AND expires_at BETWEEN ''0001-01-02Z'' AND ''9999-01-01Z'')',
            target, name || '_line_check'
        );
        -- What must have begun by a certain moment.
        EXECUTE format(
            'CREATE INDEX %I ON %s (expires_at) WHERE expires_at IS NOT NULL AND status IN (%L, %L)',
            'idx_' || name || '_expiring', target, ready, coalesce(retrying, ready)
        );
    ELSE
        EXECUTE format(
            'CREATE INDEX %I ON %s (priority DESC, created_at, id)'
            ' WHERE status = %L AND available_at IS NULL',
            'idx_' || name || '_ready', target, ready
        );
    END IF;
    EXECUTE format(
        'ALTER TABLE %s ADD CONSTRAINT %I CHECK (attempt <= 2000000000 AND retry_count <= 1000000000'
        ' AND max_retries <= 1000000000 AND octet_length(error_message) <= 1000000'
        ' AND created_at BETWEEN ''0001-01-02Z'' AND ''9999-01-01Z'' AND available_at BETWEEN ''0001-01-02Z'' AND ''9999-01-01Z'''
        ' AND started_at BETWEEN ''0001-01-02Z'' AND ''9999-01-01Z'' AND completed_at BETWEEN ''0001-01-02Z'' AND ''9999-01-01Z'''
        ' AND deadline_at BETWEEN ''0001-01-02Z'' AND ''9999-01-01Z'' AND last_error_at BETWEEN ''0001-01-02Z'' AND ''9999-01-01Z'''
        ' AND estimated_completion_at BETWEEN ''0001-01-02Z'' AND ''9999-01-01Z'')',
        target, name || '_engine_check'
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
    EXECUTE format('DROP TRIGGER IF EXISTS take_turn_on_insert ON %s', target);
    EXECUTE format('DROP TRIGGER IF EXISTS take_turn_on_update ON %s', target);
    EXECUTE format('DROP FUNCTION IF EXISTS %I()', 'take_turn_' || name);
    EXECUTE format('DROP FUNCTION IF EXISTS %I(uuid, integer)', 'last_turn_' || name);
    EXECUTE format(
        'ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I, DROP CONSTRAINT IF EXISTS %I',
        target, name || '_engine_check', name || '_line_check'
    );
    EXECUTE format('DROP INDEX IF EXISTS %I', 'idx_' || name || '_ready');
    EXECUTE format('DROP INDEX IF EXISTS %I', 'idx_' || name || '_turns');
    EXECUTE format('DROP INDEX IF EXISTS %I', 'idx_' || name || '_expiring');
    EXECUTE format('DROP INDEX IF EXISTS %I', 'idx_' || name || '_waiting');
    EXECUTE format('DROP INDEX IF EXISTS %I', 'idx_' || name || '_running');
    EXECUTE format('DROP INDEX IF EXISTS %I', name || '_unique_key_live');
    EXECUTE format(
        'ALTER TABLE %s RESET (fillfactor, autovacuum_vacuum_scale_factor,'
        ' autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay)', target
    );
END
$$;
