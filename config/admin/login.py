"""The form at the door."""

from __future__ import annotations

from django.contrib.admin.forms import AdminAuthenticationForm


class StaffAuthenticationForm(AdminAuthenticationForm):
    """E-mail address and password; a refusal does not tell which of them was wrong."""

    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": (
            "This e-mail address and password do not fit together, or the account has no access"
            " to the staff pages. Check both, or ask an admin."
        ),
    }
