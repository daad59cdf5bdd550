import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import redis
from kombu.connection import Connection

from mood_eval import env
from mood_eval.embedded import EmbeddedServerError, default_urls, server, using_servers
from mood_eval.embedded.folders import folders_of
from mood_eval.embedded.valkey import Valkey
from tests.processes import PROJECT, processes_in, wait_until

HOLD = """
import sys
from pathlib import Path
from mood_eval.embedded import using_servers
with using_servers(Path(sys.argv[1]), durable=False):
    print("ready", flush=True)
    sys.stdin.read()
"""
User = subprocess.Popen[str]


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    return tmp_path / "var"


@pytest.fixture
def start_user(var: Path) -> Iterator[Callable[[], User]]:
    users: list[User] = []

    def start(folder: Path = var) -> User:
        user = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        users.append(user)
        return user

    yield start
    for user in users:
        user.kill()
        user.communicate()


def is_ready(user: User) -> bool:
    assert user.stdout
    return user.stdout.readline() == "ready\n"


def leave(user: User) -> int:
    user.communicate("")
    return user.wait()


def keepers(var: Path) -> list[int]:
    return [pid for pid, command in processes_in(var).items() if "keeper.py" in command]


def count_rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (1)")
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row
    return int(row[0])


def test_servers_answer_while_used_keep_data_and_leave_nothing(var: Path) -> None:
    for visit in (1, 2):
        with using_servers(var) as urls:
            assert count_rows(urls.database) == visit
            with redis.Redis.from_url(urls.redis) as broker:
                assert broker.incr("visits") == visit
            with Connection(env.celery_broker(urls.redis)) as celery_broker:  # type: ignore[no-untyped-call]
                celery_broker.ensure_connection(max_retries=1)
        assert processes_in(var) == {}


def test_database_has_what_the_project_needs(var: Path) -> None:
    with using_servers(var, durable=False) as urls, psycopg.connect(urls.database) as connection:
        connection.execute("CREATE EXTENSION btree_gist")
        connection.execute("CREATE EXTENSION citext")
        row = connection.execute(
            "SELECT datlocprovider, datlocale, current_setting('listen_addresses')"
            " FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert row == ("b", "C.UTF-8", "")


def test_sockets_are_private(var: Path) -> None:
    with using_servers(var, durable=False):
        folders = folders_of(var)
        for folder in (folders.runtime, folders.postgres_socket_folder):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for path in (folders.postgres_socket_folder / ".s.PGSQL.5432", folders.valkey_socket):
            assert stat.S_ISSOCK(path.stat().st_mode)
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert len(os.fsencode(path)) < 107
        tables = [Path(f"/proc/net/{kind}").read_text() for kind in ("tcp", "tcp6")]
        on_tcp = {line.split()[9] for table in tables for line in table.splitlines()[1:]}
        for pid in processes_in(var):
            links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
            assert not {f"socket:[{inode}]" for inode in on_tcp}.intersection(links)


def test_last_user_stops_the_servers_not_an_earlier_one(
    var: Path, start_user: Callable[[], User]
) -> None:
    ada, rui = start_user(), start_user()  # both at once: one starts them, the other waits
    assert is_ready(ada)
    assert is_ready(rui)
    assert len(keepers(var)) == 2  # one for each server
    leave(ada)
    assert count_rows(default_urls(var).database) == 1
    leave(rui)
    assert processes_in(var) == {}


def test_killed_users_leave_nothing(var: Path, start_user: Callable[[], User]) -> None:
    users = [start_user(), start_user()]
    assert all(is_ready(user) for user in users)
    for user in users:
        user.kill()
    assert wait_until(lambda: not processes_in(var), 5), processes_in(var)


def test_killed_keepers_take_their_servers_along_and_the_next_start_recovers(
    var: Path, start_user: Callable[[], User]
) -> None:
    user = start_user()
    assert is_ready(user)
    assert count_rows(default_urls(var).database) == 1
    for pid in keepers(var):
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: set(processes_in(var)) == {user.pid}, 5), processes_in(var)
    with using_servers(var) as urls:  # the first user is still there
        assert count_rows(urls.database) == 2


def test_everything_killed_as_in_a_power_cut_recovers(
    var: Path, start_user: Callable[[], User]
) -> None:
    user = start_user()
    assert is_ready(user)
    assert count_rows(default_urls(var).database) == 1
    everything = list(processes_in(var))
    for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that none can tidy up
        for pid in everything:
            with suppress(ProcessLookupError):  # the session of the line above may just have ended
                os.kill(pid, number)
    assert wait_until(lambda: not set(everything) & set(processes_in(var)), 10)
    assert (var / "postgres" / "postmaster.pid").exists()
    # By the next start another process has the old server's number.
    stale = (var / "postgres" / "postmaster.pid").read_text().splitlines()
    stale[0] = str(os.getpid())
    (var / "postgres" / "postmaster.pid").write_text("\n".join(stale) + "\n")
    with using_servers(var) as urls:
        assert count_rows(urls.database) == 2


