DELETE FROM provider_prices;
DELETE FROM providers;
