-- Arrays as rows: what operators ask in SQL.

-- The texts of row i (from 1) of a block, by column; other JSON is shown as it is.
CREATE FUNCTION block_metadata(metadata jsonb, i integer) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN jsonb_typeof(metadata -> 'rows') = 'array' THEN (
        SELECT jsonb_object_agg(c.name, metadata -> 'rows' -> (i - 1) -> (c.n - 1)::integer)
        FROM jsonb_array_elements_text(metadata -> 'columns') WITH ORDINALITY AS c (name, n)
    ) ELSE metadata END
$$;
COMMENT ON FUNCTION block_metadata(jsonb, integer) IS 'The texts of one row of a block, by column.';

-- Row i (from 1) of a matrix; a plain list is a matrix of one row.
CREATE FUNCTION block_values(matrix double precision[], i integer) RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE array_ndims(matrix)
        WHEN 2 THEN ARRAY(SELECT unnest(matrix[i:i]))
        ELSE matrix
    END
$$;
COMMENT ON FUNCTION block_values(double precision[], integer) IS 'One row of a block, as a list.';

CREATE FUNCTION feature_row(file uuid, row_number integer) RETURNS double precision[]
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT block_values(f.feature_values, row_number - f.row_start + 1)
    FROM feature_data f
    WHERE f.file_upload_id = file AND row_number >= f.row_start
        AND row_number < f.row_start + f.row_count
    ORDER BY f.created_at DESC, f.id DESC LIMIT 1
$$;
COMMENT ON FUNCTION feature_row(uuid, integer) IS
    'The features of a row (from 1) of a file of which a map was made, as they were read last.';

CREATE VIEW feature_rows WITH (security_invoker = true) AS
SELECT f.file_upload_id, f.user_id, f.source_key, f.row_start + i - 1 AS row_number,
    block_values(f.feature_values, i) AS feature_values, block_metadata(f.metadata, i) AS metadata,
    f.created_at
FROM feature_data f CROSS JOIN LATERAL generate_series(1, f.row_count) AS i;
COMMENT ON VIEW feature_rows IS 'Healthy rows that maps were made of, one by one.';

-- Sample i (from 1) of a packed block: features, bit for bit as they were.
CREATE FUNCTION packed_values(
    kinds smallint[], slots integer[], exponents smallint[], bases bigint[],
    shorts smallint[], wholes integer[], floats double precision[], i integer
) RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT array_agg(
        CASE k.kind
            -- Both are exact in a double, so that the quotient is the nearest one to the decimal.
            WHEN 2 THEN (k.base + s.value)::double precision / ('1e' || k.exponent)::double precision
            WHEN 4 THEN (k.base + w.value)::double precision / ('1e' || k.exponent)::double precision
            ELSE f.value
        END ORDER BY k.n)
    FROM unnest(kinds, slots, exponents, bases)
        WITH ORDINALITY AS k (kind, slot, exponent, base, n)
    LEFT JOIN unnest(shorts[:][i:i]) WITH ORDINALITY AS s (value, slot)
        ON k.kind = 2 AND s.slot = k.slot
    LEFT JOIN unnest(wholes[:][i:i]) WITH ORDINALITY AS w (value, slot)
        ON k.kind = 4 AND w.slot = k.slot
    LEFT JOIN unnest(floats[:][i:i]) WITH ORDINALITY AS f (value, slot)
        ON k.kind = 8 AND f.slot = k.slot
$$;
COMMENT ON FUNCTION packed_values(
    smallint[], integer[], smallint[], bigint[], smallint[], integer[], double precision[], integer
) IS 'The features of one sample of a packed block.';

