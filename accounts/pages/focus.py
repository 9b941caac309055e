"""Where the cursor stands in a form that comes back: at what has to be typed next."""

from __future__ import annotations

from django import forms


def focus(form: forms.BaseForm | None) -> None:
    """Of a form that was refused, focus the first field with an error, or the first empty one.

    A form that was not sent yet keeps the focus that its fields ask for.
    """
    if form is None or not form.errors:
        return
    shown = [name for name in form.fields if not form[name].is_hidden]
    wrong = [name for name in shown if name in form.errors]
    empty = [name for name in shown if not _is_kept(form, name)]
    for name in shown:
        form.fields[name].widget.attrs.pop("autofocus", None)
    for name in (wrong or empty)[:1]:
        if not form[name].use_fieldset:  # of several boxes each would ask for it
            form.fields[name].widget.attrs["autofocus"] = True


def _is_kept(form: forms.BaseForm, name: str) -> bool:
    """Whether the field is shown with what was typed; passwords never are."""
    widget = form.fields[name].widget
    return getattr(widget, "input_type", "") != "password" and bool(form[name].value())
