"""A connection in clear, as a receiver of it sees it."""


class ClearStream:
    """What a Receiver asks of a ServerStream in clear."""

    peer_address, tls, presented = "192.0.2.1", None, ()
    is_closing, is_shaking, is_writable = False, False, True

    def __init__(self) -> None:
        self.said = b""

    def write(self, octets: bytes) -> None:
        self.said += octets

    def close(self) -> None:
        self.is_closing = True

    abort = close

    def start_tls(self, context: object) -> None:  # noqa: ARG002
        self.is_shaking = True

    def pause(self) -> None:
        pass

    resume = pause
