-- What the tables of files enforce by themselves, whoever writes to them; whose the rows are; the
-- queue of checks; and the audit log's guards.

SELECT set_on_delete('file_uploads', 'user_id', 'RESTRICT');
SELECT set_on_delete('file_checks', 'file_id', 'CASCADE');
SELECT set_on_delete('file_checks', 'user_id', 'RESTRICT');

CREATE INDEX idx_file_uploads_status ON file_uploads (status);
CREATE INDEX idx_file_uploads_created_at ON file_uploads (created_at DESC, id DESC);
CREATE INDEX idx_file_uploads_user ON file_uploads (user_id, created_at DESC, id DESC);
CREATE INDEX idx_file_uploads_sha256 ON file_uploads (sha256);
CREATE INDEX idx_file_uploads_original_filename
    ON file_uploads (lower(original_filename) text_pattern_ops);
CREATE INDEX idx_file_uploads_merged_files ON file_uploads USING gin (merged_files jsonb_path_ops)
    WHERE merged_files IS NOT NULL;
CREATE INDEX idx_file_checks_file ON file_checks (file_id, created_at DESC, id DESC);
CREATE INDEX idx_file_checks_user ON file_checks (user_id);

ALTER TABLE file_uploads ADD CONSTRAINT file_uploads_merged_files_check
    CHECK (merged_files IS NULL
        OR jsonb_typeof(merged_files) = 'array' AND octet_length(merged_files::text) <= 1000000);
ALTER TABLE file_uploads ADD CONSTRAINT file_uploads_header_check
    CHECK (header IS NULL
        OR jsonb_typeof(header) = 'array' AND jsonb_array_length(header) = column_count);
ALTER TABLE file_uploads ADD CONSTRAINT file_uploads_column_kinds_check
    CHECK (column_kinds IS NULL
        OR jsonb_typeof(column_kinds) = 'array' AND jsonb_array_length(column_kinds) = column_count);
ALTER TABLE file_uploads ADD CONSTRAINT file_uploads_remarks_check
    CHECK (jsonb_typeof(remarks) = 'array' AND octet_length(remarks::text) <= 1000000);
ALTER TABLE file_uploads ADD CONSTRAINT file_uploads_dialect_doubts_check
    CHECK (jsonb_typeof(dialect_doubts) = 'array' AND octet_length(dialect_doubts::text) <= 10000);

CREATE TRIGGER update_file_uploads_updated_at
    BEFORE UPDATE ON file_uploads
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- --- Files: the way to being read --------------------------------------------------------------