def test_half_made_database_is_made_again(var: Path) -> None:
    half = var / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with using_servers(var, durable=False) as urls:
        assert count_rows(urls.database) == 1
    assert not half.exists()


def test_command_killed_while_it_starts_the_servers(
    var: Path, start_user: Callable[[], User]
) -> None:
    for delay in (0.4, 0.8, 1.2):
        user = start_user()
        threading.Event().wait(delay)
        user.kill()
        assert wait_until(lambda: not processes_in(var), 5), processes_in(var)
    with using_servers(var, durable=False) as urls:
        assert count_rows(urls.database) == 1


def test_folder_with_a_long_name_and_spaces(var: Path) -> None:
    deep = var.joinpath("a study of support", *["a folder with a long name"] * 6)
    assert len(str(deep)) > 180
    with using_servers(deep, durable=False) as urls:
        assert count_rows(urls.database) == 1
    assert processes_in(deep) == {}


def test_given_urls_start_nothing(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/study")
    with using_servers(var, durable=False) as urls:
        assert urls.database == "postgresql://db.example/study"
        assert [c for c in processes_in(var).values() if "postgres" in c] == []
        with redis.Redis.from_url(urls.redis) as broker:
            assert broker.ping()
    monkeypatch.setenv("REDIS_URL", "redis://db.example")
    with using_servers(var) as urls:
        assert urls.redis == "redis://db.example"
        assert processes_in(var) == {}


def test_failed_start_names_the_step_the_log_and_a_remedy(var: Path) -> None:
    with using_servers(var, durable=False):
        pass
    (var / "postgres" / "postgresql.conf").write_text("work_mem = 'a lot'\n")
    with pytest.raises(EmbeddedServerError) as failure, using_servers(var, durable=False):
        pass
    message = str(failure.value)
    assert message.startswith(f"Starting postgres failed; see {var}/log/postgres.log")
    assert "work_mem" in message
    assert "DATABASE_URL" in message
    assert processes_in(var) == {}


def test_runtime_folder_of_somebody_else_is_refused(
    var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mood_eval.embedded.folders.RUNTIME_PARENT", tmp_path / "rt")
    (tmp_path / "rt").mkdir()
    (tmp_path / "rt" / f"moodeval-{os.geteuid()}").symlink_to(tmp_path)
    with pytest.raises(EmbeddedServerError, match="is not a folder"), using_servers(var):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_root_without_user_namespaces_runs_postgresql_as_nobody() -> None:
    """In a namespace that knows every account, as a container does, and allows no more of them."""
    open_folder = Path("/var/tmp") / f"moodeval-{os.getpid()}"  # noqa: S108 pytest's is closed
    without = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$0" -c "$1" "$2"'
    become_root = ["sh", "-c", 'read go; exec sh -c "$@"', "sh"]
    user = subprocess.Popen(
        ["unshare", "-U", *become_root, without, sys.executable, HOLD, str(open_folder)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert user.stdin
    try:
        own = Path("/proc/self/ns/user").readlink()
        assert wait_until(lambda: Path(f"/proc/{user.pid}/ns/user").readlink() != own, 10)
        for kind in ("uid_map", "gid_map"):
            Path(f"/proc/{user.pid}/{kind}").write_text("0 0 65536")
        user.stdin.write("go\n")
        user.stdin.flush()
        assert is_ready(user), user.communicate()[1]
        assert (open_folder / "postgres").owner() == "nobody"
        assert count_rows(default_urls(open_folder).database) == 1
        leave(user)
        with using_servers(open_folder) as urls:  # with namespaces again: the data are root's
            assert (open_folder / "postgres").owner() == "root"
            assert count_rows(urls.database) == 2
    finally:
        user.kill()
        shutil.rmtree(open_folder, ignore_errors=True)
    assert processes_in(open_folder) == {}


def test_lone_command_starts_what_it_needs_and_leaves_nothing(var: Path) -> None:
    def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, PROJECT / "manage.py", *arguments],
            cwd="/",
            env={**os.environ, "MOODEVAL_VAR": str(var)},
            capture_output=True,
            text=True,
            check=True,
        )

    assert "showmigrations" in manage("help").stdout
    assert "--plan" in manage("showmigrations", "--help").stdout
    assert not (var / "postgres").exists()
    assert "[ ] 0001_initial" in manage("showmigrations", "sessions").stdout
    assert (var / "postgres").exists()
    assert processes_in(var) == {}


def test_leftover_server_is_stopped_before_another_starts(var: Path) -> None:
    with using_servers(var, durable=False):
        pass
    valkey = var / "valkey"
    binary = Valkey(folders_of(var)).binary
    left = subprocess.Popen([binary, "--port", "0"], cwd=valkey, stdout=subprocess.DEVNULL)
    assert wait_until(lambda: left.pid in server.processes_in(valkey, "valkey-server"), 10)
    server.stop_leftovers(valkey, "valkey-server", patience=0.2)
    assert left.wait(5) is not None
