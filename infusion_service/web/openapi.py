"""stub"""


def encoded() -> bytes:
    """Stub."""
    return b"{}"
