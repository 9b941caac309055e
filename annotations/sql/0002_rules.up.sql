-- What the tables of annotations enforce by themselves, whoever writes to them.

SELECT set_on_delete('annotations', 'image_id', 'CASCADE');
SELECT set_on_delete('annotations', 'collection_id', 'SET NULL');
SELECT set_on_delete('annotations', 'ai_job_id', 'SET NULL');
SELECT set_on_delete('annotations', 'user_id', 'RESTRICT');
SELECT set_on_delete('annotations', 'reviewed_by_id', 'RESTRICT');
SELECT set_on_delete('image_collections', 'created_by_id', 'RESTRICT');
SELECT set_on_delete('collection_images', 'collection_id', 'CASCADE');
SELECT set_on_delete('collection_images', 'image_id', 'CASCADE');
SELECT set_on_delete('annotation_reviews', 'annotation_id', 'CASCADE');
SELECT set_on_delete('annotation_reviews', 'reviewer_id', 'RESTRICT');
SELECT set_on_delete('review_claims', 'annotation_id', 'CASCADE');
SELECT set_on_delete('review_claims', 'reviewer_id', 'CASCADE');
SELECT set_on_delete('review_extras', 'annotation_id', 'CASCADE');
SELECT set_on_delete('review_extras', 'avoid_id', 'CASCADE');
SELECT set_on_delete('saved_views', 'user_id', 'CASCADE');
SELECT set_on_delete('ai_annotation_jobs', 'image_id', 'CASCADE');
SELECT set_on_delete('ai_annotation_jobs', 'batch_job_id', 'SET NULL');
SELECT set_on_delete('ai_annotation_jobs', 'user_id', 'RESTRICT');
SELECT set_on_delete('batch_jobs', 'user_id', 'RESTRICT');
SELECT set_on_delete('batch_job_errors', 'job_id', 'CASCADE');
SELECT set_on_delete('exercise_cache', 'user_id', 'CASCADE');
SELECT set_on_delete('exercise_answers', 'exercise_id', 'SET NULL');
SELECT set_on_delete('exercise_answers', 'user_id', 'CASCADE');

-- --- Boxes ----------------------------------------------------------------------------------------

