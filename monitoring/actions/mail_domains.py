"""Whom alerts may write to: the setting ``alert_mail_domains``."""

from __future__ import annotations

from database import system_settings
from monitoring.rules import NotADefinition, Problem
from monitoring.rules.mail_domains import allows, domain_of
from monitoring.rules.telling import addresses, is_address, parse_actions


def check(document: object) -> None:
    """NotADefinition for actions that cannot be read, or write to where no letter may go."""
    parse_actions(document)
    domains = _allowed()
    unwelcome = [
        Problem(path, _sentence(address, domains))
        for path, address in addresses(document)
        if not allows(domains, address)
    ]
    if unwelcome:
        raise NotADefinition(unwelcome)


def refusal(address: str) -> str:
    """Why no letter may go there, at this moment; empty where it may.

    Whoever wrote plain SQL may have written several addresses in one.
    """
    domains = _allowed()
    if not domains or (is_address(address) and allows(domains, address)):
        return ""
    return _sentence(address, domains)


def _allowed() -> list[str]:
    domains: list[str] = system_settings.get("alert_mail_domains")
    return domains


def _sentence(address: str, domains: list[str]) -> str:
    return (
        f"Alerts may not be mailed to {domain_of(address) or 'this address'}, only to"
        f" {', '.join(domains)}. Give another address, or let an admin add the domain to"
        " alert_mail_domains."
    )
