"""Private PostgreSQL and message broker that start by themselves.

`DATABASE_URL` and `REDIS_URL`, each by itself, name a server to use instead. `MOODEVAL_VAR` names
another folder than `var/`; every folder has servers of its own. In production nothing starts.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mood_eval.embedded.folders import EmbeddedServerError, default_var, folders_of
from mood_eval.embedded.postgres import Postgres
from mood_eval.embedded.server import Server, has_users, is_running, using
from mood_eval.embedded.valkey import Valkey

__all__ = [
    "EmbeddedServerError",
    "ServerUrls",
    "database_url",
    "default_urls",
    "default_var",
    "redis_url",
    "servers_have_users",
    "servers_stopped",
    "using_servers",
]


@dataclass(frozen=True)
class ServerUrls:
    database: str
    redis: str


def database_url(var: Path) -> str:
    return Postgres(folders_of(var)).url


def redis_url(var: Path) -> str:
    return Valkey(folders_of(var)).url


def default_urls(var: Path | None = None) -> ServerUrls:
    """Known without starting anything; the environment's URLs come first."""
    var = var or default_var()
    return ServerUrls(
        database=os.environ.get("DATABASE_URL") or database_url(var),
        redis=os.environ.get("REDIS_URL") or redis_url(var),
    )


@contextlib.contextmanager
def using_servers(var: Path | None = None, *, durable: bool = True) -> Iterator[ServerUrls]:
    var = var or default_var()
    with contextlib.ExitStack() as stack:
        for server in embedded_servers(var, durable=durable):
            stack.enter_context(using(server))
        yield default_urls(var)


def servers_have_users(var: Path) -> bool:
    return any(has_users(server) for server in embedded_servers(var))


def servers_stopped(var: Path) -> list[str]:
    """Names of the servers that should run but do not."""
    return [server.name for server in embedded_servers(var) if not is_running(server)]


def embedded_servers(var: Path, *, durable: bool = True) -> list[Server]:
    folders = folders_of(var)
    servers: list[Server] = []
    if os.environ.get("MOODEVAL_MODE") == "production":
        return servers
    if not os.environ.get("DATABASE_URL"):
        servers.append(Postgres(folders, durable))
    if not os.environ.get("REDIS_URL"):
        servers.append(Valkey(folders, durable))
    return servers
