-- Tables partitioned by month. Rows are read and written through them alone: nobody has a right to
-- a partition by its name, but for dumps.

-- What an anomaly names together: its analysis and that one's dataset.
ALTER TABLE analyses ADD CONSTRAINT analyses_id_dataset_id_key UNIQUE (id, dataset_id);

CREATE TABLE monitor_data (
    id uuid NOT NULL DEFAULT new_key(),
    dinsight_id uuid NOT NULL REFERENCES dinsight_data (id) ON DELETE RESTRICT,
    monitor_values double precision[] NOT NULL,
    x_values double precision[] NOT NULL,
    y_values double precision[] NOT NULL,
    metadata jsonb,
    process_order integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    analysis_id uuid,
    first_row integer,
    row_count integer NOT NULL,
    scores double precision[],
    p_values double precision[],
    severities smallint[],
    off_map boolean[],
    PRIMARY KEY (id, created_at),
    CONSTRAINT monitor_data_rows_check CHECK (
        row_count >= 1 AND cardinality(x_values) = row_count AND cardinality(y_values) = row_count
        -- One sample may stand there as a plain list of its features.
        AND (array_ndims(monitor_values) = 1 AND row_count = 1
            OR array_ndims(monitor_values) = 2 AND array_length(monitor_values, 1) = row_count)
        AND (scores IS NULL OR cardinality(scores) = row_count)
        AND (p_values IS NULL OR cardinality(p_values) = row_count)
        AND (severities IS NULL OR cardinality(severities) = row_count)
        AND (off_map IS NULL OR cardinality(off_map) = row_count)
    )
) PARTITION BY RANGE (created_at);
-- Measurements hardly shrink, and trying costs more than writing them.
ALTER TABLE monitor_data ALTER COLUMN monitor_values SET STORAGE EXTERNAL;
CREATE INDEX idx_monitor_data_dinsight ON monitor_data (dinsight_id, process_order);
CREATE INDEX idx_monitor_data_process_order ON monitor_data (process_order);
CREATE INDEX idx_monitor_data_user ON monitor_data (user_id, created_at DESC, id DESC);
CREATE INDEX idx_monitor_data_analysis ON monitor_data (analysis_id);

CREATE TABLE anomalies (
    id uuid NOT NULL DEFAULT new_key(),
    analysis_id uuid NOT NULL,
    dataset_id uuid NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    "timestamp" timestamptz NOT NULL DEFAULT statement_timestamp(),
    severity varchar(20) NOT NULL,
    distance double precision NOT NULL,
    threshold double precision NOT NULL,
    features jsonb NOT NULL,
    metadata jsonb,
    acknowledged boolean NOT NULL DEFAULT false,
    acknowledged_by uuid REFERENCES users (id) ON DELETE RESTRICT,
    acknowledged_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    process_order integer,
    file_row integer,
    p_value double precision,
    ratio double precision,
    off_map boolean NOT NULL DEFAULT false,
    x double precision,
    y double precision,
    PRIMARY KEY (id, "timestamp"),
    FOREIGN KEY (analysis_id, dataset_id) REFERENCES analyses (id, dataset_id) ON DELETE CASCADE,
    CONSTRAINT anomalies_severity_check
        CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    CONSTRAINT anomalies_features_check
        CHECK (jsonb_typeof(features) IN ('array', 'object')
            AND octet_length(features::text) <= 100000),
    CONSTRAINT anomalies_acknowledged_check
        CHECK (acknowledged = (acknowledged_by IS NOT NULL)
            AND acknowledged = (acknowledged_at IS NOT NULL)),
    CONSTRAINT anomalies_figures_check
        CHECK (p_value BETWEEN 0 AND 1 AND ratio >= 0 AND process_order >= 1 AND file_row >= 1)
) PARTITION BY RANGE ("timestamp");
CREATE INDEX idx_anomalies_analysis ON anomalies (analysis_id, process_order);
CREATE INDEX idx_anomalies_dataset ON anomalies (dataset_id, "timestamp" DESC, id DESC);
CREATE INDEX idx_anomalies_timestamp ON anomalies ("timestamp" DESC, id DESC);
CREATE INDEX idx_anomalies_severity ON anomalies (severity);
CREATE INDEX idx_anomalies_acknowledged ON anomalies (acknowledged);
CREATE INDEX idx_anomalies_acknowledged_by ON anomalies (acknowledged_by)
    WHERE acknowledged_by IS NOT NULL;
CREATE INDEX idx_anomalies_user ON anomalies (user_id, "timestamp" DESC, id DESC);

CREATE TABLE performance_metrics (
    id uuid NOT NULL DEFAULT new_key(),
    metric_name varchar(255) NOT NULL,
    metric_type varchar(50) NOT NULL,
    value numeric(15, 4) NOT NULL,
    unit varchar(50) NOT NULL DEFAULT '',
    labels jsonb NOT NULL DEFAULT '{}',
    context jsonb,
    recorded_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    sample_count integer NOT NULL DEFAULT 1,
    percentile_p50 numeric(15, 4),
    percentile_p95 numeric(15, 4),
    percentile_p99 numeric(15, 4),
    PRIMARY KEY (id, recorded_at),
    CONSTRAINT performance_metrics_type_check
        CHECK (metric_type IN ('duration', 'rate', 'count', 'gauge')),
    CONSTRAINT performance_metrics_sample_count_check CHECK (sample_count >= 1),
    CONSTRAINT performance_metrics_labels_check
        CHECK (jsonb_typeof(labels) = 'object' AND octet_length(labels::text) <= 10000),
    CONSTRAINT performance_metrics_percentiles_check
        CHECK (percentile_p50 <= percentile_p95 AND percentile_p95 <= percentile_p99)
) PARTITION BY RANGE (recorded_at);
CREATE INDEX idx_performance_metrics_name ON performance_metrics (metric_name, recorded_at DESC);
CREATE INDEX idx_performance_metrics_recorded_at ON performance_metrics (recorded_at DESC, id DESC);

SELECT create_month_partitions(t, (now() AT TIME ZONE 'UTC')::date, 3)
FROM unnest(ARRAY['monitor_data', 'anomalies', 'performance_metrics']::regclass[]) AS tables (t);
