DROP INDEX idx_users_last_login;
DROP INDEX idx_users_created_at;
DROP INDEX idx_users_is_active;
DROP INDEX idx_users_role;
DROP TRIGGER update_users_updated_at ON users;
ALTER TABLE users DROP COLUMN last_login, DROP COLUMN email_verified;
