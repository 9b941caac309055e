"""Which adapter answers to which name.

Those beyond this machine are named here and imported when they are first asked: their libraries
take seconds. What looks at pictures on this machine registers itself in ``AppConfig.ready``::

    registry.register(LocalProvider())
"""

from __future__ import annotations

from importlib.util import find_spec
from ipaddress import ip_network
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from providers.addresses import Reach
from providers.interface import Provider

# A class that is made without arguments, and the library that it imports when it is asked.
_BEYOND: Final[dict[str, tuple[str, str]]] = {
    "openai": ("providers.adapters.openai.OpenAI", "openai"),
    "anthropic": ("providers.adapters.anthropic.Anthropic", "anthropic"),
    "google": ("providers.adapters.google.Google", "google.genai"),
}
_registered: Final[dict[str, Provider]] = {}


class NotInstalled(LookupError):
    """Nothing in this installation answers to the name; the text says what to do."""


def register(provider: Provider) -> None:
    """Make a provider known by its name; one of the same name is replaced."""
    _registered[provider.name] = provider


def registered(name: str) -> Provider | None:
    """Who has registered for the name, or was asked before."""
    return _registered.get(name)


def forget(name: str) -> None:
    """Undo ``register``."""
    _registered.pop(name, None)


def adapter(name: str) -> Provider:
    """Who answers to the name; NotInstalled otherwise."""
    found = _registered.get(name)
    if found is not None:
        return found
    path, library = _BEYOND.get(name, ("", ""))
    if not path:
        raise NotInstalled(
            f"Nothing in this installation answers to the provider {name!r}. Switch it off, or"
            " install what registers it."
        )
    if not _is_installed(library):
        raise NotInstalled(
            f"The provider {name} needs the library {library}, which is not installed. Install the"
            " extra: pip install 'lacuna[providers]'."
        )
    made: Provider = import_string(path)(reach=reach())
    register(made)
    return made


def reach() -> Reach:
    """What a base URL may lead to besides the public network, as PROVIDER_NETWORKS says."""
    try:
        networks = tuple(ip_network(text) for text in settings.PROVIDER_NETWORKS)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"PROVIDER_NETWORKS must list networks such as 10.1.0.0/16, but {error}."
        ) from None
    return Reach(networks=networks, plain_http=any(one.is_loopback for one in networks))


def names() -> frozenset[str]:
    """Every name that may be asked for."""
    return frozenset(_BEYOND) | frozenset(_registered)


def _is_installed(library: str) -> bool:
    """Whether it can be imported, without importing it."""
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:  # not even the package that it lies in
        return False
