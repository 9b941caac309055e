-- The names that jobs may ask for. The local one needs no key, no network and no money.
INSERT INTO providers (name, display_name, default_model, rank, needs_key, is_enabled) VALUES
    ('local', 'Local', 'figure-ground-efficientnet-lite0-1', 10, false, true),
    ('openai', 'OpenAI', 'gpt-5.5', 20, true, false),
    ('anthropic', 'Anthropic', 'claude-sonnet-5-5', 30, true, false),
    ('google', 'Google', 'gemini-3.8-flash', 40, true, false);
INSERT INTO provider_prices (provider_id, model, valid_from, input_per_million, output_per_million, source)
SELECT id, default_model, '2000-01-01', 0, 0, 'runs here' FROM providers WHERE name = 'local';