CREATE FUNCTION severity_name(severity smallint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (ARRAY['none', 'low', 'medium', 'high', 'critical'])[severity + 1] $$;
COMMENT ON FUNCTION severity_name(smallint) IS 'The word for a severity from 0 to 4.';

CREATE VIEW monitor_samples WITH (security_invoker = true) AS
SELECT b.dinsight_id, b.user_id, b.analysis_id, b.process_order + s.i::integer - 1 AS process_order,
    b.first_row + s.i::integer - 1 AS file_row, b.created_at,
    s.x, s.y, s.score, s.p_value, severity_name(s.severity) AS severity, s.off_map,
    block_values(b.monitor_values, s.i::integer) AS monitor_values,
    block_metadata(b.metadata, s.i::integer) AS metadata, false AS is_packed
FROM monitor_data b CROSS JOIN LATERAL unnest(
    b.x_values, b.y_values, b.scores, b.p_values, b.severities, b.off_map
) WITH ORDINALITY AS s (x, y, score, p_value, severity, off_map, i)
UNION ALL
SELECT a.dinsight_id, a.user_id, a.analysis_id, a.process_order + s.i::integer - 1,
    a.first_row + s.i::integer - 1, a.created_at,
    s.x / 1e6::double precision, s.y / 1e6::double precision, s.score,
    s.rank::double precision / a.rank_of, severity_name(s.severity), s.off_map,
    packed_values(
        a.kinds, a.slots, a.exponents, a.bases, a.shorts, a.wholes, a.floats, s.i::integer
    ),
    block_metadata(a.metadata, s.i::integer), true
FROM monitor_data_archive a CROSS JOIN LATERAL unnest(
    a.x_micros, a.y_micros, a.scores, a.ranks, a.severities, a.off_map
) WITH ORDINALITY AS s (x, y, score, rank, severity, off_map, i);
COMMENT ON VIEW monitor_samples IS
    'Every sample that was placed on a map, one by one; old ones are unpacked on the way.';

-- Percentiles of what was measured one by one; summaries that were stored as such count with their
-- number, and lend their own percentiles only where nothing else is there.
CREATE FUNCTION aggregate_performance_metrics(
    time_window interval DEFAULT '1 hour',
    starts_at timestamptz DEFAULT now() - interval '1 day',
    ends_at timestamptz DEFAULT now()
) RETURNS TABLE (
    window_start timestamptz, metric_name text, metric_type text, unit text, labels jsonb,
    sample_count bigint, value numeric, lowest numeric, highest numeric,
    percentile_p50 numeric, percentile_p95 numeric, percentile_p99 numeric
)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF time_window <= interval '0' OR extract(month FROM time_window) <> 0
        OR extract(year FROM time_window) <> 0
    THEN
        RAISE EXCEPTION 'The window is %; it must be longer than nothing, and in days or less.',
            time_window USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY
    SELECT date_bin(time_window, m.recorded_at, timestamptz '2000-01-01Z'),
        m.metric_name::text, m.metric_type::text, m.unit::text, m.labels,
        sum(m.sample_count)::bigint,
        round(sum(m.value * m.sample_count) / sum(m.sample_count), 4),
        min(m.value), max(m.value),
        round(coalesce(
            percentile_cont(0.5) WITHIN GROUP (ORDER BY m.value) FILTER (WHERE m.sample_count = 1),
            max(m.percentile_p50))::numeric, 4),
        round(coalesce(
            percentile_cont(0.95) WITHIN GROUP (ORDER BY m.value) FILTER (WHERE m.sample_count = 1),
            max(m.percentile_p95))::numeric, 4),
        round(coalesce(
            percentile_cont(0.99) WITHIN GROUP (ORDER BY m.value) FILTER (WHERE m.sample_count = 1),
            max(m.percentile_p99))::numeric, 4)
    FROM performance_metrics m
    WHERE m.recorded_at >= starts_at AND m.recorded_at < ends_at
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1, 2, 5;
END
$$;
COMMENT ON FUNCTION aggregate_performance_metrics(interval, timestamptz, timestamptz) IS
    'Measurements by window of time, name and labels: how many, mean, range and percentiles.';

GRANT SELECT ON feature_rows, monitor_samples TO lacuna_app, lacuna_readonly;
