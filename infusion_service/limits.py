"""Where the service says no instead of growing.

Every bound of a queue, a body, a page, a wait or a number of connections is one of these, and a setting of section
`limits`. Not here: clinical limits, which are in the workflow file.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where the service says no instead of growing: every bound of a queue, a body, a page or a wait, unit last."""

    body_bytes_max: int = 256 * 1024
    batch_bytes_max: int = 1024 * 1024
    batch_items_max: int = 500
    intake_queue_max: int = 4096
    """Submissions waiting for the writer; past it 503 with Retry-After (stop and emergency facts pass)."""
    intake_batch_max: int = 512
    """Submissions decided and committed together."""
    day_cache_days_max: int = 512
    page_entries_max: int = 1000
    device_requests_per_s: int = 100
    device_requests_burst_max: int = 1000
    site_requests_per_s: int = 2000
    site_requests_burst_max: int = 10_000
    sse_clients_max: int = 64
    """Live streams of the site at once; each holds a connection."""
    sse_clients_each_max: int = 16
    """Live streams of one device, person or service."""
    header_wait_s: int = 15
    unheard_connections_max: int = 256
    """Connections whose first header has not come yet; one more, and the oldest of them is cut off."""
    body_wait_s: int = 15
    idle_connection_s: int = 75
    connections_max: int = 2048
    """Connections at once; one more, and the oldest of the address that holds most is cut off."""
    connections_each_max: int = 512
    """Connections of one address; behind a proxy all have one, and only `connections_max` counts."""
    drain_s_max: int = 10
    """Time open requests get to finish after SIGTERM."""
    session_idle_min: int = 30
    session_hours_max: int = 12
    pin_attempts_max: int = 5
