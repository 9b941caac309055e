SELECT uninstall_queue('recurring_jobs');
DROP TRIGGER limit_recurring_job ON recurring_jobs;
DROP FUNCTION limit_recurring_job();
DROP TRIGGER validate_recurring_status ON recurring_jobs;
DROP FUNCTION validate_recurring_status_transition();
DROP TRIGGER update_job_schedule_updated_at ON job_schedule;
ALTER TABLE recurring_jobs DROP CONSTRAINT recurring_jobs_tick_check;
ALTER TABLE job_schedule DROP CONSTRAINT job_schedule_moments_check;
ALTER TABLE job_schedule RESET (fillfactor, autovacuum_vacuum_threshold);
