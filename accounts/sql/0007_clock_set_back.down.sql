DROP INDEX idx_users_email;

CREATE OR REPLACE FUNCTION count_request(scope text, subject text, most integer, seconds integer)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    span interval := make_interval(secs => seconds);
    counted record;
BEGIN
    INSERT INTO public.throttles AS t (scope, subject, window_started_at, requests)
    VALUES (scope, subject, moment, 1)
    ON CONFLICT ON CONSTRAINT throttles_scope_subject_key DO UPDATE SET
        requests = CASE
            WHEN t.window_started_at <= moment - span THEN 1
            ELSE least(t.requests, 2147483646) + 1
        END,
        window_started_at = CASE
            WHEN t.window_started_at <= moment - span THEN moment
            ELSE t.window_started_at
        END
    RETURNING t.requests, t.window_started_at INTO counted;
    IF counted.requests <= most THEN
        RETURN 0;
    END IF;
    RETURN greatest(1, ceil(extract(epoch FROM counted.window_started_at + span - moment)))::integer;
END
$$;
