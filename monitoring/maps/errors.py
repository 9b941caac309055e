"""The refusals of the map and of the scores."""


class Unusable(ValueError):
    """Numbers or parameters of which no map or score can be made.

    The message is a sentence for the person who sent them: what is wrong, in which row and
    column, and what to do.
    """


class FitCancelled(Exception):
    """The caller's ``cancelled`` said so; nothing was made."""
