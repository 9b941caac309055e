"""The process that works on queues: ``manage.py run_worker``."""
