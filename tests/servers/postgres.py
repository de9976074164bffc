"""A PostgreSQL server of our own: Debian's binaries, a data folder that is thrown away, a free loopback port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import sqlalchemy as sa

from stream_app.broker.ports import LOOPBACK, free_ports
from tests.servers.tools import TOOLS

USER, PASSWORD = "loans", "not/for:logs"
SECONDS = "30"


class Postgres:
    """A running server. Stop it and start it again as often as you like; ``remove`` at the end."""

    def __init__(self, *settings: str, parent: Path | None = None) -> None:
        """``settings``: as ``NAME=VALUE``, say ``fsync=off``; its folder is made in ``parent``. Raises ToolMissing."""
        self._binaries = TOOLS["postgres"].path().resolve().parent
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=parent))
        (self.port,) = free_ports(1)
        self._settings = [f"port={self.port}", f"listen_addresses={LOOPBACK}", "unix_socket_directories=", *settings]
        password_file = self._folder / "password"
        password_file.write_text(PASSWORD)
        if os.geteuid() == 0:
            user = _unprivileged()
            for path in (self._folder, password_file):
                os.chown(path, user.pw_uid, user.pw_gid)
        locale = ["--encoding=UTF8", "--locale=C.UTF-8"]
        login = [f"--username={USER}", "--auth=scram-sha-256", f"--pwfile={password_file}"]
        self._run("initdb", *locale, *login, "--no-sync")
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = " ".join(f"-c {setting}" for setting in self._settings)
        log = str(self._folder / "log")
        self._run("pg_ctl", "start", "--wait", f"--timeout={SECONDS}", f"--log={log}", f"--options={settings}")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; whoever is connected is thrown out."""
        self._run("pg_ctl", "stop", "--wait", f"--timeout={SECONDS}", f"--mode={mode}")

    def remove(self) -> None:
        """Stop it if it runs, and remove its folder."""
        if (self._folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")  # nothing of it is kept
        shutil.rmtree(self._folder)

    def url(self, database: str, password: str = PASSWORD) -> str:
        """As a user would write it."""
        place = sa.URL.create("postgresql", USER, password, LOOPBACK, self.port, database)
        return place.render_as_string(hide_password=False)

    def new_database(self, name: str) -> str:
        """Make an empty database. Returns its URL."""
        self._execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove it: one takes 7 MB."""
        self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        place = sa.make_url(self.url("postgres")).set(drivername="postgresql+psycopg")
        engine = sa.create_engine(place, isolation_level="AUTOCOMMIT")
        with engine.connect() as db:
            db.exec_driver_sql(statement)
        engine.dispose()

    def _run(self, program: str, *options: str) -> None:
        command = [*_as_unprivileged(), str(self._binaries / program), f"--pgdata={self._folder / 'data'}", *options]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=self._folder, check=False
        )
        assert done.returncode == 0, f"{program} failed: {done.stderr}"


def _unprivileged() -> pwd.struct_passwd:
    """PostgreSQL refuses to run as root."""
    names = {user.pw_name: user for user in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _as_unprivileged() -> list[str]:
    if os.geteuid() != 0:
        return []
    user = _unprivileged()
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
