"""How passwords are kept."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id with 64 MiB, 3 iterations and 4 lanes (RFC 9106, OWASP ASVS 5.0 V6)."""

    time_cost = 3
    memory_cost = 64 * 1024  # KiB
    parallelism = 4
