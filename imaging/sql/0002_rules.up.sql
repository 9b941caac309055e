-- What the tables of images enforce by themselves, whoever writes to them.

-- --- Images: the way through analysis ----------------------------------------------------------

CREATE FUNCTION validate_image_status_transition() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.analysis_status = OLD.analysis_status
        OR (OLD.analysis_status, NEW.analysis_status) IN (
            ('pending', 'processing'), ('pending', 'failed'), ('pending', 'archived'),
            ('processing', 'completed'), ('processing', 'failed'), ('processing', 'pending'),
            ('completed', 'pending'), ('completed', 'archived'),
            ('failed', 'pending'), ('failed', 'archived')
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'An image cannot go from % to %.', OLD.analysis_status, NEW.analysis_status
        USING ERRCODE = 'check_violation',
            TABLE = 'images',
            COLUMN = 'analysis_status',
            CONSTRAINT = 'images_status_transition',
            DETAIL = format('Image %s (%s).', OLD.id, OLD.file_name);
END
$$;
COMMENT ON FUNCTION validate_image_status_transition() IS
    'Trigger: refuses changes of images.analysis_status that are not allowed.';

CREATE TRIGGER validate_image_status
    BEFORE UPDATE OF analysis_status ON images
    FOR EACH ROW EXECUTE FUNCTION validate_image_status_transition();

-- What proves an image is fixed when it is stored: nobody changes which bytes it stands for.
CREATE FUNCTION keep_image_identity() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF (NEW.id, NEW.file_hash, NEW.file_size, NEW.user_id, NEW.created_at, NEW.uploaded_at)
        IS DISTINCT FROM
        (OLD.id, OLD.file_hash, OLD.file_size, OLD.user_id, OLD.created_at, OLD.uploaded_at)
    THEN
        RAISE EXCEPTION 'An image keeps its bytes, its size, who handed it in and when.'
            USING ERRCODE = 'check_violation',
                TABLE = 'images',
                CONSTRAINT = 'images_identity',
                DETAIL = format('Image %s (%s).', OLD.id, OLD.file_name);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION keep_image_identity() IS
    'Trigger: refuses changes of what an image is and of who handed it in.';

CREATE TRIGGER keep_image_identity
    BEFORE UPDATE ON images
    FOR EACH ROW EXECUTE FUNCTION keep_image_identity();

CREATE TRIGGER update_images_updated_at
    BEFORE UPDATE ON images
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- --- The queue: the way of a job ---------------------------------------------------------------

CREATE FUNCTION validate_queue_status_transition() RETURNS trigger
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
    RAISE EXCEPTION 'A job cannot go from % to %.', OLD.status, NEW.status
        USING ERRCODE = 'check_violation',
            TABLE = 'processing_queue',
            COLUMN = 'status',
            CONSTRAINT = 'processing_queue_status_transition',
            DETAIL = format('Job %s.', OLD.id);
END
$$;
COMMENT ON FUNCTION validate_queue_status_transition() IS
    'Trigger: refuses changes of processing_queue.status that are not allowed.';

CREATE TRIGGER validate_queue_status
    BEFORE UPDATE OF status ON processing_queue
    FOR EACH ROW EXECUTE FUNCTION validate_queue_status_transition();

-- Parameters name a method and a few numbers; anything else is a mistake, and a large or deeply
-- nested one would be a burden to whoever reads it.
ALTER TABLE processing_queue ADD CONSTRAINT processing_queue_parameters_check
    CHECK (jsonb_typeof(parameters) = 'object' AND octet_length(parameters::text) <= 4000);

ALTER TABLE images ADD CONSTRAINT images_image_dimensions_check
    CHECK (jsonb_typeof(image_dimensions) = 'object'
        AND octet_length(image_dimensions::text) <= 1000);

-- A number beyond every float is no fact about a picture, and Python cannot read all of them.
ALTER TABLE images ADD CONSTRAINT images_metadata_check CHECK (
    NOT jsonb_path_exists(
        metadata, '$.** ? (@.type() == "number" && (@ > 1e300 || @ < -1e300))'
    )
);

SELECT install_queue('processing_queue', 'queued', 'processing', 'retrying');

-- An image follows its job: being worked on, back in line, or failed. ``completed`` is written with
-- the result itself. An image that was analysed before keeps its result when a later job is
-- cancelled, so it returns to ``completed``.
CREATE FUNCTION follow_processing_queue() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.status = OLD.status THEN
        RETURN NULL;
    END IF;
    IF NEW.status = 'processing' THEN
        UPDATE images SET analysis_status = 'pending'
        WHERE id = NEW.image_id AND analysis_status IN ('completed', 'failed');
        UPDATE images SET analysis_status = 'processing'
        WHERE id = NEW.image_id AND analysis_status = 'pending';
    ELSIF NEW.status = 'failed' THEN
        UPDATE images SET analysis_status = 'failed', processed_at = now()
        WHERE id = NEW.image_id AND analysis_status IN ('pending', 'processing');
    ELSIF NEW.status IN ('retrying', 'cancelled') AND OLD.status = 'processing' THEN
        UPDATE images SET analysis_status =
            CASE
                WHEN NEW.status = 'cancelled'
                    AND EXISTS (SELECT FROM analysis_results r WHERE r.image_id = NEW.image_id)
                THEN 'completed'
                ELSE 'pending'
            END
        WHERE id = NEW.image_id AND analysis_status = 'processing';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION follow_processing_queue() IS
    'Trigger: keeps images.analysis_status in step with the processing queue.';

CREATE TRIGGER follow_processing_queue
    AFTER UPDATE OF status ON processing_queue
    FOR EACH ROW EXECUTE FUNCTION follow_processing_queue();

-- --- Results: what is replaced is kept ---------------------------------------------------------

ALTER TABLE analysis_results ADD CONSTRAINT analysis_results_anomalies_check
    CHECK (jsonb_typeof(anomalies) = 'array');

CREATE TRIGGER update_analysis_results_updated_at
    BEFORE UPDATE ON analysis_results
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- Runs as the owner: the history is nobody else's to write.
CREATE FUNCTION archive_analysis_result() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    -- The image itself is being deleted: its history goes with it.
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM images WHERE id = OLD.image_id) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND (
        OLD.algorithm_version, OLD.algorithm_parameters, OLD.algorithm_fingerprint,
        OLD.negative_space_data, OLD.anomalies, OLD.confidence_score, OLD.quality_metrics,
        OLD.job_id, OLD.image_id
    ) IS NOT DISTINCT FROM (
        NEW.algorithm_version, NEW.algorithm_parameters, NEW.algorithm_fingerprint,
        NEW.negative_space_data, NEW.anomalies, NEW.confidence_score, NEW.quality_metrics,
        NEW.job_id, NEW.image_id
    ) THEN
        RETURN NULL;  -- a note, say: the findings stand
    END IF;
    INSERT INTO analysis_results_history (
        result_id, image_id, user_id, algorithm_version, algorithm_parameters,
        algorithm_fingerprint, negative_space_data, anomalies, confidence_score,
        processing_time_ms, quality_metrics, visualization_path, notes, from_cache, job_id,
        created_at, updated_at
    ) VALUES (
        OLD.id, OLD.image_id, OLD.user_id, OLD.algorithm_version, OLD.algorithm_parameters,
        OLD.algorithm_fingerprint, OLD.negative_space_data, OLD.anomalies, OLD.confidence_score,
        OLD.processing_time_ms, OLD.quality_metrics, OLD.visualization_path, OLD.notes,
        OLD.from_cache, OLD.job_id, OLD.created_at, OLD.updated_at
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION archive_analysis_result() IS
    'Trigger: copies a result that is replaced or deleted to analysis_results_history.';
REVOKE EXECUTE ON FUNCTION archive_analysis_result() FROM PUBLIC;

CREATE TRIGGER archive_analysis_result
    AFTER UPDATE OR DELETE ON analysis_results
    FOR EACH ROW EXECUTE FUNCTION archive_analysis_result();

-- --- The cache ---------------------------------------------------------------------------------

-- An entry's size is what its result takes, whoever inserts it.
CREATE FUNCTION measure_analysis_cache() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.size_bytes = 0 THEN
        NEW.size_bytes := octet_length(NEW.cached_result::text);
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER measure_analysis_cache
    BEFORE INSERT ON analysis_cache
    FOR EACH ROW EXECUTE FUNCTION measure_analysis_cache();

CREATE FUNCTION cleanup_expired_cache() RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    removed integer;
BEGIN
    DELETE FROM analysis_cache WHERE expires_at <= now();
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION cleanup_expired_cache() IS
    'Removes expired entries of every cache and returns how many they were.';

-- --- Duplicates --------------------------------------------------------------------------------

-- Images whose perceptual hash differs in at most max_distance bits. Up to 3 bits the four 16-bit
-- quarters are looked up by index: of 4 quarters at least one is untouched by 3 differing bits, so
-- nothing is missed. Beyond 3 bits every hash is compared.
CREATE FUNCTION find_near_duplicates(hash bigint, max_distance integer DEFAULT 3)
RETURNS TABLE (image_id uuid, distance integer)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF max_distance BETWEEN 0 AND 3 THEN
        RETURN QUERY
        SELECT i.id, bit_count((i.perceptual_hash # hash)::bit(64))::integer
        FROM images i
        WHERE (
                (i.perceptual_hash & 65535) = (hash & 65535)
                OR ((i.perceptual_hash >> 16) & 65535) = ((hash >> 16) & 65535)
                OR ((i.perceptual_hash >> 32) & 65535) = ((hash >> 32) & 65535)
                OR ((i.perceptual_hash >> 48) & 65535) = ((hash >> 48) & 65535)
            )
            AND bit_count((i.perceptual_hash # hash)::bit(64)) <= max_distance;
    ELSE
        RETURN QUERY
        SELECT i.id, bit_count((i.perceptual_hash # hash)::bit(64))::integer
        FROM images i
        WHERE i.perceptual_hash IS NOT NULL
            AND bit_count((i.perceptual_hash # hash)::bit(64)) <= max_distance;
    END IF;
END
$$;
COMMENT ON FUNCTION find_near_duplicates(bigint, integer) IS
    'Images whose 64-bit perceptual hash differs in at most max_distance bits; exact.';

-- Marks one image as a near duplicate of the oldest image it resembles; true if it was marked.
CREATE FUNCTION mark_duplicate_image(target uuid, max_distance integer DEFAULT 3) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    subject images;
    original record;
BEGIN
    SELECT * INTO subject FROM images WHERE id = target;
    IF subject.perceptual_hash IS NULL OR subject.is_duplicate
        OR subject.duplicate_dismissed_at IS NOT NULL
    THEN
        RETURN false;
    END IF;
    SELECT coalesce(i.duplicate_of_id, i.id) AS id, n.distance INTO original
    FROM find_near_duplicates(subject.perceptual_hash, max_distance) n
    JOIN images i ON i.id = n.image_id
    WHERE (i.created_at, i.id) < (subject.created_at, subject.id)
        AND coalesce(i.duplicate_of_id, i.id) <> subject.id
    ORDER BY i.created_at, i.id
    LIMIT 1;
    IF original.id IS NULL THEN
        RETURN false;
    END IF;
    UPDATE images
    SET is_duplicate = true, duplicate_of_id = original.id,
        duplicate_distance = original.distance, duplicate_detected_at = now()
    WHERE id = target;
    RETURN true;
END
$$;
COMMENT ON FUNCTION mark_duplicate_image(uuid, integer) IS
    'Marks an image as near duplicate of the oldest image it resembles.';

CREATE FUNCTION mark_duplicate_images(max_distance integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    candidate uuid;
    marked integer := 0;
BEGIN
    FOR candidate IN
        SELECT id FROM images
        WHERE perceptual_hash IS NOT NULL AND NOT is_duplicate AND duplicate_dismissed_at IS NULL
        ORDER BY created_at, id
    LOOP
        IF mark_duplicate_image(candidate, max_distance) THEN
            marked := marked + 1;
        END IF;
    END LOOP;
    RETURN marked;
END
$$;
COMMENT ON FUNCTION mark_duplicate_images(integer) IS
    'Marks every image that resembles an older one; returns how many were marked.';
