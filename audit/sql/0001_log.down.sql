-- The log and everything that seals it.
DROP SCHEMA audits CASCADE;
REVOKE USAGE ON SCHEMA public FROM lacuna_sealer;
