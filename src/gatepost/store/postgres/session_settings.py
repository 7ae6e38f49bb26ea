"""The settings of our sessions, and how they get through a pooler."""

from typing import Any, Final

import psycopg

SETTINGS: Final = {
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}
"""Statements are planned once, as they are planned for a large queue: one that was planned while a
table was empty would read all of it later. A client that is stopped in a transaction must not hold
its locks."""
_ROLE: Final = """
SELECT unnest(setconfig) FROM pg_db_role_setting
WHERE setrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)
    AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
Session = psycopg.Connection[tuple[Any, ...]]


def prepare_session(session: Session, schema: str, timeout: float) -> None:
    """Give a session its settings; its statements may take ``timeout`` seconds, 0: any time.

    If a pooler is in between, and the user has the settings, nothing is set: it would be set for
    whoever gets the server's process next.
    """
    if is_pooled(session):
        session.prepare_threshold = None  # not every pooler keeps prepared statements apart
        if not missing_settings(session, schema):
            return
    values = {
        **SETTINGS, "search_path": schema, "statement_timeout": str(round(timeout * 1000))
    }  # fmt: skip
    calls = ", ".join([f"set_config('{name}', %s, false)" for name in values])
    commit = "replace(current_setting('synchronous_commit'), 'off', 'on')"
    query = f"SELECT {calls}, set_config('synchronous_commit', {commit}, false)"
    session.execute(query.encode(), tuple(values.values()), prepare=False)


def is_pooled(session: Session) -> bool:
    """Tell whether what we are connected to is not the process that executes our statements."""
    row = session.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    return row is not None and bool(row[0] != session.info.backend_pid)


def missing_settings(session: Session, schema: str) -> list[str]:
    """Return the settings that the user lacks, each as ``name = value``."""
    rows = session.execute(_ROLE, prepare=False).fetchall()
    present = dict(each.split("=", 1) for (each,) in rows)
    wanted = {**SETTINGS, "search_path": schema, "synchronous_commit": "on"}
    return [f"{name} = '{value}'" for name, value in wanted.items() if present.get(name) != value]
