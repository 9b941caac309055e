-- --- What belongs to one person -----------------------------------------------------------------

SELECT confine('sessions');
SELECT confine('refresh_tokens');
SELECT confine('totp_devices');
SELECT confine('recovery_codes');
SELECT confine('password_resets');
SELECT confine('api_keys');
SELECT confine('idempotency_keys');

-- Admins' and the system's alone; requests are counted by count_request().
SELECT close_rows('invitations');
SELECT close_rows('throttles');

-- Colleagues see each other while they are active: who uploaded an image, who is to be asked. Each
-- changes themself alone, within the bounds of guard_users().
SELECT close_rows('users');
CREATE POLICY look ON users FOR SELECT TO lacuna_app
    USING ((SELECT app_may(VARIADIC '{}'::text[])));
CREATE POLICY own ON users FOR UPDATE TO lacuna_app
    USING (id = (SELECT app_user_id())) WITH CHECK (id = (SELECT app_user_id()));
CREATE POLICY reports_of_actors ON users FOR SELECT TO lacuna_auditor USING (true);

-- --- What the product is set to: read before anybody is known, changed by admins ------------------

SELECT close_rows('role_permissions');
CREATE POLICY look ON role_permissions FOR SELECT TO lacuna_app USING (true);
SELECT close_rows('system_settings');
CREATE POLICY look ON system_settings FOR SELECT TO lacuna_app USING (true);
SELECT close_rows('migrations_history');

-- --- The engine: moved by the system, watched and steered by role ---------------------------------

SELECT share(
    'job_queues', look => '{jobs.view_queue}', add => '{jobs.change_queue}',
    change => '{jobs.change_queue}'
);
SELECT close_rows('job_lines');
SELECT share('job_workers', look => '{jobs.view_worker}');
SELECT share('job_statistics', look => '{jobs.view_queue}');
SELECT share('job_attempts', look => '{jobs.view_attempt}');
SELECT share(
    'job_schedule', look => '{jobs.view_recurrence}', change => '{jobs.change_recurrence}'
);
SELECT share(
    'recurring_jobs', look => '{jobs.view_recurringjob}', add => '{jobs.change_recurrence}',
    change => '{jobs.change_recurrence,jobs.change_queue}'
);
