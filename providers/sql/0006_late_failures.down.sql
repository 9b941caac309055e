CREATE OR REPLACE FUNCTION note_provider_outcome(provider_id uuid, worked boolean) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    state text;
BEGIN
    IF worked THEN
        UPDATE public.providers p
        SET breaker_state = 'closed', breaker_failures = 0, breaker_opened_at = NULL,
            breaker_until = NULL
        WHERE p.id = provider_id AND (p.breaker_state <> 'closed' OR p.breaker_failures > 0);
        RETURN 'closed';
    END IF;
    UPDATE public.providers p
    SET breaker_failures = p.breaker_failures + 1,
        breaker_state = CASE
            WHEN p.breaker_failures + 1 >= 5 OR p.breaker_state <> 'closed' THEN 'open'
            ELSE p.breaker_state
        END,
        breaker_opened_at = CASE
            WHEN p.breaker_failures + 1 >= 5 THEN coalesce(p.breaker_opened_at, clock_timestamp())
        END,
        breaker_until = CASE
            WHEN p.breaker_failures + 1 >= 5 OR p.breaker_state <> 'closed'
                THEN clock_timestamp() + least(
                    interval '1 hour',
                    interval '30 seconds' * 2 ^ least(greatest(p.breaker_failures - 4, 0), 10)
                )
        END
    WHERE p.id = provider_id
    RETURNING p.breaker_state INTO state;
    RETURN state;
END
$$;
