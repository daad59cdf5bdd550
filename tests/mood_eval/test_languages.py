"""German for raters, English for researchers; what is translated is complete and compiled."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings
from django.test import Client
from django.utils.translation.template import templatize

from mood_eval.models import User
from tests import factories

FOLDER = Path(settings.LOCALE_PATHS[0]) / "de" / "LC_MESSAGES"
FIELD = re.compile(r'^(msgctxt|msgid|msgid_plural|msgstr|msgstr\[\d\]) (".*")$')
PLACEHOLDERS = re.compile(r"%\(\w+\)[sd]|\{\{\w+\}\}|</?\w+>")
CALLS = {
    *("_", "gettext", "gettext_lazy", "gettext_noop"),
    *("ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"),
}
STRING = r"u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
IN_TEMPLATES = re.compile(rf"(?:\b(p?)n?gettext|\b_)\(({STRING})(?:, ({STRING}))?")
GERMAN = "de-AT,de;q=0.9,en;q=0.5"


class Message(NamedTuple):
    context: str
    text: str
    plural: str
    translations: tuple[str, ...]
    flags: str

    @property
    def key(self) -> str:
        """As compiled."""
        return f"{self.context}\x04{self.text}" if self.context else self.text


def read_messages() -> Iterator[Message]:
    content = (FOLDER / "django.po").read_text()
    assert "\n#~" not in content, "texts that are gone are removed"
    for block in content.strip().split("\n\n")[1:]:
        fields: dict[str, str] = {}
        flags, name = "", ""
        for line in block.splitlines():
            if line.startswith("#"):
                flags += line
                continue
            if match := FIELD.match(line):
                name = match[1]
            literal = (match[2] if match else line)[1:-1]
            written = literal.replace(r"\"", '"').replace(r"\n", "\n")
            fields[name] = fields.get(name, "") + written
        translations = tuple(fields[name] for name in fields if name.startswith("msgstr"))
        context, plural = fields.get("msgctxt", ""), fields.get("msgid_plural", "")
        yield Message(context, fields["msgid"], plural, translations, flags)


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    return list(read_messages())


def test_every_text_is_translated_and_looked_over(messages: list[Message]) -> None:
    assert len(messages) > 300
    for message in messages:
        assert all(message.translations), message.text
        assert len(message.translations) == (2 if message.plural else 1), message.text
        assert "fuzzy" not in message.flags, message.text


def texts_in_code() -> Iterator[str]:
    for app in ("annotations", "inference", "mood_eval"):
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                    continue
                name, given = node.func.id, node.args[:2]
                text = given["pgettext" in name] if name in CALLS else None
                if isinstance(text, ast.Constant):
                    yield str(text.value)


def texts_in_templates() -> Iterator[str]:
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        for in_context, first, second in IN_TEMPLATES.findall(templatize(path.read_text())):
            yield ast.literal_eval(second if in_context else first)


def test_no_text_of_the_pages_was_forgotten(messages: list[Message]) -> None:
    shown = {*texts_in_code(), *texts_in_templates()}
    assert len(shown) > 300
    known = {message.text.replace("%%", "%") for message in messages}
    assert {text for text in shown if text.replace("%%", "%") not in known} == set(), (
        "run `make messages`, then translate what is new"
    )


def test_a_translation_has_the_placeholders_of_its_text(messages: list[Message]) -> None:
    for message in messages:
        texts = (message.text, message.plural) if message.plural else (message.text,)
        for text, translation in zip(texts, message.translations, strict=True):
            of_text = sorted(PLACEHOLDERS.findall(text))
            assert sorted(PLACEHOLDERS.findall(translation)) == of_text, text


def test_what_is_compiled_is_what_is_written(messages: list[Message]) -> None:
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = dict(gettext.GNUTranslations(file)._catalog)  # type: ignore[attr-defined]
    compiled.pop("")
    written: dict[str | tuple[str, int], str] = {}
    for message in messages:
        if message.plural:
            written |= {(message.key, n): said for n, said in enumerate(message.translations)}
        else:
            written[message.key] = message.translations[0]
    assert compiled == written


@pytest.fixture
def rui(db: None) -> User:
    return factories.make_user("rui@example.org")


@pytest.fixture
def item_address(rui: User) -> str:
    ada = factories.make_user("ada@example.org")
    team = factories.make_team(owner=ada)
    corpus = factories.make_corpus_with_dialogues(team, 2)
    run = factories.make_run_with_responses(team, corpus)
    study = factories.make_study(team, [run], [rui])
    first = study.raters.get().assignments.get(position=1)
    return f"/rate/item/{first.pk}/"


def words_of(client: Client, path: str, accept: str = GERMAN) -> str:
    response = client.get(path, headers={"accept-language": accept}, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_a_german_browser_is_shown_german_rating_pages(
    client: Client, rui: User, item_address: str
) -> None:
    client.force_login(rui)
    home, page = words_of(client, "/rate/"), words_of(client, item_address)
    assert '<html lang="de">' in home
    assert '<html lang="de">' in page
    assert "Meine Beurteilungen" in home
    assert "My ratings" not in home
    assert "Item 1 von " in page
    assert "Nicht beurteilbar" in page
    assert "Can't rate" not in page
    assert "Empathy" in page, "criteria stay as the study wrote them"


def test_other_browsers_are_shown_english_rating_pages(
    client: Client, rui: User, item_address: str
) -> None:
    client.force_login(rui)
    assert "Item 1 of " in words_of(client, item_address, "fr,nl;q=0.8")
    assert "Item 1 of " in words_of(client, item_address, "en-US,de;q=0.5")


def test_pages_of_researchers_are_english_in_every_browser(client: Client, db: None) -> None:
    ada = factories.make_user("ada@example.org")
    factories.make_team(owner=ada)
    client.force_login(ada)
    page = words_of(client, "/studies/")
    assert '<html lang="en-gb">' in page
    assert "Studies" in page
    assert "Abmelden" not in page
    assert "Deutsch" not in page
    assert "Abmelden" in words_of(client, "/rate/")
    assert "Sign out" in words_of(client, "/studies/"), "German ends with the rater's page"


def test_the_language_chosen_wins_over_the_browsers(client: Client, rui: User) -> None:
    client.force_login(rui)
    assert "My ratings" in words_of(client, "/rate/", "en")
    chosen = client.post("/language", {"language": "de", "next": "/rate/"})
    assert chosen.headers["Location"] == "/rate/"
    assert chosen.cookies["django_language"]["max-age"] > 0, "still there on another day"
    assert "Meine Beurteilungen" in words_of(client, "/rate/", "en")
    client.post("/language", {"language": "en-gb", "next": "/rate/"})
    assert "My ratings" in words_of(client, "/rate/", GERMAN)


def test_a_visit_does_not_change_the_language(client: Client, rui: User) -> None:
    client.force_login(rui)
    client.get("/language", {"language": "de", "next": "/rate/"})
    assert "My ratings" in words_of(client, "/rate/", "en")


def test_a_refusal_is_told_in_german(client: Client, rui: User, item_address: str) -> None:
    client.force_login(rui)
    german = {"accept-language": GERMAN}
    refused = client.post(f"{item_address}submit", {"sequence": "1"}, headers=german)
    assert refused.status_code == 422
    assert "Hier fehlt eine Angabe. Wählen Sie einen Wert" in refused.content.decode()


def test_strangers_are_told_in_german_that_nothing_is_there(client: Client, db: None) -> None:
    response = client.get("/join/no-such-link/", headers={"accept-language": GERMAN})
    assert response.status_code == 404
    assert "Diese Seite gibt es nicht" in response.content.decode()
