"""What can be missing before anything is looked at."""


class WeightsMissing(Exception):
    """The network cannot be had: nothing installed, or not what was expected.

    The sentence says which file or package it is about, and what to install.
    """


class TensorsUnreadable(Exception):
    """A file of tensors that is damaged, or holds anything but tensors."""


class AnswerMalformed(Exception):
    """A network answered with something that no picture can be the cause of."""
