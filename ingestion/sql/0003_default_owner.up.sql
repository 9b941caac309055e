-- A file that plain SQL adds with the documented columns alone is whoever's it is who acts.
ALTER TABLE file_uploads ALTER COLUMN user_id SET DEFAULT app_user_id();
