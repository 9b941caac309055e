-- As before; a window that begins in the future, because the server's clock was set back, is over. Rather
-- too many requests once than a door that stays shut until the clock has caught up.
CREATE OR REPLACE FUNCTION count_request(scope text, subject text, most integer, seconds integer)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    span interval := make_interval(secs => seconds);
    -- Whoever counts at the same moment may have begun the window a little later than ours.
    latest timestamptz := moment + interval '1 minute';
    counted record;
BEGIN
    INSERT INTO public.throttles AS t (scope, subject, window_started_at, requests)
    VALUES (scope, subject, moment, 1)
    ON CONFLICT ON CONSTRAINT throttles_scope_subject_key DO UPDATE SET
        requests = CASE
            WHEN t.window_started_at <= moment - span OR t.window_started_at > latest THEN 1
            ELSE least(t.requests, 2147483646) + 1
        END,
        window_started_at = CASE
            WHEN t.window_started_at <= moment - span OR t.window_started_at > latest THEN moment
            ELSE t.window_started_at
        END
    RETURNING t.requests, t.window_started_at INTO counted;
    IF counted.requests <= most THEN
        RETURN 0;
    END IF;
    RETURN greatest(1, ceil(extract(epoch FROM counted.window_started_at + span - moment)))::integer;
END
$$;

-- Under the name that operators know from the documented systems.
CREATE INDEX idx_users_email ON users (email);
