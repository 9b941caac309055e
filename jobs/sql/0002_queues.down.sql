DROP FUNCTION uninstall_queue(regclass);
DROP FUNCTION install_queue(regclass, text, text, text);
DROP FUNCTION notify_lacuna_jobs();
ALTER TABLE job_workers RESET (fillfactor, autovacuum_vacuum_threshold);
