"""A secret that cannot slip into a log."""

from typing import final


@final
class Secret:
    """A password, token or key. ``reveal()`` is the only way to its text.

    ``repr`` and ``str`` show neither the text nor its length; equality takes
    constant time.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself; call it only where it goes onto the wire or into a digest."""
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
