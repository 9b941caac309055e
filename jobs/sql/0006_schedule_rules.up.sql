-- A few rows that are updated at every tick: room for the next version on the same page.
ALTER TABLE job_schedule SET (fillfactor = 50, autovacuum_vacuum_threshold = 200);

CREATE TRIGGER update_job_schedule_updated_at
    BEFORE UPDATE OF cron, timezone, missed, tolerance_seconds, overlap, max_retries,
        time_limit_seconds, description, declared, paused_at, paused_by, pause_reason
    ON job_schedule
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- Moments that Python can read: one row with an infinite one would stop the schedule of all.
ALTER TABLE job_schedule ADD CONSTRAINT job_schedule_moments_check CHECK (
    next_at BETWEEN '0001-01-02Z' AND '9999-01-01Z'
    AND last_at BETWEEN '0001-01-02Z' AND '9999-01-01Z'
    AND paused_at BETWEEN '0001-01-02Z' AND '9999-01-01Z'
    AND created_at BETWEEN '0001-01-02Z' AND '9999-01-01Z'
    AND updated_at BETWEEN '0001-01-02Z' AND '9999-01-01Z'
);
-- A name stands in the address of its page.
ALTER TABLE job_schedule ADD CONSTRAINT job_schedule_name_check CHECK (name ~ '^[A-Za-z0-9_.-]+$');
-- NaN is greater than every number.
ALTER TABLE job_schedule ADD CONSTRAINT job_schedule_limit_check CHECK (
    time_limit_seconds > 0 AND time_limit_seconds <= 604800
);
ALTER TABLE recurring_jobs ADD CONSTRAINT recurring_jobs_limit_check CHECK (
    time_limit_seconds > 0 AND time_limit_seconds <= 604800
);
ALTER TABLE recurring_jobs ADD CONSTRAINT recurring_jobs_tick_check CHECK (
    tick BETWEEN '0001-01-02Z' AND '9999-01-01Z'
);

CREATE FUNCTION validate_recurring_status_transition() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.status = OLD.status
        OR (OLD.status, NEW.status) IN (
            ('queued', 'processing'), ('queued', 'cancelled'),
            ('processing', 'completed'), ('processing', 'failed'),
            ('processing', 'retrying'), ('processing', 'cancelled'),
            ('failed', 'retrying'), ('failed', 'cancelled'),
            ('retrying', 'queued'), ('retrying', 'processing'), ('retrying', 'cancelled')
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A run cannot go from % to %.', OLD.status, NEW.status
        USING ERRCODE = 'check_violation',
            TABLE = 'recurring_jobs',
            COLUMN = 'status',
            CONSTRAINT = 'recurring_jobs_status_transition',
            DETAIL = format('Run %s (%s).', OLD.id, OLD.name);
END
$$;
COMMENT ON FUNCTION validate_recurring_status_transition() IS
    'Trigger: refuses changes of recurring_jobs.status that are not allowed.';

CREATE TRIGGER validate_recurring_status
    BEFORE UPDATE OF status ON recurring_jobs
    FOR EACH ROW EXECUTE FUNCTION validate_recurring_status_transition();

-- A queue has one time limit; runs of different work need different ones.
CREATE FUNCTION limit_recurring_job() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.deadline_at := least(
        coalesce(NEW.started_at, now()) + NEW.time_limit_seconds * interval '1 second',
        NEW.expires_at
    );
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION limit_recurring_job() IS
    'Trigger: gives a run that a worker claims the deadline of its own time limit.';

CREATE TRIGGER limit_recurring_job
    BEFORE UPDATE OF status ON recurring_jobs
    FOR EACH ROW
    WHEN (NEW.status = 'processing' AND OLD.status <> 'processing'
        AND NEW.time_limit_seconds IS NOT NULL)
    EXECUTE FUNCTION limit_recurring_job();

SELECT install_queue('recurring_jobs', 'queued', 'processing', 'retrying');
