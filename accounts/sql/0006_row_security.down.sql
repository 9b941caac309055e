SELECT unconfine(t) FROM unnest(ARRAY[
    'sessions', 'refresh_tokens', 'totp_devices', 'recovery_codes', 'password_resets', 'api_keys',
    'idempotency_keys', 'invitations', 'throttles', 'users', 'role_permissions', 'system_settings',
    'migrations_history', 'job_queues', 'job_lines', 'job_workers', 'job_statistics',
    'job_attempts', 'job_schedule', 'recurring_jobs'
]::regclass[]) AS tables (t);