-- Six numbers, in their places. CASE, since AND may be evaluated in any order.
ALTER TABLE annotations ADD CONSTRAINT check_bounding_box_structure CHECK (
    CASE
        WHEN jsonb_typeof(bounding_box) <> 'object' OR octet_length(bounding_box::text) > 2000
            THEN false
        ELSE coalesce(
            jsonb_typeof(bounding_box #> '{topLeft,x}') = 'number'
            AND jsonb_typeof(bounding_box #> '{topLeft,y}') = 'number'
            AND jsonb_typeof(bounding_box #> '{bottomRight,x}') = 'number'
            AND jsonb_typeof(bounding_box #> '{bottomRight,y}') = 'number'
            AND jsonb_typeof(bounding_box -> 'width') = 'number'
            AND jsonb_typeof(bounding_box -> 'height') = 'number',
            false
        )
    END
);
-- Inside the picture, of some size, and the six of them agree.
ALTER TABLE annotations ADD CONSTRAINT check_bounding_box_coords CHECK (
    CASE
        WHEN coalesce(jsonb_typeof(bounding_box #> '{topLeft,x}') = 'number'
            AND jsonb_typeof(bounding_box #> '{topLeft,y}') = 'number'
            AND jsonb_typeof(bounding_box #> '{bottomRight,x}') = 'number'
            AND jsonb_typeof(bounding_box #> '{bottomRight,y}') = 'number'
            AND jsonb_typeof(bounding_box -> 'width') = 'number'
            AND jsonb_typeof(bounding_box -> 'height') = 'number', false)
        THEN
            (bounding_box #>> '{topLeft,x}')::numeric >= 0
            AND (bounding_box #>> '{topLeft,y}')::numeric >= 0
            AND (bounding_box #>> '{bottomRight,x}')::numeric <= 1
            AND (bounding_box #>> '{bottomRight,y}')::numeric <= 1
            AND (bounding_box #>> '{topLeft,x}')::numeric < (bounding_box #>> '{bottomRight,x}')::numeric
            AND (bounding_box #>> '{topLeft,y}')::numeric < (bounding_box #>> '{bottomRight,y}')::numeric
            AND abs(
                (bounding_box #>> '{bottomRight,x}')::numeric - (bounding_box #>> '{topLeft,x}')::numeric
                - (bounding_box ->> 'width')::numeric
            ) <= 0.000001
            AND abs(
                (bounding_box #>> '{bottomRight,y}')::numeric - (bounding_box #>> '{topLeft,y}')::numeric
                - (bounding_box ->> 'height')::numeric
            ) <= 0.000001
        ELSE false
    END
);
ALTER TABLE image_collections ADD CONSTRAINT image_collections_stages_check CHECK (
    stages IN (
        '["final"]', '["L1", "final"]', '["L2", "final"]', '["L1", "L2", "final"]'
    )
);
ALTER TABLE image_collections ADD CONSTRAINT image_collections_labels_check
    CHECK (jsonb_typeof(labels) = 'array' AND octet_length(labels::text) <= 100000);

-- --- Where an annotation begins -------------------------------------------------------------------

CREATE FUNCTION place_annotation() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    home record;
BEGIN
    IF NEW.review_status <> 'pending' THEN
        RETURN NEW;
    END IF;
    SELECT c.id, c.stages ->> 0 AS first_stage INTO home
    FROM collection_images m JOIN image_collections c ON c.id = m.collection_id
    WHERE m.image_id = NEW.image_id;
    IF FOUND AND NEW.collection_id IS NULL THEN
        NEW.collection_id := home.id;
        NEW.review_stage := home.first_stage;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION place_annotation() IS
    'Trigger: an annotation belongs to its image''s collection, and begins at its first stage.';
CREATE TRIGGER place_annotation BEFORE INSERT ON annotations
    FOR EACH ROW EXECUTE FUNCTION place_annotation();

-- What waits for review follows its image into a collection, and out of it.
CREATE FUNCTION move_annotations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        UPDATE annotations a
        SET collection_id = NEW.collection_id,
            review_stage = CASE WHEN a.review_status = 'pending'
                THEN (SELECT c.stages ->> 0 FROM image_collections c WHERE c.id = NEW.collection_id)
                ELSE a.review_stage END
        WHERE a.image_id = NEW.image_id AND a.collection_id IS DISTINCT FROM NEW.collection_id;
        RETURN NULL;
    END IF;
    UPDATE annotations a SET collection_id = NULL
    WHERE a.image_id = OLD.image_id AND a.collection_id = OLD.collection_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION move_annotations() IS
    'Trigger: the annotations of an image follow it into a collection.';
CREATE TRIGGER move_annotations AFTER INSERT OR UPDATE OF collection_id OR DELETE ON collection_images
    FOR EACH ROW EXECUTE FUNCTION move_annotations();

-- --- Every version is kept ------------------------------------------------------------------------

CREATE FUNCTION count_annotation_version() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION count_annotation_version() IS
    'Trigger: a change of what an annotation says makes a new version.';
CREATE TRIGGER count_annotation_version BEFORE UPDATE ON annotations
    FOR EACH ROW WHEN (
        (OLD.label, OLD.bounding_box, OLD.notes, OLD.review_status, OLD.review_stage,
            OLD.reviewed_by_id, OLD.reviewed_at, OLD.rejection_reason)
        IS DISTINCT FROM
        (NEW.label, NEW.bounding_box, NEW.notes, NEW.review_status, NEW.review_stage,
            NEW.reviewed_by_id, NEW.reviewed_at, NEW.rejection_reason)
    )
    EXECUTE FUNCTION count_annotation_version();

-- Once for a statement: ten thousand approvals are one insert.
CREATE FUNCTION keep_annotation_versions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO annotation_history (
        annotation_id, version, image_id, label, bounding_box, notes, review_status, review_stage,
        reviewed_by_id, reviewed_at, rejection_reason, changed_by_id, reason
    )
    SELECT o.id, o.version, o.image_id, o.label, o.bounding_box, o.notes, o.review_status,
        o.review_stage, o.reviewed_by_id, o.reviewed_at, o.rejection_reason, app_user_id(),
        coalesce(current_setting('app.reason', true), '')
    FROM old_rows o JOIN new_rows n ON n.id = o.id
    WHERE n.version <> o.version;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION keep_annotation_versions() IS
    'Trigger: copies what a change replaces to annotation_history.';
CREATE TRIGGER keep_annotation_versions AFTER UPDATE ON annotations
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_annotation_versions();

CREATE FUNCTION keep_deleted_annotations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    -- Of an image that is deleted nothing stays.
    INSERT INTO annotation_history (
        annotation_id, version, image_id, label, bounding_box, notes, review_status, review_stage,
        reviewed_by_id, reviewed_at, rejection_reason, changed_by_id, reason, is_deleted
    )
    SELECT o.id, o.version, o.image_id, o.label, o.bounding_box, o.notes, o.review_status,
        o.review_stage, o.reviewed_by_id, o.reviewed_at, o.rejection_reason, app_user_id(),
        coalesce(current_setting('app.reason', true), ''), true
    FROM old_rows o
    WHERE EXISTS (SELECT FROM images i WHERE i.id = o.image_id)
    ON CONFLICT (annotation_id, version) DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION keep_deleted_annotations() IS
    'Trigger: copies annotations that are deleted to annotation_history.';
CREATE TRIGGER keep_deleted_annotations AFTER DELETE ON annotations
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_deleted_annotations();
CREATE FUNCTION forget_annotations_of_image() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    DELETE FROM annotation_history h WHERE h.image_id = OLD.id;
    DELETE FROM vision_api_cache c WHERE c.image_id = OLD.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER forget_annotations AFTER DELETE ON images
    FOR EACH ROW EXECUTE FUNCTION forget_annotations_of_image();
REVOKE EXECUTE ON FUNCTION move_annotations(), keep_annotation_versions(),
    keep_deleted_annotations(), forget_annotations_of_image() FROM PUBLIC;

CREATE TRIGGER update_image_collections_updated_at BEFORE UPDATE ON image_collections
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_saved_views_updated_at BEFORE UPDATE ON saved_views
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_ai_annotation_jobs_updated_at BEFORE UPDATE ON ai_annotation_jobs
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- --- Jobs -----------------------------------------------------------------------------------------

CREATE FUNCTION validate_annotation_job_transition() RETURNS trigger
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
    RAISE EXCEPTION 'A job cannot go from % to %.', OLD.status, NEW.status
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'status',
            CONSTRAINT = TG_TABLE_NAME || '_status_transition',
            DETAIL = format('Job %s.', OLD.id);
END
$$;
COMMENT ON FUNCTION validate_annotation_job_transition() IS
    'Trigger: refuses changes of status that are not allowed, of AI jobs and batches.';
CREATE TRIGGER validate_status BEFORE UPDATE OF status ON ai_annotation_jobs
    FOR EACH ROW EXECUTE FUNCTION validate_annotation_job_transition();
CREATE TRIGGER validate_status BEFORE UPDATE OF status ON batch_jobs
    FOR EACH ROW EXECUTE FUNCTION validate_annotation_job_transition();

CREATE FUNCTION set_annotation_job_completed_at() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.status NOT IN ('completed', 'failed', 'cancelled') THEN
        NEW.completed_at := NULL;
    ELSIF OLD.status NOT IN ('completed', 'failed', 'cancelled') OR NEW.completed_at IS NULL THEN
        NEW.completed_at := coalesce(NEW.completed_at, now());
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION set_annotation_job_completed_at() IS
    'Trigger: a job that enters a terminal state has ended now.';
CREATE TRIGGER set_completed_at BEFORE UPDATE OF status ON ai_annotation_jobs
    FOR EACH ROW EXECUTE FUNCTION set_annotation_job_completed_at();
CREATE TRIGGER set_completed_at BEFORE UPDATE OF status ON batch_jobs
    FOR EACH ROW EXECUTE FUNCTION set_annotation_job_completed_at();

ALTER TABLE ai_annotation_jobs ADD CONSTRAINT ai_annotation_jobs_payload_check CHECK (
    jsonb_typeof(request_payload) = 'object' AND octet_length(request_payload::text) <= 1000000
    AND octet_length(response_payload::text) <= 10000000
    AND jsonb_typeof(fallbacks) = 'array' AND octet_length(fallbacks::text) <= 1000
);
ALTER TABLE batch_jobs ADD CONSTRAINT batch_jobs_parameters_check CHECK (
    jsonb_typeof(parameters) = 'object' AND octet_length(parameters::text) <= 1000000
);

SELECT install_queue('ai_annotation_jobs', 'pending', 'processing');
SELECT install_queue('batch_jobs', 'pending', 'processing');

-- --- Exercises ------------------------------------------------------------------------------------

CREATE FUNCTION keep_exercise_answer() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'An answer is given once, and never changed.'
        USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME;
END
$$;
COMMENT ON FUNCTION keep_exercise_answer() IS
    'Trigger: refuses changes of answers, but for letting go of an exercise that is thrown away.';
CREATE TRIGGER keep_exercise_answer BEFORE UPDATE ON exercise_answers
    FOR EACH ROW WHEN (
        NEW.exercise_id IS NOT NULL AND OLD.exercise_id IS DISTINCT FROM NEW.exercise_id
        OR (OLD.id, OLD.number, OLD.user_id, OLD.exercise_type, OLD.difficulty_level, OLD.topic,
            OLD.answer, OLD.is_right, OLD.duration_ms, OLD.created_at)
        IS DISTINCT FROM
        (NEW.id, NEW.number, NEW.user_id, NEW.exercise_type, NEW.difficulty_level, NEW.topic,
            NEW.answer, NEW.is_right, NEW.duration_ms, NEW.created_at)
    )
    EXECUTE FUNCTION keep_exercise_answer();

-- --- Caches ---------------------------------------------------------------------------------------

CREATE FUNCTION measure_vision_api_cache() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.response_size_bytes = 0 THEN
        NEW.response_size_bytes := coalesce(
            octet_length(NEW.response_data::text), octet_length(NEW.sealed_response), 0
        );
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER measure_vision_api_cache BEFORE INSERT OR UPDATE OF response_data, sealed_response
    ON vision_api_cache FOR EACH ROW EXECUTE FUNCTION measure_vision_api_cache();

-- Who ran it stands in the audit log, also when nothing had expired.
CREATE OR REPLACE FUNCTION cleanup_expired_cache() RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    analyses integer;
    answers integer;
    exercises integer;
BEGIN
    DELETE FROM analysis_cache WHERE expires_at <= now();
    GET DIAGNOSTICS analyses = ROW_COUNT;
    DELETE FROM vision_api_cache WHERE expires_at <= now() OR invalidated_at IS NOT NULL;
    GET DIAGNOSTICS answers = ROW_COUNT;
    DELETE FROM exercise_cache WHERE expires_at <= now();
    GET DIAGNOSTICS exercises = ROW_COUNT;
    PERFORM audits.record(
        'cache.swept', 'cache', NULL, 'success', NULL,
        jsonb_build_object(
            'function', 'cleanup_expired_cache', 'analysis_cache', analyses,
            'vision_api_cache', answers, 'exercise_cache', exercises
        )
    );
    RETURN analyses + answers + exercises;
END
$$;
COMMENT ON FUNCTION cleanup_expired_cache() IS
    'Removes expired entries of all caches; returns how many. Each run is in the audit log.';

-- Removes what was used longest ago, down to max_entries; returns how many that were.
CREATE FUNCTION evict_lru_cache(
    max_entries integer DEFAULT 10000, cache text DEFAULT 'vision_api_cache'
) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    last_used text := CASE cache
        WHEN 'vision_api_cache' THEN 'last_accessed_at'
        WHEN 'analysis_cache' THEN 'last_accessed_at'
        WHEN 'exercise_cache' THEN 'created_at'
    END;
    removed integer;
BEGIN
    IF last_used IS NULL THEN
        RAISE EXCEPTION 'There is no cache %.', cache
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'There are vision_api_cache, analysis_cache and exercise_cache.';
    END IF;
    IF max_entries IS NULL OR max_entries < 0 THEN
        RAISE EXCEPTION 'max_entries must be 0 or more.'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format(
        'DELETE FROM %1$I WHERE id IN (SELECT id FROM %1$I ORDER BY %2$I DESC, id DESC OFFSET %3$s)',
        cache, last_used, max_entries
    );
    GET DIAGNOSTICS removed = ROW_COUNT;
    PERFORM audits.record(
        'cache.swept', 'cache', cache, 'success', NULL,
        jsonb_build_object(
            'function', 'evict_lru_cache', 'max_entries', max_entries, 'removed', removed
        )
    );
    RETURN removed;
END
$$;
COMMENT ON FUNCTION evict_lru_cache(integer, text) IS
    'Removes the least recently used entries of a cache beyond max_entries; returns how many.';

CREATE FUNCTION get_cache_stats() RETURNS TABLE (
    provider text, total_entries bigint, active_entries bigint, expired_entries bigint,
    total_accesses bigint, total_size_bytes bigint, avg_response_time_ms numeric,
    oldest_entry timestamptz, newest_entry timestamptz
)
LANGUAGE sql STABLE
AS $$
    SELECT c.provider, count(*),
        count(*) FILTER (
            WHERE c.invalidated_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > now())
        ),
        count(*) FILTER (WHERE c.invalidated_at IS NOT NULL OR c.expires_at <= now()),
        coalesce(sum(c.access_count), 0)::bigint, coalesce(sum(c.response_size_bytes), 0)::bigint,
        round(avg(c.response_time_ms), 1), min(c.created_at), max(c.created_at)
    FROM public.vision_api_cache c
    GROUP BY c.provider
    ORDER BY c.provider
$$;
COMMENT ON FUNCTION get_cache_stats() IS 'The cache of providers'' answers in figures, by provider.';

REVOKE EXECUTE ON FUNCTION cleanup_expired_cache(), evict_lru_cache(integer, text),
    get_cache_stats() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cleanup_expired_cache(), evict_lru_cache(integer, text) TO lacuna_app;
GRANT EXECUTE ON FUNCTION get_cache_stats() TO lacuna_app, lacuna_readonly;
