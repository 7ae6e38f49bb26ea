"""The level of each event in the operator's log."""

from collections.abc import Mapping
from typing import Final, Literal

Level = Literal["info", "warning", "error"]

_EVENTS: Final[Mapping[Level, str]] = {
    "info": """
    ready signed_in token_issued accepted message_delivered sign_in_works secret_changed
    refresh_token_kept certificate_reloaded reloaded closed domain_verified clock_advanced
    watching probed stopping descriptors_free
    """,
    "warning": """
    auth_refused token_not_issued token_refused refused message_refused message_deferred
    message_dropped sender_warned next_hop_rests lease_lost message_damaged clock_put_back
    tls_failed proxy_header_refused certificate_expires config_warning domain_not_verified
    webhook_failed reports_delayed authority_replaced changed upstream_certificate_expires
    login_rests snapshot_unreadable account_damaged lines_dropped
    """,
    "error": """
    not_stored message_failed notification_lost sign_in_stopped refresh_token_not_kept
    not_settled queue_unavailable certificate_kept reload_refused internal_error api_failed
    webhook_given_up worker_died probe_failed snapshot_not_kept directory_damaged
    store_recovered store_gone store_older ready_not_written failed descriptors_used_up
    """,
}
"""``warning``: somebody was refused, or it will be tried again, or somebody should look at it.
``error``: mail or data is concerned, or something does not work until somebody solves it."""
LEVELS: Final[Mapping[str, Level]] = {
    event: level for level, events in _EVENTS.items() for event in events.split()
}
