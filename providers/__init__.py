"""AI providers: one interface, their encrypted keys, health, quotas, prices and usage."""
