-- --- Keys that cascade, indexes ------------------------------------------------------------------

SELECT set_on_delete('provider_health', 'provider_id', 'CASCADE');
SELECT set_on_delete('user_providers', 'user_id', 'CASCADE');
SELECT set_on_delete('user_providers', 'provider_id', 'CASCADE');
SELECT set_on_delete('provider_prices', 'provider_id', 'CASCADE');
SELECT set_on_delete('user_quotas', 'user_id', 'CASCADE');
SELECT set_on_delete('quota_counters', 'user_id', 'CASCADE');
SELECT set_on_delete('cost_alerts', 'user_id', 'CASCADE');
SELECT set_on_delete('usage_holds', 'user_id', 'CASCADE');
SELECT set_on_delete('usage_holds', 'provider_id', 'RESTRICT');
SELECT set_on_delete('usage_holds', 'price_id', 'RESTRICT');
SELECT set_on_delete('usage_ledger', 'user_id', 'RESTRICT');
SELECT set_on_delete('usage_ledger', 'provider_id', 'RESTRICT');
SELECT set_on_delete('usage_ledger', 'price_id', 'RESTRICT');
SELECT set_on_delete('usage_tracking', 'user_id', 'CASCADE');
SELECT set_on_delete('usage_tracking', 'provider_id', 'CASCADE');

