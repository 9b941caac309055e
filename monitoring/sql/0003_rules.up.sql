-- What the tables of monitoring enforce by themselves, whoever writes to them.

SELECT set_on_delete('config_data', 'created_by', 'RESTRICT');
SELECT set_on_delete('datasets', 'user_id', 'CASCADE');
SELECT set_on_delete('dinsight_data', 'file_upload_id', 'RESTRICT');
SELECT set_on_delete('dinsight_data', 'config_id', 'RESTRICT');
SELECT set_on_delete('dinsight_data', 'user_id', 'RESTRICT');
SELECT set_on_delete('feature_data', 'file_upload_id', 'CASCADE');
SELECT set_on_delete('feature_data', 'user_id', 'RESTRICT');
SELECT set_on_delete('analyses', 'dataset_id', 'CASCADE');
SELECT set_on_delete('analyses', 'file_upload_id', 'RESTRICT');
SELECT set_on_delete('analyses', 'dinsight_id', 'RESTRICT');
SELECT set_on_delete('analyses', 'created_by', 'RESTRICT');
SELECT set_on_delete('analyses', 'user_id', 'RESTRICT');
SELECT set_on_delete('analyses', 'config_id', 'RESTRICT');
SELECT set_on_delete('monitor_data_archive', 'dinsight_id', 'RESTRICT');
SELECT set_on_delete('monitor_data_archive', 'user_id', 'RESTRICT');
SELECT set_on_delete('analysis_archives', 'user_id', 'RESTRICT');

CREATE INDEX idx_config_data_created_at ON config_data (created_at DESC);
CREATE INDEX idx_config_data_created_by ON config_data (created_by);
CREATE INDEX idx_datasets_user ON datasets (user_id, created_at DESC, id DESC);
CREATE INDEX idx_datasets_active ON datasets (is_active);
CREATE INDEX idx_datasets_tags ON datasets USING gin (tags);
CREATE INDEX idx_dinsight_data_file_upload ON dinsight_data (file_upload_id);
CREATE INDEX idx_dinsight_data_config ON dinsight_data (config_id);
CREATE INDEX idx_dinsight_data_user ON dinsight_data (user_id, created_at DESC, id DESC);
CREATE INDEX idx_feature_data_file_upload ON feature_data (file_upload_id, row_start);
CREATE INDEX idx_feature_data_user ON feature_data (user_id);
CREATE INDEX idx_analyses_dataset ON analyses (dataset_id, created_at DESC, id DESC);
CREATE INDEX idx_analyses_status ON analyses (status);
CREATE INDEX idx_analyses_created_at ON analyses (created_at DESC, id DESC);
CREATE INDEX idx_analyses_file_upload ON analyses (file_upload_id);
CREATE INDEX idx_analyses_dinsight ON analyses (dinsight_id);
CREATE INDEX idx_analyses_created_by ON analyses (created_by);
CREATE INDEX idx_analyses_user ON analyses (user_id, created_at DESC, id DESC);
CREATE INDEX idx_analyses_config ON analyses (config_id);
CREATE INDEX idx_monitor_data_archive_user ON monitor_data_archive (user_id);
CREATE INDEX idx_analysis_archives_user ON analysis_archives (user_id, first_at);

-- Numbers as they were measured hardly shrink, and trying costs more than writing them.
ALTER TABLE feature_data ALTER COLUMN feature_values SET STORAGE EXTERNAL;
ALTER TABLE dinsight_data ALTER COLUMN baseline SET STORAGE EXTERNAL;

-- --- Values --------------------------------------------------------------------------------------

