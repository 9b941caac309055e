"""Requests that leave this server: where they may go, and a connection that goes nowhere else."""
