"""The store on PostgreSQL behind PgBouncer, which pools sessions or transactions."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from gatepost.store.postgres import Connector, PostgresSettings, examine, open_store
from gatepost.store.postgres.connections import Unreachable
from gatepost.store.postgres.examination import Examination
from gatepost.store.postgres.session_settings import SETTINGS, is_pooled, missing_settings
from gatepost.testing.postgres_server import NOBODY, PostgresServer
from tests.contract.messages import NOON
from tests.contract.queued import mail, planned, settlement
from tests.postgres_server import new_server
from tests.postgres_stores import PostgresStores
from tests.shell.test_postgres_failures import accept, run, stored

CONFIG = """
[databases]
postgres = host={server}
[pgbouncer]
listen_addr =
unix_socket_dir = {directory}
auth_type = trust
auth_file = {directory}/users
pool_mode = {mode}
default_pool_size = 20
"""


def url_of(directory: Path) -> str:
    return f"host={directory} port=6432 user=relay dbname=postgres"


@contextmanager
def bouncer(server: PostgresServer, mode: str) -> Iterator[Path]:
    """Yield the directory of the socket of a PgBouncer."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "compliance/install.sh installs it"
    directory = server.directory / mode
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)
    (directory / "users").write_text('"relay" ""\n')
    config = CONFIG.format(server=server.directory, directory=directory, mode=mode)
    (directory / "ini").write_text(config)
    user = NOBODY if os.getuid() == 0 else None  # it refuses root
    process = subprocess.Popen([program, "-q", directory / "ini"], user=user)
    try:
        deadline = time.monotonic() + 30
        while not (directory / ".s.PGSQL.6432").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield directory
    finally:
        process.terminate()
        process.wait()


def examine_again(connector: Connector) -> Examination:
    """Examine the database once the pooler has noticed which of its connections ended."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return examine(connector, 10)
        except Unreachable:
            assert time.monotonic() < deadline


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with new_server() as made:
        with psycopg.connect(made.url, autocommit=True) as admin:
            admin.execute("CREATE ROLE relay LOGIN")
            admin.execute("GRANT CREATE ON DATABASE postgres TO relay")
        yield made


@pytest.mark.compliance
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_mail_is_accepted_and_settled_through_a_pooler(
    server: PostgresServer, tmp_path: Path, mode: str
) -> None:
    names = [f"m{number}" for number in range(300)]

    async def steps() -> None:
        queue = store.deliveries
        await queue.take_over(NOON)
        await accept(store, names)
        [lease] = await queue.put(mail("last"), [planned()])
        await queue.settle(lease, settlement("delivered"), NOON)
        assert sorted(await stored(store)) == sorted(names)

    with bouncer(server, mode) as directory:
        url = url_of(directory)
        if mode == "transaction":
            found = examine(Connector(lambda: url, mode, "check"), 10)
            assert found.pooled
            assert any("ALTER ROLE CURRENT_USER SET jit = 'off'" in w for w in found.warnings)
            with psycopg.connect(server.url, autocommit=True) as admin:
                settings = {**SETTINGS, "search_path": mode, "synchronous_commit": "on"}
                for name, value in settings.items():
                    admin.execute(f"ALTER ROLE relay SET {name} = '{value}'")
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'relay'"
                )
            found = examine_again(Connector(lambda: url, mode, "check"))
            assert not any("pooler" in each for each in found.warnings)
        with closing(open_store(tmp_path, PostgresSettings(lambda: url, mode))) as store:
            run(steps())


def test_what_a_user_lacks_is_named(postgres: PostgresStores) -> None:
    with postgres.connect() as admin:
        assert not is_pooled(admin)
        admin.execute("DROP ROLE IF EXISTS pooled")
        admin.execute("CREATE ROLE pooled LOGIN")
        try:
            admin.execute("ALTER ROLE pooled SET jit = off")
            url = postgres.url.replace("user=postgres", "user=pooled")
            with psycopg.connect(url, autocommit=True) as session:
                missing = missing_settings(session, "mail")
        finally:
            admin.execute("DROP ROLE pooled")
    assert "lock_timeout = '5s'" in missing
    assert "search_path = 'mail'" in missing
    assert not any("jit" in each for each in missing)


def test_a_direct_session_gets_its_settings(postgres: PostgresStores) -> None:
    connector = Connector(lambda: postgres.url, postgres.schema, "test")
    with closing(connector.connect(timeout=3.0)) as session:
        for name, value in {**SETTINGS, "statement_timeout": "3s"}.items():
            row = session.execute("SELECT current_setting(%s)", (name,)).fetchone()
            assert row == (value,), name
        assert session.execute("SHOW synchronous_commit").fetchone() == ("on",)
