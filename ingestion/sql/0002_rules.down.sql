SELECT unguard_queue('file_checks');
SELECT audits.unguard('file_uploads');
SELECT unconfine('file_checks');
SELECT unconfine('file_uploads');
DROP TRIGGER follow_file_checks ON file_checks;
DROP FUNCTION follow_file_checks();
SELECT uninstall_queue('file_checks');
DROP TRIGGER validate_status ON file_checks;
DROP FUNCTION validate_file_check_transition();
DROP TRIGGER keep_file_identity ON file_uploads;
DROP FUNCTION keep_file_identity();
DROP TRIGGER validate_file_status ON file_uploads;
DROP FUNCTION validate_file_status_transition();
DROP TRIGGER update_file_uploads_updated_at ON file_uploads;
ALTER TABLE file_uploads DROP CONSTRAINT file_uploads_dialect_doubts_check;
ALTER TABLE file_uploads DROP CONSTRAINT file_uploads_remarks_check;
ALTER TABLE file_uploads DROP CONSTRAINT file_uploads_column_kinds_check;
ALTER TABLE file_uploads DROP CONSTRAINT file_uploads_header_check;
ALTER TABLE file_uploads DROP CONSTRAINT file_uploads_merged_files_check;
DROP INDEX idx_file_checks_user, idx_file_checks_file, idx_file_uploads_merged_files,
    idx_file_uploads_original_filename, idx_file_uploads_sha256, idx_file_uploads_user, idx_file_uploads_created_at,
    idx_file_uploads_status;
SELECT set_on_delete('file_checks', 'user_id', 'NO ACTION');
SELECT set_on_delete('file_checks', 'file_id', 'NO ACTION');
SELECT set_on_delete('file_uploads', 'user_id', 'NO ACTION');
