"""Which client a session is of: splits and clusters go by it, so it must not change."""

from __future__ import annotations

from collections.abc import Mapping

from inference.corpora.records import DialogueRecord


class ClientOfSession:
    """A session is of one client, named in all of its dialogues or in none."""

    def __init__(self, stored: Mapping[str, str]) -> None:
        """stored: session -> client, empty where none is named."""
        self._known = {session: (client, "as stored") for session, client in stored.items()}

    def check(self, record: DialogueRecord) -> None:
        if record.place is None:
            return
        where = f"in {record.place.file.name}, line {record.place.line}"
        client, before = self._known.setdefault(record.session, (record.client, where))
        if client != record.client:
            raise record.place.error(
                "client",
                f"session {record.session!r} is of {_named(record.client)} here and of "
                f"{_named(client)} {before}",
                "Name the same client in every dialogue of a session, or give this dialogue "
                "another session",
            )


def _named(client: str) -> str:
    return f"client {client!r}" if client else "no named client"
