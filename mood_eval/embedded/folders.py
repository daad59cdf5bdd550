"""Where the private servers keep their data, logs, locks and sockets."""

import hashlib
import os
import pwd
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# Not $TMPDIR nor $XDG_RUNTIME_DIR: two shells of one user must find the same sockets, and a unix
# socket path ends at 107 bytes.
RUNTIME_PARENT = Path("/tmp")  # noqa: S108
LOG_LIMIT_BYTES = 5_000_000


class EmbeddedServerError(RuntimeError):
    """A private server could not be started; the message names the step, the log and a remedy."""


@dataclass(frozen=True)
class Folders:
    var: Path

    @property
    def runtime(self) -> Path:
        digest = hashlib.sha256(os.fsencode(self.var)).hexdigest()[:12]
        return RUNTIME_PARENT / f"moodeval-{os.geteuid()}" / digest

    @property
    def postgres_socket_folder(self) -> Path:
        return self.runtime / "pg"

    @property
    def valkey_socket(self) -> Path:
        return self.runtime / "valkey.sock"

    def log(self, name: str) -> Path:
        return self.var / "log" / f"{name}.log"

    def lock(self, server: str, kind: str) -> Path:
        return self.var / "run" / f"{server}.{kind}.lock"

    def create(self) -> None:
        try:
            for folder in (self.var, self.var / "run", self.var / "log"):
                folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self.var / "run", os.W_OK):
                raise PermissionError
        except PermissionError as error:
            raise EmbeddedServerError(
                f"Cannot write to {self.var}, which belongs to {owner_name(self.var)}. Give it to "
                f"your account, or set MOODEVAL_VAR to a folder of your own."
            ) from error
        for folder in (self.runtime.parent, self.runtime):
            _make_private(folder)


def folders_of(var: Path) -> Folders:
    return Folders(var.expanduser().resolve())


def default_var() -> Path:
    return folders_of(Path(os.environ.get("MOODEVAL_VAR") or BASE_DIR / "var")).var


def answers(path: Path, question: bytes = b"", answer: bytes = b"") -> bool:
    """Whether somebody listens on the socket and, asked, says what we expect."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
            client.sendall(question)
            return not answer or client.recv(64).startswith(answer)
        except OSError:
            return False


def rotate_log(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".1.log"))


def _make_private(folder: Path) -> None:
    """Others can write to /tmp: what they left there in our name is refused, not used."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise EmbeddedServerError(f"{folder} is not a folder. Remove it and try again.")
    if found.st_uid != os.geteuid():
        raise EmbeddedServerError(
            f"{folder} belongs to {owner_name(folder)}, so the servers' sockets cannot be put "
            f"there safely. Remove it, or set DATABASE_URL and REDIS_URL to servers of your own."
        )
    if found.st_mode & 0o066:
        folder.chmod(0o700)


def owner_name(path: Path) -> str:
    existing = next(p for p in (path, *path.parents) if p.exists())
    uid = existing.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
