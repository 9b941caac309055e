-- People: columns that other systems know under other names, the trigger, the indexes.

ALTER TABLE users
    ADD COLUMN email_verified boolean GENERATED ALWAYS AS (is_email_verified) STORED,
    ADD COLUMN last_login timestamptz GENERATED ALWAYS AS (last_login_at) STORED;

CREATE TRIGGER update_users_updated_at
    BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE INDEX idx_users_role ON users (role, id);
CREATE INDEX idx_users_is_active ON users (is_active, id);
CREATE INDEX idx_users_created_at ON users (created_at DESC, id DESC);
CREATE INDEX idx_users_last_login ON users (last_login_at DESC NULLS LAST, id DESC);
