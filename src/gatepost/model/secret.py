"""A secret that cannot get into a log by mistake."""

from typing import final


@final
class Secret:
    """A password, token or key. ``reveal()`` is the only access to its text.

    ``repr`` and ``str`` show neither the text nor its length; comparison takes constant time.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text. Call it only to send it or to compute a digest."""
        return self._text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac  # noqa: PLC0415 - it loads OpenSSL, and few compare

        return hmac.compare_digest(
            self._text.encode("utf-8", "surrogateescape"),
            other._text.encode("utf-8", "surrogateescape"),
        )

    __hash__ = None  # type: ignore[assignment]  # a secret is not a dictionary key

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is not pickled")
