"""The refusals with which a picture can be turned away."""


class ImageRefused(Exception):
    """A file or picture that cannot be analysed.

    ``code`` is stable and meant for programs: ``empty_file``, ``not_an_image``, ``truncated``,
    ``too_many_pixels``, ``too_large_side``, ``zero_size``, ``unsupported``, ``unreadable`` or
    ``no_alpha``. ``reason`` is a sentence for people; it never contains the file's name.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason

    def __reduce__(self) -> tuple[type["ImageRefused"], tuple[str, str]]:
        return type(self), (self.code, self.reason)
