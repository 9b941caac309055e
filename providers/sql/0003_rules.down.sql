SELECT audits.unguard(t) FROM unnest(ARRAY[
    'providers', 'user_providers', 'provider_prices', 'user_quotas'
]::regclass[]) AS tables (t);
SELECT unconfine(t) FROM unnest(ARRAY[
    'providers', 'provider_health', 'provider_prices', 'user_providers', 'user_quotas',
    'quota_counters', 'cost_alerts', 'usage_holds', 'usage_ledger', 'usage_tracking'
]::regclass[]) AS tables (t);
DROP FUNCTION note_provider_outcome(uuid, boolean);
DROP FUNCTION may_ask_provider(uuid);
DROP TRIGGER alert_of_cost ON quota_counters;
DROP FUNCTION alert_of_cost();
DROP TRIGGER track_usage ON usage_ledger;
DROP FUNCTION track_usage();
DROP TRIGGER keep_price ON provider_prices;
DROP FUNCTION keep_price();
DROP TRIGGER keep_ledger_whole ON usage_ledger;
DROP TRIGGER keep_ledger ON usage_ledger;
DROP FUNCTION keep_ledger();
DROP FUNCTION expire_usage_holds();
DROP FUNCTION settle_usage(
    uuid, numeric, bigint, bigint, bigint, integer, text, text, integer, boolean
);
DROP FUNCTION send_usage(uuid);
DROP FUNCTION reserve_usage(uuid, uuid, text, text, numeric, uuid, integer, numeric, numeric);
DROP FUNCTION take_from_quota(uuid, text, date, numeric, numeric, integer);
DROP FUNCTION check_spender(uuid);
DROP TRIGGER update_user_quotas_updated_at ON user_quotas;
DROP TRIGGER update_user_providers_updated_at ON user_providers;
DROP TRIGGER update_providers_updated_at ON providers;
DROP INDEX idx_cost_alerts_created_at, idx_usage_tracking_provider, idx_usage_tracking_date,
    idx_usage_ledger_price, idx_usage_ledger_provider, idx_usage_ledger_created_at,
    idx_usage_ledger_user, idx_usage_holds_price, idx_usage_holds_provider, idx_usage_holds_user,
    idx_usage_holds_settled,
    idx_usage_holds_open, idx_user_providers_provider, idx_provider_health_checked_at,
    idx_provider_health_provider;
SELECT set_on_delete('usage_tracking', 'provider_id', 'NO ACTION');
SELECT set_on_delete('usage_tracking', 'user_id', 'NO ACTION');
SELECT set_on_delete('usage_ledger', 'price_id', 'NO ACTION');
SELECT set_on_delete('usage_ledger', 'provider_id', 'NO ACTION');
SELECT set_on_delete('usage_ledger', 'user_id', 'NO ACTION');
SELECT set_on_delete('usage_holds', 'price_id', 'NO ACTION');
SELECT set_on_delete('usage_holds', 'provider_id', 'NO ACTION');
SELECT set_on_delete('usage_holds', 'user_id', 'NO ACTION');
SELECT set_on_delete('cost_alerts', 'user_id', 'NO ACTION');
SELECT set_on_delete('quota_counters', 'user_id', 'NO ACTION');
SELECT set_on_delete('user_quotas', 'user_id', 'NO ACTION');
SELECT set_on_delete('provider_prices', 'provider_id', 'NO ACTION');
SELECT set_on_delete('user_providers', 'provider_id', 'NO ACTION');
SELECT set_on_delete('user_providers', 'user_id', 'NO ACTION');
SELECT set_on_delete('provider_health', 'provider_id', 'NO ACTION');
