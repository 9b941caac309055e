"""People who log in, and programs that act for them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import auth
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models, transaction
from django.db.models.functions import Lower

from accounts.roles import STAFF, Role
from audit.recording import record
from database.fields import CreatedAtField, KeyField, UpdatedAtField

# One "@", no spaces, a dot in the domain, neither at its edge. The database checks the same.
EMAIL_PATTERN = r"^[^@[:space:]]+@[^@[:space:].]+(\.[^@[:space:].]+)+$"


def record_creation(user: User, *, by: User | None = None) -> None:
    """The entry of a new person: who they are can be erased one day, what they may do cannot."""
    record(
        "user.created",
        by=by,
        subject=user,
        after={
            "role": user.role,
            "is_active": user.is_active,
            "is_email_verified": user.is_email_verified,
        },
        personal={"user_email": user.email, "user_full_name": user.full_name},
    )


class UserManager(BaseUserManager["User"]):
    """Finds people by e-mail address, whatever its capitals."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.alias(lowered=Lower("email")).get(lowered=Lower(models.Value(username or "")))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a person; without a password they cannot log in until they get one."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        with transaction.atomic(using=self._db):
            user.save(using=self._db)
            record_creation(user)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create an admin; ``manage.py createsuperuser`` calls it."""
        fields.setdefault("is_email_verified", True)
        return self.create_user(email, password, **(fields | {"role": Role.ADMIN}))


class User(AbstractBaseUser):
    """A person or program with one role; guarded by ``update_updated_at_column()``."""

    hidden_columns: ClassVar[frozenset[str]] = frozenset({"password_hash"})

    id = KeyField()
    email = models.EmailField("e-mail address", max_length=255, unique=True)
    password = models.CharField(max_length=255, db_column="password_hash", db_default="")
    full_name = models.CharField(max_length=255, blank=True, default="", db_default="")
    role = models.CharField(
        max_length=20, choices=Role.choices, default=Role.VIEWER, db_default=Role.VIEWER
    )
    is_active = models.BooleanField("active", default=True, db_default=True)
    is_email_verified = models.BooleanField("e-mail verified", default=False, db_default=False)
    last_login_at = models.DateTimeField("last login", null=True, blank=True, editable=False)
    metadata = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField()), blank=True
    )
    # Ten failures in a row lock the account for a while, each time twice as long.
    failed_login_count = models.IntegerField(default=0, db_default=0, editable=False)
    lockout_count = models.IntegerField(default=0, db_default=0, editable=False)
    locked_until = models.DateTimeField(null=True, blank=True, editable=False)
    password_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    last_login = None  # Django's column; ours is last_login_at
    _password_removed = False

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        db_table = "users"
        verbose_name = "person"
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="users_email_lower_key",
                violation_error_message="Somebody with this e-mail address exists already.",
            ),
            models.CheckConstraint(
                name="users_email_format_check",
                condition=models.Q(email__regex=EMAIL_PATTERN),
                violation_error_message="This is not an e-mail address.",
            ),
            models.CheckConstraint(
                name="users_role_check", condition=models.Q(role__in=Role.values)
            ),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email

    def save(self, *args: Any, **options: Any) -> None:
        """Save; a password that was set or removed is an entry in the audit log."""
        given, removed = self._password is not None, self._password_removed
        is_change = not self._state.adding and (given or removed)
        with transaction.atomic(using=options.get("using")):
            super().save(*args, **options)
            if is_change:
                record("user.password_changed", subject=self, details={"removed": removed})
        self._password_removed = False

    def set_password(self, raw_password: str | None) -> None:
        """Set the password, to be saved; None removes it."""
        super().set_password(raw_password)
        self._password_removed = raw_password is None

    def set_unusable_password(self) -> None:
        """Remove the password, to be saved."""
        super().set_unusable_password()
        self._password, self._password_removed = None, True

    @property
    def is_staff(self) -> bool:
        """Whether the staff pages are open to this person."""
        return self.is_active and self.role in STAFF

    @property
    def is_superuser(self) -> bool:
        """Whether this person may do everything."""
        return self.is_active and self.role == Role.ADMIN

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        """Whether any authentication backend gives the permission."""
        return any(
            backend.has_perm(self, perm, obj)
            for backend in auth.get_backends()
            if hasattr(backend, "has_perm")
        )

    def has_perms(self, perm_list: list[str], obj: models.Model | None = None) -> bool:
        """Whether every permission of the list is given."""
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """Whether anything in the app is given."""
        return any(
            backend.has_module_perms(self, app_label)
            for backend in auth.get_backends()
            if hasattr(backend, "has_module_perms")
        )

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)