-- What monitoring.maps.problems() says of single values.
ALTER TABLE config_data ADD CONSTRAINT config_data_words_check CHECK (
    optimizer IN ('adam', 'sgd') AND which_w1 IN ('auto', 'fixed', 'anneal')
    AND mode IN ('kanadaSan', 'pca') AND objective IN ('similarity', 'stress')
    AND feature_scaling IN ('none', 'zscore', 'robust')
    AND score IN ('feature_knn', 'feature_mahalanobis', 'map_mahalanobis')
);
ALTER TABLE config_data ADD CONSTRAINT config_data_columns_check CHECK (
    btrim(end_meta) <> '' AND btrim(start_dim) <> '' AND btrim(end_dim) <> ''
    AND end_meta <> start_dim AND end_meta <> end_dim
);
ALTER TABLE config_data ADD CONSTRAINT config_data_numbers_check CHECK (
    gamma0 >= 0 AND gamma0 < 1 AND alpha > 0 AND alpha <= 10 AND imax BETWEEN 1 AND 100000
    AND lowdim = 2 AND eta >= 0 AND eta < 1 AND epsilon > 0 AND epsilon <= 0.1
    AND beta1 >= 0 AND beta1 < 1 AND beta2 >= 0 AND beta2 < 1 AND beta > 0 AND beta < 1
    AND a BETWEEN 0 AND 1 AND w1 BETWEEN 1e-5 AND 100 AND w2 BETWEEN 1e-5 AND 100
    AND param_mode > 0 AND param_mode <= 100 AND seed >= 0
    AND alarm_level > 0 AND alarm_level < 1
);

ALTER TABLE datasets ADD CONSTRAINT datasets_metadata_check
    CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 1000000);
ALTER TABLE datasets ADD CONSTRAINT datasets_tags_check
    CHECK (cardinality(tags) <= 100 AND array_position(tags, NULL) IS NULL);
ALTER TABLE datasets ADD CONSTRAINT datasets_sealed_check
    CHECK (sealed_metadata IS NULL OR metadata = '{}');

-- A map that takes samples has all that this needs; one that was brought from elsewhere, nothing.
ALTER TABLE dinsight_data ADD CONSTRAINT dinsight_data_places_check CHECK (
    cardinality(x_values) = row_count AND cardinality(y_values) = row_count
);
ALTER TABLE dinsight_data ADD CONSTRAINT dinsight_data_whole_check CHECK (
    num_nulls(
        baseline, baseline_sha256, detector, detector_sha256, anchor_count, cost, iterations,
        stop_reason, stress, trustworthiness, correlation, quality_rows, calibrated,
        calibration_count
    ) IN (0, 14)
);
ALTER TABLE dinsight_data ADD CONSTRAINT dinsight_data_sha256_check CHECK (
    encode(sha256(baseline), 'hex') = baseline_sha256
    AND encode(sha256(detector), 'hex') = detector_sha256
);

ALTER TABLE feature_data ADD CONSTRAINT feature_data_values_check CHECK (
    array_ndims(feature_values) = 2 AND array_length(feature_values, 1) = row_count
);

ALTER TABLE monitor_data_archive ADD CONSTRAINT monitor_data_archive_rows_check CHECK (
    row_count >= 1 AND cardinality(x_micros) = row_count AND cardinality(y_micros) = row_count
    AND (scores IS NULL OR cardinality(scores) = row_count)
    AND (ranks IS NULL OR cardinality(ranks) = row_count)
    AND (severities IS NULL OR cardinality(severities) = row_count)
    AND (off_map IS NULL OR cardinality(off_map) = row_count)
    AND (ranks IS NULL) = (rank_of IS NULL)
    AND cardinality(slots) = cardinality(kinds) AND cardinality(exponents) = cardinality(kinds)
    AND cardinality(bases) = cardinality(kinds)
);

CREATE TRIGGER update_datasets_updated_at
    BEFORE UPDATE ON datasets
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- --- Whose a row is ------------------------------------------------------------------------------

-- The owner of a row is that of what it belongs to. Read with the rights of whoever writes: of what
-- they cannot see there is no owner, and the row is refused.
CREATE FUNCTION take_owner_of_dataset() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.user_id := (SELECT d.user_id FROM datasets d WHERE d.id = NEW.dataset_id);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION take_owner_of_dataset() IS 'Trigger: a row is its dataset''s owner''s.';

CREATE FUNCTION take_owner_of_map() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.user_id := (SELECT m.user_id FROM dinsight_data m WHERE m.id = NEW.dinsight_id);
    IF TG_TABLE_NAME <> 'monitor_data_archive' THEN
        NEW.row_count := coalesce(NEW.row_count, cardinality(NEW.x_values));
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION take_owner_of_map() IS 'Trigger: samples are their map''s owner''s.';

CREATE FUNCTION take_owner_of_file() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.user_id := (SELECT f.user_id FROM file_uploads f WHERE f.id = NEW.file_upload_id);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION take_owner_of_file() IS 'Trigger: a row is its file''s owner''s.';

