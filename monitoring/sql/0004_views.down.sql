DROP FUNCTION aggregate_performance_metrics(interval, timestamptz, timestamptz);
DROP VIEW monitor_samples;
DROP FUNCTION severity_name(smallint);
DROP FUNCTION packed_values(
    smallint[], integer[], smallint[], bigint[], smallint[], integer[], double precision[], integer
);
DROP VIEW feature_rows;
DROP FUNCTION feature_row(uuid, integer);
DROP FUNCTION block_values(double precision[], integer);
DROP FUNCTION block_metadata(jsonb, integer);
