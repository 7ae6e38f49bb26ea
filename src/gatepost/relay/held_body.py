"""A content that is sent only while its delivery is still ours."""

from collections.abc import Callable, Iterator

from gatepost.errors import LeaseLost
from gatepost.model.body import Body, Traits, is_made_on_the_way, traits_of


class HeldBody:
    """Implements ``Body``. ``is_held`` is asked before each chunk and at the end, so that no server
    gets all of it after another node may have taken over the delivery."""

    def __init__(self, body: Body, is_held: Callable[[], bool]) -> None:
        self._body, self._is_held = body, is_held
        self.made_on_the_way = is_made_on_the_way(body)

    @property
    def size(self) -> int:
        """See ``Body``."""
        return self._body.size

    @property
    def traits(self) -> Traits | None:
        """See ``Body``."""
        return traits_of(self._body)

    def chunks(self) -> Iterator[bytes]:
        """Yield the content. Raises LeaseLost instead of its rest or its end."""
        for chunk in self._body.chunks():
            self._check()
            yield chunk
        self._check()

    def _check(self) -> None:
        if not self._is_held():
            raise LeaseLost("another node may have taken over the delivery")
