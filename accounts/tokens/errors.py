"""What can be wrong with a token, and with the keys that sign them."""


class TokenError(Exception):
    """Whatever this package refuses; the text is a sentence."""


class KeyringError(TokenError):
    """The keyring is missing, unreadable or damaged; the text says what to do."""


class WrongToken(TokenError):
    """An access token that is not ours, not whole, not yet or no more valid.

    The text is fit for whoever sent it: it says no more than that the token cannot be used.
    """


class ExpiredToken(WrongToken):
    """An access token of ours whose time is over."""
