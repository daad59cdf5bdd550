"""Which account runs PostgreSQL, which refuses to run as root."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mood_eval.embedded.folders import EmbeddedServerError

FALLBACK_ACCOUNT = "nobody"


@dataclass(frozen=True)
class Account:
    """`prefix` goes before the command; `uid` owns the files as seen from outside."""

    prefix: tuple[str, ...]
    uid: int

    @property
    def switch_to(self) -> int | None:
        return None if self.uid == os.geteuid() else self.uid


def postgres_account(binaries: Path, data: Path) -> Account:
    """Ourselves; as root, ourselves under another number in a user namespace, so that files stay
    root's; where namespaces are forbidden (many containers), the account `nobody`."""
    own = os.geteuid()
    if own != 0 and _has_name(own):
        return Account((), own)
    mapped = _namespace_prefix()
    if mapped:
        return Account(mapped, own)
    if own == 0:
        return _fallback(binaries, data)
    raise EmbeddedServerError(
        f"PostgreSQL needs an account with a name, and user {own} has none (and user namespaces "
        f"are forbidden here). Add it to /etc/passwd, or set DATABASE_URL to a server of your own."
    )


def _namespace_prefix() -> tuple[str, ...]:
    unshare = shutil.which("unshare")
    if not unshare:
        return ()
    prefix = (unshare, "-U", f"--map-user={_number_with_a_name()}", "--")
    probe = subprocess.run([*prefix, "true"], capture_output=True, check=False)  # noqa: S603
    return prefix if probe.returncode == 0 else ()


def _number_with_a_name() -> int:
    """initdb looks the number up in /etc/passwd, and 1000 is not on every machine."""
    if _has_name(1000):
        return 1000
    return next(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0)


def _fallback(binaries: Path, data: Path) -> Account:
    account = pwd.getpwnam(FALLBACK_ACCOUNT)
    for path in (binaries, data.parent):
        closed = next((p for p in (path, *path.parents) if not _open_to_others(p)), None)
        if closed:
            raise EmbeddedServerError(
                f"PostgreSQL refuses to run as root, user namespaces are forbidden here, and the "
                f"account {FALLBACK_ACCOUNT} cannot enter {closed}. Move the project to a folder "
                f"that other accounts can enter, run as an ordinary user, or set DATABASE_URL to "
                f"a server of your own."
            )
    return Account((), account.pw_uid)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _open_to_others(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)
