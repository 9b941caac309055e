SELECT unguard_queue('recurring_jobs');
DROP FUNCTION guard_queue(regclass, text, text, text, text, boolean);
DROP FUNCTION unguard_queue(regclass);
DROP FUNCTION log_job_event();
SELECT audits.unguard('job_schedule');
SELECT audits.unguard('job_queues');
DO $$
BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
END
$$;
