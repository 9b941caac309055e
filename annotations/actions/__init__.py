"""What people and jobs do with annotations; the admin, the API and the commands call these."""