CREATE FUNCTION count_map_rows() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.row_count := coalesce(NEW.row_count, cardinality(NEW.x_values));
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION count_map_rows() IS 'Trigger: fills in how many rows a map has.';

-- Blocks that plain SQL adds follow those that are there.
CREATE FUNCTION place_feature_rows() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.row_count := coalesce(NEW.row_count, array_length(NEW.feature_values, 1));
    NEW.row_start := coalesce(NEW.row_start, 1 + (
        SELECT coalesce(max(f.row_start + f.row_count - 1), 0) FROM feature_data f
        WHERE f.file_upload_id = NEW.file_upload_id AND f.source_key = NEW.source_key
    ));
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION place_feature_rows() IS
    'Trigger: fills in where a block of features stands in its file.';

CREATE TRIGGER take_owner BEFORE INSERT ON anomalies
    FOR EACH ROW EXECUTE FUNCTION take_owner_of_dataset();
CREATE TRIGGER take_owner BEFORE INSERT ON dinsight_data
    FOR EACH ROW EXECUTE FUNCTION take_owner_of_file();
CREATE TRIGGER count_rows BEFORE INSERT ON dinsight_data
    FOR EACH ROW EXECUTE FUNCTION count_map_rows();
CREATE TRIGGER take_owner BEFORE INSERT ON feature_data
    FOR EACH ROW EXECUTE FUNCTION take_owner_of_file();
CREATE TRIGGER place_rows BEFORE INSERT ON feature_data
    FOR EACH ROW EXECUTE FUNCTION place_feature_rows();
CREATE TRIGGER take_owner BEFORE INSERT ON monitor_data
    FOR EACH ROW EXECUTE FUNCTION take_owner_of_map();
CREATE TRIGGER take_owner BEFORE INSERT ON monitor_data_archive
    FOR EACH ROW EXECUTE FUNCTION take_owner_of_map();

CREATE FUNCTION take_owner_of_analysis() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.user_id := (SELECT d.user_id FROM datasets d WHERE d.id = NEW.dataset_id);
    IF NEW.user_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM file_uploads f WHERE f.id = NEW.file_upload_id AND f.user_id = NEW.user_id
    ) THEN
        RAISE EXCEPTION 'A dataset takes files of its owner alone.'
            USING ERRCODE = 'check_violation', TABLE = 'analyses', COLUMN = 'file_upload_id',
                CONSTRAINT = 'analyses_file_owner';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION take_owner_of_analysis() IS
    'Trigger: an analysis is its dataset''s owner''s, and so is its file.';
CREATE TRIGGER take_owner BEFORE INSERT ON analyses
    FOR EACH ROW EXECUTE FUNCTION take_owner_of_analysis();

CREATE FUNCTION keep_dataset_owner() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'A dataset keeps its owner, since its analyses and files are theirs too.'
        USING ERRCODE = 'check_violation', TABLE = 'datasets', COLUMN = 'user_id',
            CONSTRAINT = 'datasets_owner', DETAIL = format('Dataset %s (%s).', OLD.id, OLD.name);
END
$$;
COMMENT ON FUNCTION keep_dataset_owner() IS 'Trigger: refuses another owner of a dataset.';
CREATE TRIGGER keep_owner AFTER UPDATE OF user_id ON datasets
    FOR EACH ROW WHEN (OLD.user_id IS DISTINCT FROM NEW.user_id)
    EXECUTE FUNCTION keep_dataset_owner();

-- --- Analyses ------------------------------------------------------------------------------------

