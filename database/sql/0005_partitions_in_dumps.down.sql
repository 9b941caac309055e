CREATE OR REPLACE FUNCTION create_month_partitions(parent regclass, first_day date, months integer)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    parent_schema text;
    parent_name text;
    month timestamptz := date_trunc('month', first_day::timestamptz);
    child text;
BEGIN
    SELECT n.nspname, c.relname INTO parent_schema, parent_name
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_partitioned_table p ON p.partrelid = c.oid AND p.partstrat = 'r'
    WHERE c.oid = parent;
    IF parent_name IS NULL THEN
        RAISE EXCEPTION '% is not partitioned by month', parent
            USING ERRCODE = 'wrong_object_type';
    END IF;
    IF months NOT BETWEEN 0 AND 120 THEN
        RAISE EXCEPTION 'months must be from 0 to 120, not %', months
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- One maker at a time for each table: two would collide on the name.
    PERFORM pg_advisory_xact_lock(hashtext('create_month_partitions'), hashtext(parent::text));
    FOR step IN 0 .. months LOOP
        child := parent_name || to_char(month, '_YYYY_MM');
        IF length(child) > 63 THEN
            RAISE EXCEPTION 'The partition name % is longer than 63 characters', child;
        END IF;
        IF to_regclass(format('%I.%I', parent_schema, child)) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE %I.%I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
                parent_schema, child, parent, month, month + interval '1 month'
            );
            RETURN NEXT child;
        END IF;
        month := month + interval '1 month';
    END LOOP;
END
$$;