CREATE INDEX idx_provider_health_provider ON provider_health (provider_id, checked_at DESC, id DESC);
CREATE INDEX idx_provider_health_checked_at ON provider_health (checked_at DESC, id DESC);
CREATE INDEX idx_user_providers_provider ON user_providers (provider_id);
CREATE INDEX idx_usage_holds_open ON usage_holds (expires_at) WHERE settled_at IS NULL;
CREATE INDEX idx_usage_holds_settled ON usage_holds (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX idx_usage_holds_user ON usage_holds (user_id, created_at DESC);
CREATE INDEX idx_usage_holds_provider ON usage_holds (provider_id);
CREATE INDEX idx_usage_holds_price ON usage_holds (price_id);
CREATE INDEX idx_usage_ledger_user ON usage_ledger (user_id, created_at DESC, id DESC);
CREATE INDEX idx_usage_ledger_created_at ON usage_ledger (created_at DESC, id DESC);
CREATE INDEX idx_usage_ledger_provider ON usage_ledger (provider_id, created_at DESC);
CREATE INDEX idx_usage_ledger_price ON usage_ledger (price_id);
CREATE INDEX idx_usage_tracking_date ON usage_tracking (usage_date DESC, id DESC);
CREATE INDEX idx_usage_tracking_provider ON usage_tracking (provider_id, usage_date);
CREATE INDEX idx_cost_alerts_created_at ON cost_alerts (created_at DESC, id DESC);

CREATE TRIGGER update_providers_updated_at
    BEFORE UPDATE OF name, display_name, is_enabled, default_model, base_url, timeout_seconds, rank,
        api_key ON providers
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_user_providers_updated_at
    BEFORE UPDATE OF api_key, is_active ON user_providers
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_user_quotas_updated_at
    BEFORE UPDATE ON user_quotas FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- --- Who may spend --------------------------------------------------------------------------------

-- Money of somebody is reserved and settled for themself, or by the product and by admins for them.
CREATE FUNCTION check_spender(user_id uuid) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller text := CASE current_setting('role') WHEN 'none' THEN session_user::text
        ELSE current_setting('role') END;
BEGIN
    IF caller = 'lacuna_app' AND user_id IS DISTINCT FROM public.app_user_id() THEN
        RAISE EXCEPTION 'Nobody spends in the name of somebody else.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION check_spender(uuid) FROM PUBLIC;

-- Adds to the counter of one period, unless that would pass a limit; a null limit is none.
CREATE FUNCTION take_from_quota(
    spender uuid, of_period text, first_day date, amount numeric, cost_limit numeric,
    request_limit integer
) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF amount > cost_limit OR request_limit < 1 THEN
        RETURN false;
    END IF;
    INSERT INTO public.quota_counters AS c (user_id, period, starts_on, held, requests, cost_limit)
    VALUES (spender, of_period, first_day, amount, 1, take_from_quota.cost_limit)
    ON CONFLICT (user_id, period, starts_on) DO UPDATE
        SET held = c.held + excluded.held, requests = c.requests + 1,
            cost_limit = excluded.cost_limit
        WHERE (excluded.cost_limit IS NULL OR c.spent + c.held + excluded.held <= excluded.cost_limit)
            AND (request_limit IS NULL OR c.requests < request_limit);
    RETURN FOUND;
END
$$;
REVOKE EXECUTE ON FUNCTION take_from_quota(uuid, text, date, numeric, numeric, integer) FROM PUBLIC;

-- Sets money aside for one call, within the person's limits of the day and of the month (UTC). Answers
-- with the hold, or with what is used up: "day" or "month". The defaults hold for who has no quota of
-- their own. However many ask at once, the limits are not passed: each addition is one conditional
-- statement, the day's before the month's, so that nobody waits in a circle.
CREATE FUNCTION reserve_usage(
    user_id uuid, provider_id uuid, model text, purpose text, amount numeric, price_id uuid,
    valid_seconds integer, default_daily_cost numeric, default_monthly_cost numeric,
    OUT hold_id uuid, OUT refused text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    quota public.user_quotas;
BEGIN
    PERFORM public.check_spender(reserve_usage.user_id);
    IF amount IS NULL OR amount < 0 OR amount = 'NaN' OR valid_seconds < 1 THEN
        RAISE EXCEPTION 'A reservation needs an amount of 0 or more and at least one second.'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT * INTO quota FROM public.user_quotas q WHERE q.user_id = reserve_usage.user_id;
    BEGIN
        IF NOT public.take_from_quota(
            reserve_usage.user_id, 'day', today, amount,
            coalesce(quota.daily_cost_limit, default_daily_cost), quota.daily_request_limit
        ) THEN
            refused := 'day';
        ELSIF NOT public.take_from_quota(
            reserve_usage.user_id, 'month', date_trunc('month', today)::date, amount,
            coalesce(quota.monthly_cost_limit, default_monthly_cost), quota.monthly_request_limit
        ) THEN
            refused := 'month';
        END IF;
        IF refused IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'LQ001';  -- gives the day back what the month refused
        END IF;
        INSERT INTO public.usage_holds (
            user_id, provider_id, model, purpose, amount, price_id, day, expires_at
        )
        VALUES (
            reserve_usage.user_id, reserve_usage.provider_id, reserve_usage.model,
            reserve_usage.purpose, reserve_usage.amount, reserve_usage.price_id, today,
            clock_timestamp() + make_interval(secs => valid_seconds)
        )
        RETURNING id INTO hold_id;
    EXCEPTION WHEN SQLSTATE 'LQ001' THEN
        NULL;
    END;
END
$$;
COMMENT ON FUNCTION reserve_usage(uuid, uuid, text, text, numeric, uuid, integer, numeric, numeric) IS
    'Sets money aside for one call; answers with the hold, or with the period that is used up.';

-- From here on the call may be billed, whatever becomes of whoever makes it. False if it is too late:
-- the hold expired or was settled, and the provider must not be asked.
CREATE FUNCTION send_usage(hold_id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    spender uuid;
BEGIN
    SELECT h.user_id INTO spender FROM public.usage_holds h WHERE h.id = hold_id;
    PERFORM public.check_spender(spender);
    UPDATE public.usage_holds h SET sent_at = clock_timestamp()
    WHERE h.id = hold_id AND h.settled_at IS NULL AND h.sent_at IS NULL
        AND h.expires_at > clock_timestamp();
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION send_usage(uuid) IS 'Notes that the provider is asked now; false if that is too late.';

-- The hold becomes an entry of the ledger, or nothing (cost null: the provider was not asked, or did
-- not bill). False if it was settled before. What was held is freed and what it cost is spent.
CREATE FUNCTION settle_usage(
    hold_id uuid, cost numeric, input_tokens bigint DEFAULT 0, cached_input_tokens bigint DEFAULT 0,
    output_tokens bigint DEFAULT 0, images integer DEFAULT 0, outcome text DEFAULT 'answered',
    request_id text DEFAULT '', duration_ms integer DEFAULT NULL, is_assumed boolean DEFAULT false
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    hold public.usage_holds;
BEGIN
    SELECT * INTO hold FROM public.usage_holds h WHERE h.id = hold_id FOR UPDATE;
    PERFORM public.check_spender(hold.user_id);
    IF NOT FOUND OR hold.settled_at IS NOT NULL THEN
        RETURN false;
    END IF;
    IF cost < 0 OR cost = 'NaN' THEN
        RAISE EXCEPTION 'A call costs 0 or more.' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE public.usage_holds h SET settled_at = clock_timestamp() WHERE h.id = hold_id;
    UPDATE public.quota_counters c
    SET held = greatest(c.held - hold.amount, 0), spent = c.spent + coalesce(settle_usage.cost, 0),
        requests = c.requests - CASE WHEN settle_usage.cost IS NULL AND c.requests > 0 THEN 1 ELSE 0 END
    WHERE c.user_id = hold.user_id AND c.period = 'day' AND c.starts_on = hold.day;
    UPDATE public.quota_counters c
    SET held = greatest(c.held - hold.amount, 0), spent = c.spent + coalesce(settle_usage.cost, 0),
        requests = c.requests - CASE WHEN settle_usage.cost IS NULL AND c.requests > 0 THEN 1 ELSE 0 END
    WHERE c.user_id = hold.user_id AND c.period = 'month'
        AND c.starts_on = date_trunc('month', hold.day)::date;
    IF settle_usage.cost IS NOT NULL THEN
        INSERT INTO public.usage_ledger (
            user_id, provider_id, model, purpose, price_id, input_tokens, cached_input_tokens,
            output_tokens, images, cost, is_assumed, outcome, request_id, duration_ms
        )
        VALUES (
            hold.user_id, hold.provider_id, hold.model, hold.purpose, hold.price_id,
            settle_usage.input_tokens, settle_usage.cached_input_tokens, settle_usage.output_tokens,
            settle_usage.images, settle_usage.cost, settle_usage.is_assumed, settle_usage.outcome,
            left(settle_usage.request_id, 255), settle_usage.duration_ms
        );
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION settle_usage(
    uuid, numeric, bigint, bigint, bigint, integer, text, text, integer, boolean
) IS 'Ends a hold: with what the call cost, or with null when nothing was billed.';

-- Holds whose worker never came back: what was not sent is freed, what was sent counts as spent. Each
-- call ends those of one person and day, so that no two wait for each other's counters: call it until
-- it returns 0. Holds that were settled a month ago go.
CREATE FUNCTION expire_usage_holds() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    whose record;
    hold record;
    ended integer := 0;
BEGIN
    SELECT h.user_id, h.day INTO whose FROM public.usage_holds h
    WHERE h.settled_at IS NULL AND h.expires_at <= clock_timestamp()
    ORDER BY h.expires_at, h.id LIMIT 1
    FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        DELETE FROM public.usage_holds h WHERE h.id IN (
            SELECT g.id FROM public.usage_holds g
            WHERE g.settled_at < clock_timestamp() - interval '30 days'
            ORDER BY g.settled_at LIMIT 1000 FOR UPDATE SKIP LOCKED
        );
        RETURN 0;
    END IF;
    FOR hold IN
        SELECT h.id, h.amount, h.sent_at FROM public.usage_holds h
        WHERE h.settled_at IS NULL AND h.expires_at <= clock_timestamp()
            AND h.user_id = whose.user_id AND h.day = whose.day
        ORDER BY h.expires_at, h.id LIMIT 1000
        FOR UPDATE SKIP LOCKED
    LOOP
        PERFORM public.settle_usage(
            hold.id, CASE WHEN hold.sent_at IS NULL THEN NULL ELSE hold.amount END,
            outcome => 'unknown', is_assumed => true
        );
        ended := ended + 1;
    END LOOP;
    RETURN ended;
END
$$;
COMMENT ON FUNCTION expire_usage_holds() IS
    'Settles holds of one person that nobody settled in time; returns how many, 0 when none is left.';

REVOKE EXECUTE ON FUNCTION reserve_usage(
    uuid, uuid, text, text, numeric, uuid, integer, numeric, numeric
) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION send_usage(uuid) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION settle_usage(
    uuid, numeric, bigint, bigint, bigint, integer, text, text, integer, boolean
) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION expire_usage_holds() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reserve_usage(
    uuid, uuid, text, text, numeric, uuid, integer, numeric, numeric
) TO lacuna_app;
GRANT EXECUTE ON FUNCTION send_usage(uuid) TO lacuna_app;
GRANT EXECUTE ON FUNCTION settle_usage(
    uuid, numeric, bigint, bigint, bigint, integer, text, text, integer, boolean
) TO lacuna_app;
GRANT EXECUTE ON FUNCTION expire_usage_holds() TO lacuna_app;

-- --- The ledger ----------------------------------------------------------------------------------

-- No table of money is written but by the functions above; the ledger is not rewritten by anybody.
CREATE FUNCTION keep_ledger() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'The ledger of usage is not changed: add a correcting entry.'
        USING ERRCODE = 'restrict_violation';
END
$$;
COMMENT ON FUNCTION keep_ledger() IS 'Trigger: what stands in the ledger stays.';
CREATE TRIGGER keep_ledger BEFORE UPDATE OR DELETE ON usage_ledger
    FOR EACH ROW EXECUTE FUNCTION keep_ledger();
CREATE TRIGGER keep_ledger_whole BEFORE TRUNCATE ON usage_ledger
    FOR EACH STATEMENT EXECUTE FUNCTION keep_ledger();

CREATE FUNCTION keep_price() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'A price is not changed, since the ledger names it: add one from another day on.'
        USING ERRCODE = 'restrict_violation';
END
$$;
COMMENT ON FUNCTION keep_price() IS 'Trigger: what was paid by a price can be looked up for ever.';
CREATE TRIGGER keep_price BEFORE UPDATE ON provider_prices
    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION keep_price();

CREATE FUNCTION track_usage() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO public.usage_tracking AS t (
        user_id, provider_id, model, usage_date, request_count, failure_count, input_tokens,
        cached_input_tokens, output_tokens, images, total_cost
    )
    VALUES (
        NEW.user_id, NEW.provider_id, NEW.model, (NEW.created_at AT TIME ZONE 'UTC')::date, 1,
        (NEW.outcome <> 'answered')::integer, NEW.input_tokens, NEW.cached_input_tokens,
        NEW.output_tokens, NEW.images, NEW.cost
    )
    ON CONFLICT (user_id, provider_id, model, usage_date) DO UPDATE SET
        request_count = t.request_count + 1,
        failure_count = t.failure_count + excluded.failure_count,
        input_tokens = t.input_tokens + excluded.input_tokens,
        cached_input_tokens = t.cached_input_tokens + excluded.cached_input_tokens,
        output_tokens = t.output_tokens + excluded.output_tokens,
        images = t.images + excluded.images,
        total_cost = t.total_cost + excluded.total_cost;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION track_usage() IS 'Trigger: adds an entry of the ledger to its day''s totals.';
CREATE TRIGGER track_usage AFTER INSERT ON usage_ledger
    FOR EACH ROW EXECUTE FUNCTION track_usage();

-- At 50, 80 and 100 per cent of a limit somebody is told, once in each period.
CREATE FUNCTION alert_of_cost() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    begins timestamptz := NEW.starts_on::timestamp AT TIME ZONE 'UTC';
    ends timestamptz := (NEW.starts_on + ('1 ' || NEW.period)::interval) AT TIME ZONE 'UTC';
    elapsed double precision := least(1, greatest(
        extract(epoch FROM clock_timestamp() - begins) / extract(epoch FROM ends - begins), 0.001
    ));
BEGIN
    INSERT INTO public.cost_alerts (
        user_id, period, starts_on, threshold_percent, limit_amount, spent_amount, forecast_amount
    )
    SELECT NEW.user_id, NEW.period, NEW.starts_on, threshold, NEW.cost_limit, NEW.spent,
        least(NEW.spent / elapsed::numeric, 99999999)
    FROM unnest(ARRAY[50, 80, 100]) AS threshold
    WHERE NEW.spent * 100 >= NEW.cost_limit * threshold
    ON CONFLICT (user_id, period, starts_on, threshold_percent) DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION alert_of_cost() IS
    'Trigger: an alert when 50, 80 and 100 per cent of a limit are spent, with a forecast.';
CREATE TRIGGER alert_of_cost AFTER UPDATE OF spent ON quota_counters
    FOR EACH ROW WHEN (NEW.cost_limit > 0 AND NEW.spent > OLD.spent)
    EXECUTE FUNCTION alert_of_cost();

-- --- The breaker ---------------------------------------------------------------------------------

-- Five failures in a row open it for 30 seconds, each time twice as long up to an hour; then one
-- request alone may try.
CREATE FUNCTION may_ask_provider(provider_id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM public.providers p
    WHERE p.id = provider_id AND p.is_enabled AND p.breaker_state = 'closed';
    IF FOUND THEN
        RETURN true;
    END IF;
    -- Whoever changes the row first is the one that tries; a try that never ends is followed by
    -- another a minute later.
    UPDATE public.providers p
    SET breaker_state = 'half_open', breaker_until = clock_timestamp() + interval '1 minute'
    WHERE p.id = provider_id AND p.is_enabled AND p.breaker_state <> 'closed'
        AND p.breaker_until <= clock_timestamp();
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION may_ask_provider(uuid) IS
    'Whether a provider may be asked now; after a pause, one caller gets true to try it.';

CREATE FUNCTION note_provider_outcome(provider_id uuid, worked boolean) RETURNS text
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
COMMENT ON FUNCTION note_provider_outcome(uuid, boolean) IS
    'Tells the breaker of a provider how a request ended; returns its state.';
REVOKE EXECUTE ON FUNCTION may_ask_provider(uuid) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION note_provider_outcome(uuid, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION may_ask_provider(uuid) TO lacuna_app;
GRANT EXECUTE ON FUNCTION note_provider_outcome(uuid, boolean) TO lacuna_app;

-- --- Whose the rows are ---------------------------------------------------------------------------

SELECT close_rows('providers');
CREATE POLICY look ON providers FOR SELECT TO lacuna_app
    USING ((SELECT app_may(VARIADIC '{}'::text[])));
SELECT share('provider_health', look => '{providers.view_provider}');
SELECT share(
    'provider_prices',
    look => '{providers.view_provider,imaging.analyse_image,annotations.annotate_image}'
);
SELECT confine('user_providers');
SELECT close_rows('user_quotas');
CREATE POLICY own ON user_quotas FOR SELECT TO lacuna_app
    USING (user_id = (SELECT app_user_id()));
SELECT close_rows('cost_alerts');
CREATE POLICY own ON cost_alerts FOR SELECT TO lacuna_app
    USING (user_id = (SELECT app_user_id()));
SELECT confine('quota_counters');
SELECT confine('usage_holds');
SELECT confine('usage_ledger');
SELECT confine('usage_tracking');

-- --- The audit log --------------------------------------------------------------------------------

SELECT audits.guard(
    'providers', 'provider',
    '{updated_at,breaker_state,breaker_failures,breaker_opened_at,breaker_until,key_tested_at,key_error}',
    '{api_key,key_hint}'
);
SELECT audits.guard(
    'user_providers', 'user_provider', '{updated_at,status,tested_at,last_used_at,error_message}',
    '{api_key,key_hint}'
);
SELECT audits.guard('provider_prices', 'provider_price');
SELECT audits.guard('user_quotas', 'user_quota', '{updated_at}');