CREATE FUNCTION validate_analysis_transition() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.status = OLD.status
        OR (OLD.status, NEW.status) IN (
            ('pending', 'processing'), ('pending', 'cancelled'),
            ('processing', 'completed'), ('processing', 'failed'), ('processing', 'pending'),
            ('processing', 'cancelled'), ('failed', 'pending'), ('failed', 'cancelled')
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'An analysis cannot go from % to %.', OLD.status, NEW.status
        USING ERRCODE = 'check_violation', TABLE = 'analyses', COLUMN = 'status',
            CONSTRAINT = 'analyses_status_transition', DETAIL = format('Analysis %s.', OLD.id);
END
$$;
COMMENT ON FUNCTION validate_analysis_transition() IS
    'Trigger: refuses changes of analyses.status that are not allowed.';
CREATE TRIGGER validate_status BEFORE UPDATE OF status ON analyses
    FOR EACH ROW EXECUTE FUNCTION validate_analysis_transition();

CREATE FUNCTION keep_analysis() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'An analysis keeps what it is about, and what came out of it.'
        USING ERRCODE = 'check_violation', TABLE = 'analyses',
            CONSTRAINT = 'analyses_identity', DETAIL = format('Analysis %s.', OLD.id);
END
$$;
COMMENT ON FUNCTION keep_analysis() IS
    'Trigger: refuses changes of what an analysis is about and of its results.';
CREATE TRIGGER keep_analysis AFTER UPDATE ON analyses
    FOR EACH ROW WHEN (
        (OLD.id, OLD.dataset_id, OLD.file_upload_id, OLD.analysis_type, OLD.created_by,
            OLD.user_id, OLD.config_id, OLD.alarm_level, OLD.created_at)
        IS DISTINCT FROM
        (NEW.id, NEW.dataset_id, NEW.file_upload_id, NEW.analysis_type, NEW.created_by,
            NEW.user_id, NEW.config_id, NEW.alarm_level, NEW.created_at)
        OR OLD.status = 'completed'
            AND (OLD.results, OLD.dinsight_id) IS DISTINCT FROM (NEW.results, NEW.dinsight_id)
    )
    EXECUTE FUNCTION keep_analysis();

SELECT install_queue('analyses', 'pending', 'processing');

-- What follows from an analysis is nobody's choice, and so not a matter of who may see the row.
CREATE FUNCTION follow_analyses() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF NEW.status = 'completed' THEN
        UPDATE datasets SET last_analysis_at = coalesce(NEW.completed_at, now())
        WHERE id = NEW.dataset_id
            AND (last_analysis_at IS NULL OR last_analysis_at < coalesce(NEW.completed_at, now()));
    ELSIF NEW.status = 'failed' THEN
        PERFORM audits.record(
            'dataset.analysis_failed', 'dataset', NEW.dataset_id::text, 'failure', NULL,
            jsonb_build_object(
                'analysis', NEW.id, 'type', NEW.analysis_type, 'file', NEW.file_upload_id,
                'asked_by', NEW.created_by, 'attempts', NEW.attempt,
                'error', left(NEW.error_message, 10000)
            )
        );
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION follow_analyses() IS
    'Trigger: keeps datasets.last_analysis_at, and records analyses that failed for good.';
REVOKE EXECUTE ON FUNCTION follow_analyses() FROM PUBLIC;
CREATE TRIGGER follow_analyses AFTER UPDATE OF status ON analyses
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION follow_analyses();

-- --- Samples and anomalies -----------------------------------------------------------------------

CREATE FUNCTION keep_monitor_data() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM monitor_data_archive a
        WHERE a.dinsight_id = OLD.dinsight_id AND a.process_order = OLD.process_order
            AND a.row_count = OLD.row_count
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'Samples stay. Only those go that are in monitor_data_archive.'
        USING ERRCODE = 'check_violation', TABLE = 'monitor_data',
            CONSTRAINT = 'monitor_data_kept',
            DETAIL = format('Samples from %s on of map %s.', OLD.process_order, OLD.dinsight_id);
END
$$;
COMMENT ON FUNCTION keep_monitor_data() IS
    'Trigger: refuses to delete samples that were not packed.';
CREATE TRIGGER keep_monitor_data BEFORE DELETE ON monitor_data
    FOR EACH ROW EXECUTE FUNCTION keep_monitor_data();

CREATE FUNCTION keep_anomaly() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    free text[] := '{acknowledged,acknowledged_by,acknowledged_at}';
BEGIN
    IF to_jsonb(OLD) - free IS DISTINCT FROM to_jsonb(NEW) - free THEN
        RAISE EXCEPTION 'An anomaly stays what it is; it can be acknowledged.'
            USING ERRCODE = 'check_violation', TABLE = 'anomalies',
                CONSTRAINT = 'anomalies_identity', DETAIL = format('Anomaly %s.', OLD.id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION keep_anomaly() IS
    'Trigger: refuses changes of an anomaly but its acknowledgement.';
-- After the row, so that whoever may not write it at all is told that first.
CREATE TRIGGER keep_anomaly AFTER UPDATE ON anomalies
    FOR EACH ROW EXECUTE FUNCTION keep_anomaly();
