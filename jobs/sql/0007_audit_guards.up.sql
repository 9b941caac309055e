-- Queues, the schedule and jobs in the audit log: what an action records has its entry; what plain
-- SQL changes gets one by trigger at the end of the transaction (log_audit_event).

-- What triggers change in consequence of other changes is not noticed. So that nobody brings a
-- trigger of their own, who does not own the database makes no temporary table or function.
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;

-- --- Switches and schedule, by their names -------------------------------------------------------

-- Workers write tokens and tokens_at with every claim of a queue that has a rate.
SELECT audits.guard('job_queues', 'queue', '{tokens,tokens_at,updated_at}', key => 'table_name');
-- Workers move next_at, last_at and last_job_id at every tick.
SELECT audits.guard(
    'job_schedule', 'schedule_entry', '{next_at,last_at,last_job_id,updated_at}', key => 'name'
);

-- --- Jobs ---------------------------------------------------------------------------------------

-- As log_audit_event(), for the rows of queues: an entry about the queue covers all of them, as
-- when many are cancelled or old ones deleted; so does one about what the job is for.
-- Arguments: columns that are not noticed, and the noun and column of what the job is for.
CREATE FUNCTION log_job_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unnoticed text[] := TG_ARGV[0]::text[];
    was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    became jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    row_now jsonb := coalesce(became, was);
    before_it jsonb;
    after_it jsonb;
BEGIN
    IF audits.is_recorded('job', row_now ->> 'id')
        OR audits.is_recorded('queue', TG_TABLE_NAME)
        OR TG_ARGV[1] <> '' AND audits.is_recorded(TG_ARGV[1], row_now ->> TG_ARGV[2])
    THEN
        RETURN NULL;
    END IF;
    SELECT
        jsonb_object_agg(key, audits.abridged(was -> key)) FILTER (WHERE was IS NOT NULL),
        jsonb_object_agg(key, audits.abridged(became -> key)) FILTER (WHERE became IS NOT NULL)
    INTO before_it, after_it
    FROM jsonb_object_keys(row_now) AS keys (key)
    WHERE CASE TG_OP
        WHEN 'UPDATE' THEN (key <> ALL (unnoticed) OR key IN ('status', 'cancel_requested'))
            AND was -> key IS DISTINCT FROM became -> key
        ELSE row_now -> key <> 'null'
    END;
    PERFORM audits.record(
        'job.' || CASE TG_OP WHEN 'INSERT' THEN 'inserted' WHEN 'UPDATE' THEN 'updated'
            ELSE 'deleted' END,
        'job', row_now ->> 'id', 'success',
        jsonb_build_object('before', before_it, 'after', after_it),
        jsonb_build_object('queue', TG_TABLE_NAME), true
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION log_job_event() IS
    'Trigger: records what changed in a queue beside the engine, unless an action has recorded it.';

-- Has the log notice what the engine never does with a job, at no cost to what it does all the
-- time: the triggers name columns that its statements do not set, but for the status, where two
-- words tell the engine's steps from others. (Plain SQL that imitates a worker's claim or its end
-- of a job is not told from a worker's.)
--   parent  'noun:column': what the jobs are for; an entry about that covers them too
--   inserts whether a new job without an entry is noticed
CREATE FUNCTION guard_queue(
    target regclass, failed text, running text, cancelled text, parent text DEFAULT '',
    inserts boolean DEFAULT false
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    engine text[] := ARRAY[
        'status', 'retry_count', 'error_message', 'last_error_at', 'started_at', 'completed_at',
        'estimated_completion_at', 'worker_id', 'attempt', 'available_at', 'expires_at',
        'deadline_at', 'turn', 'cancel_requested', 'progress_done', 'progress_total',
        'progress_message'
    ];
    arguments text := format(
        '%L, %L, %L', engine::text, split_part(parent, ':', 1), split_part(parent, ':', 2)
    );
    noticed text;
    compared text;
BEGIN
    SELECT string_agg(format('%I', attname), ', ' ORDER BY attnum),
        string_agg(format('OLD.%1$I IS DISTINCT FROM NEW.%1$I', attname), ' OR ' ORDER BY attnum)
    INTO noticed, compared
    FROM pg_attribute
    WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
        AND attname <> ALL (engine);
    PERFORM unguard_queue(target);
    EXECUTE format(
        'CREATE CONSTRAINT TRIGGER log_audit_event AFTER %s ON %s DEFERRABLE INITIALLY DEFERRED'
        ' FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION log_job_event(%s)',
        CASE WHEN inserts THEN 'INSERT OR DELETE' ELSE 'DELETE' END, target, arguments
    );
    EXECUTE format(
        'CREATE CONSTRAINT TRIGGER log_audit_update AFTER UPDATE OF %s ON %s'
        ' DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND (%s))'
        ' EXECUTE FUNCTION log_job_event(%s)', noticed, target, compared, arguments
    );
    -- Retried, cancelled or asked to stop: by people alone, but for jobs not begun in time.
    EXECUTE format(
        'CREATE CONSTRAINT TRIGGER log_audit_status AFTER UPDATE OF status, cancel_requested ON %s'
        ' DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ('
        'OLD.status = %L AND NEW.status <> %L'
        ' OR NEW.status = %L AND OLD.status NOT IN (%L, %L)'
        ' AND (OLD.expires_at IS NULL OR OLD.expires_at > statement_timestamp())'
        ' OR NEW.cancel_requested AND NOT OLD.cancel_requested)'
        ' EXECUTE FUNCTION log_job_event(%s)',
        target, failed, failed, cancelled, running, cancelled, arguments
    );
    EXECUTE format(
        'CREATE TRIGGER log_audit_truncate AFTER TRUNCATE ON %s'
        ' FOR EACH STATEMENT EXECUTE FUNCTION audits.log_truncate(''job'')', target
    );
END
$$;
COMMENT ON FUNCTION guard_queue(regclass, text, text, text, text, boolean) IS
    'Has the audit log notice what is done to jobs beside the engine.';
REVOKE EXECUTE ON FUNCTION guard_queue(regclass, text, text, text, text, boolean) FROM PUBLIC;

CREATE FUNCTION unguard_queue(target regclass) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'log_audit_event', 'log_audit_update', 'log_audit_status', 'log_audit_truncate'
    ] LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', name, target);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION unguard_queue(regclass) FROM PUBLIC;

-- Ticks insert these: an entry of the schedule is what was decided, and is guarded itself.
SELECT guard_queue('recurring_jobs', 'failed', 'processing', 'cancelled');
