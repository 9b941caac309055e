-- Run before the columns go, so install_queue() would find them: the older line is made by hand.
SELECT uninstall_queue('processing_queue');
ALTER TABLE processing_queue DROP COLUMN turn;
SELECT install_queue('processing_queue', 'queued', 'processing', 'retrying');
ALTER TABLE processing_queue ADD COLUMN turn bigint;