CREATE FUNCTION validate_file_status_transition() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.status = OLD.status
        OR (OLD.status, NEW.status) IN (
            ('pending', 'checking'), ('pending', 'ready'), ('pending', 'failed'),
            ('checking', 'ready'), ('checking', 'failed'), ('checking', 'pending'),
            ('ready', 'pending'), ('failed', 'pending')
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A file cannot go from % to %.', OLD.status, NEW.status
        USING ERRCODE = 'check_violation',
            TABLE = 'file_uploads',
            COLUMN = 'status',
            CONSTRAINT = 'file_uploads_status_transition',
            DETAIL = format('File %s (%s).', OLD.id, OLD.original_filename);
END
$$;
COMMENT ON FUNCTION validate_file_status_transition() IS
    'Trigger: refuses changes of file_uploads.status that are not allowed.';

CREATE TRIGGER validate_file_status
    BEFORE UPDATE OF status ON file_uploads
    FOR EACH ROW EXECUTE FUNCTION validate_file_status_transition();

-- What was handed in is fixed: nobody changes which bytes a row stands for. After the row, so that
-- whoever may not write it at all is told that first.
CREATE FUNCTION keep_file_identity() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'A file keeps its bytes, its parts, who handed it in and when.'
        USING ERRCODE = 'check_violation',
            TABLE = 'file_uploads',
            CONSTRAINT = 'file_uploads_identity',
            DETAIL = format('File %s (%s).', OLD.id, OLD.original_filename);
END
$$;
COMMENT ON FUNCTION keep_file_identity() IS
    'Trigger: refuses changes of what a file is and of who handed it in.';

CREATE TRIGGER keep_file_identity
    AFTER UPDATE ON file_uploads
    FOR EACH ROW WHEN (
        (OLD.id, OLD.sha256, OLD.file_size, OLD.file_path, OLD.merged_files, OLD.user_id,
            OLD.created_at)
        IS DISTINCT FROM
        (NEW.id, NEW.sha256, NEW.file_size, NEW.file_path, NEW.merged_files, NEW.user_id,
            NEW.created_at)
    )
    EXECUTE FUNCTION keep_file_identity();

-- --- Checks: the way of a job ------------------------------------------------------------------

CREATE FUNCTION validate_file_check_transition() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.status = OLD.status
        OR (OLD.status, NEW.status) IN (
            ('queued', 'running'), ('queued', 'cancelled'),
            ('running', 'done'), ('running', 'failed'), ('running', 'queued'),
            ('running', 'cancelled'), ('failed', 'queued'), ('failed', 'cancelled')
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A check of a file cannot go from % to %.', OLD.status, NEW.status
        USING ERRCODE = 'check_violation',
            TABLE = 'file_checks',
            COLUMN = 'status',
            CONSTRAINT = 'file_checks_status_transition',
            DETAIL = format('Check %s.', OLD.id);
END
$$;
COMMENT ON FUNCTION validate_file_check_transition() IS
    'Trigger: refuses changes of file_checks.status that are not allowed.';

CREATE TRIGGER validate_status
    BEFORE UPDATE OF status ON file_checks
    FOR EACH ROW EXECUTE FUNCTION validate_file_check_transition();

SELECT install_queue('file_checks', 'queued', 'running');

-- A file follows its check. ``ready``, and ``failed`` for what is wrong in the file, are written by
-- the check itself; this is for checks that could not be made. It is nobody's choice, and so not a
-- matter of who may see the row.
CREATE FUNCTION follow_file_checks() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF NEW.status = OLD.status THEN
        RETURN NULL;
    END IF;
    IF NEW.status = 'running' THEN
        UPDATE file_uploads SET status = 'checking' WHERE id = NEW.file_id AND status = 'pending';
    ELSIF NEW.status = 'failed' THEN
        UPDATE file_uploads
        SET status = 'failed', error_message = 'It could not be checked: '
            || coalesce(left(NEW.error_message, 10000), 'nobody knows why.')
        WHERE id = NEW.file_id AND status IN ('pending', 'checking');
        PERFORM audits.record(
            'file.checked', 'file', NEW.file_id::text, 'failure', NULL,
            jsonb_build_object(
                'job', NEW.id, 'asked_by', NEW.user_id, 'attempts', NEW.attempt,
                'error', left(NEW.error_message, 10000)
            )
        );
    ELSIF NEW.status = 'queued' AND OLD.status = 'failed' THEN
        UPDATE file_uploads SET status = 'pending', error_message = NULL
        WHERE id = NEW.file_id AND status = 'failed';
    ELSIF NEW.status IN ('queued', 'cancelled') THEN
        UPDATE file_uploads SET status = 'pending' WHERE id = NEW.file_id AND status = 'checking';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION follow_file_checks() IS
    'Trigger: keeps file_uploads.status in step with the queue of checks.';
REVOKE EXECUTE ON FUNCTION follow_file_checks() FROM PUBLIC;

CREATE TRIGGER follow_file_checks
    AFTER UPDATE OF status ON file_checks
    FOR EACH ROW EXECUTE FUNCTION follow_file_checks();

-- --- Whose they are, and what is written down --------------------------------------------------

SELECT confine('file_uploads');
SELECT confine('file_checks');

SELECT audits.guard('file_uploads', 'file', '{updated_at}');
SELECT guard_queue(
    'file_checks', 'failed', 'running', 'cancelled', 'file:file_id', inserts => true
);
