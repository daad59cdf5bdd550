from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from inference.contracts import ReplyFields
from inference.labels import EMOTIONS, STRATEGIES
from inference.multimood.parsing import has_field_line, parse_reply, read_emotion, read_reply
from inference.multimood.prompt_file import parse_template, shipped

reply_lines = shipped("full").reply_lines
FULL = ReplyFields("sadness", "neutral", "open question", "How long have you felt so?")


def test_what_is_written_is_read_back() -> None:
    assert parse_reply(reply_lines(FULL)) == FULL
    for emotion in EMOTIONS:
        for strategy in STRATEGIES:
            reply = ReplyFields(emotion, emotion, strategy, "Yes: go on.\nI listen.")
            assert parse_reply(reply_lines(reply)) == reply


FORMS = {
    "case and spacing": (
        "client's EMOTION :  Sadness.\ntherapist's emotion:neutral\n"
        "Therapist's strategy: Open  Question\n"
        "Therapist's response:  How long have you felt so?\n"
    ),
    "markdown": (
        "**Client\u2019s emotion:** sadness\n**Therapist\u2019s emotion:** neutral\n"
        "**Therapist\u2019s strategy:** open question\n"
        "**Therapist\u2019s response:** How long have you felt so?"
    ),
    "order": (
        "Therapist's response: How long have you felt so?\nTherapist's strategy: open-question\n"
        "Therapist's emotion: neutral\nClient's emotion: sadness"
    ),
    "numbered": (
        "1. Client emotion: sadness\n2. Therapist emotion: neutral\n"
        "3. Therapist strategy: open question\n4. Therapist response: How long have you felt so?"
    ),
    "prose around": (
        "Sure, here is my answer:\n\n- Client's emotion: sadness\n- Therapist's emotion: neutral\n"
        "- Therapist's strategy: open question\n- Therapist's response: How long have you felt so?"
    ),
    "whole lines bold": (
        "**Client's emotion: sadness**\n**Therapist's emotion: neutral**\n"
        "**Therapist's strategy: open question**\n"
        "**Therapist's response: How long have you felt so?**"
    ),
    "headings": (
        "## Client's emotion\nsadness\n## Therapist's emotion\nneutral\n"
        "## Therapist's strategy\nopen question\n"
        "## Therapist's response\nHow long have you felt so?"
    ),
    "labels below their names": (
        "Client's emotion:\n  sadness\nTherapist's emotion:\nneutral\nTherapist's strategy:\n\n"
        "open question\nTherapist's response:\nHow long have you felt so?"
    ),
    "dashes": (
        "Client's emotion - sadness\nTherapist's emotion \u2013 neutral\n"
        "Therapist's strategy = open question\nTherapist's response -> How long have you felt so?"
    ),
    "one line": (
        "Client's emotion: sadness; Therapist's emotion: neutral, Therapist's strategy: open "
        "question | Therapist's response: How long have you felt so?"
    ),
    "quoted labels": (
        "Client's emotion: \"sadness\"\nTherapist's emotion: 'neutral'\n"
        "Therapist's strategy: \u201copen question\u201d\n"
        "Therapist's response: How long have you felt so?"
    ),
    "explained labels": (
        "Client's emotion: sadness (she lost her job)\nTherapist's emotion: neutral, since calm "
        "helps\nTherapist's strategy: Open question. It invites her to speak.\n"
        "Therapist's response: How long have you felt so?"
    ),
    "code fence": (
        "Here:\n```text\nClient's emotion: sadness\nTherapist's emotion: neutral\n"
        "Therapist's strategy: open question\nTherapist's response: How long have you felt so?\n"
        "```\nDoes this help?"
    ),
    "response below the fence": (
        "```\nClient's emotion: sadness\nTherapist's emotion: neutral\n"
        "Therapist's strategy: open question\n```\nHow long have you felt so?"
    ),
    "json": (
        '{"client_emotion": "sadness", "therapist_emotion": "neutral", '
        '"therapist_strategy": ["open question"], "response": "How long have you felt so?"}'
    ),
    "fenced nested json": (
        'As JSON:\n```json\n{"client": {"emotion": "Sadness"},\n'
        '"therapist": {"emotion": "neutral", "strategy": "open question",\n'
        '"response": "How long have you felt so?"}}\n```'
    ),
    "broken json": (
        "{'Client's emotion': 'x',\n \"Client's emotion\": \"sadness\",\n"
        ' "Therapist\'s emotion": "neutral",\n'
        ' "Therapist\'s strategy": "open question",\n'
        ' "Therapist\'s response": "How long have you felt so?",\n}'
    ),
    "other names of the two": (
        "Patient's emotional state: sadness\nCounselor's emotion: neutral\n"
        "Strategy: open question\nReply: How long have you felt so?"
    ),
    "instruction echoed": (
        "Client's emotion: one of anger, sadness, joy\nTherapist's emotion: one of the same\n"
        "Client's emotion: sadness\nTherapist's emotion: neutral\n"
        "Therapist's strategy: open question\nTherapist's response: How long have you felt so?"
    ),
}


@pytest.mark.parametrize("raw", FORMS.values(), ids=FORMS.keys())
def test_deviations_in_form_are_read(raw: str) -> None:
    assert parse_reply(raw) == FULL


def test_every_line_of_a_response_is_kept() -> None:
    raw = "Client's emotion: joy\nTherapist's response: Good.\n\nTell me: what now?\nTake time."
    assert parse_reply(raw).text == "Good.\n\nTell me: what now?\nTake time."


def test_unknown_labels_are_none_and_the_rest_stays() -> None:
    raw = "Client's emotion: melancholy\nTherapist's strategy: \nTherapist's response: Yes."
    assert parse_reply(raw) == ReplyFields(None, None, None, "Yes.")


def test_without_fields_everything_is_the_response() -> None:
    assert parse_reply("  I hear you.\nGo on. ") == ReplyFields(
        None, None, None, "I hear you.\nGo on."
    )
    assert parse_reply("") == ReplyFields(None, None, None, "")


def test_text_below_the_labels_is_the_response() -> None:
    raw = "Client's emotion: fear\nTherapist's strategy: approval\nYou did well."
    assert parse_reply(raw) == ReplyFields("fear", None, "approval", "You did well.")


def test_first_of_repeated_fields_counts() -> None:
    raw = "Client's emotion: fear\nClient's emotion: joy\nTherapist's response: Yes."
    assert parse_reply(raw).client_emotion == "fear"


def test_a_field_name_inside_a_sentence_is_no_field() -> None:
    raw = "Therapist's response: I wonder what a client emotion: sadness means to you."
    reply = parse_reply(raw)
    assert reply.client_emotion is None
    assert reply.text == "I wonder what a client emotion: sadness means to you."


def test_what_cannot_be_read_is_kept_as_it_was_written() -> None:
    parsed = read_reply(
        "Client's emotion: grief and joy\nTherapist's strategy:\nTherapist's response: Yes."
    )
    assert parsed.fields == ReplyFields(None, None, None, "Yes.")
    assert parsed.unread == {"client_emotion": "grief and joy", "strategy": ""}
    assert read_reply(reply_lines(FULL)).unread == {}


def test_text_between_the_labels_is_not_lost() -> None:
    raw = "Client's emotion: fear\nThat is hard.\nTherapist's strategy:\nYou did well."
    assert read_reply(raw).fields == ReplyFields("fear", None, None, "That is hard.\nYou did well.")


def test_a_model_that_starts_over_is_read_once() -> None:
    again = reply_lines(ReplyFields("joy", "joy", "others", "Something else."))
    assert parse_reply(f"{reply_lines(FULL)}\n{again}") == FULL


@pytest.mark.parametrize(
    "text",
    [
        "Client's emotion-focused work helps.",
        "The client's emotion is sadness.",
        "I hear, client's emotion: sadness is what they write.",
        "A plan.\nStrategy: breathe.\nResponse: wait.",
        "**Breathe** and *listen*.",
        "```\nClients\n```",
        '"Yes," she said, {so}',
        '{"client_emotion": "joy"}',
        "- first\n- second",
    ],
)
def test_a_response_keeps_what_only_looks_like_form(text: str) -> None:
    reply = ReplyFields("sadness", None, "approval", text)
    assert parse_reply(reply_lines(reply)) == reply


EMOTION = st.sampled_from((None, *EMOTIONS))
TEXT = st.text().map(str.strip)


@settings(max_examples=400, deadline=None)
@given(EMOTION, EMOTION, st.sampled_from((None, *STRATEGIES)), TEXT)
@example(None, None, None, "; client's emotion: joy")
@example("joy", None, None, "```\n{")
def test_any_reply_is_read_back(
    client: str | None, therapist: str | None, strategy: str | None, text: str
) -> None:
    assume(not has_field_line(text))
    reply = ReplyFields(client, therapist, strategy, text)
    parsed = read_reply(reply_lines(reply))
    assert parsed.fields == reply
    assert not parsed.unread


def test_every_combination_of_labels_is_read_back() -> None:
    for client in (None, *EMOTIONS):
        for therapist in (None, *EMOTIONS):
            for strategy in (None, *STRATEGIES):
                reply = ReplyFields(client, therapist, strategy, "Go on: I listen.\nYes?")
                assert parse_reply(reply_lines(reply)) == reply


NAMES = ("Client's emotion", "therapist", "'s ", "strategy", "response", "sadness", "joy, fear")
SIGNS = (*':{}"[],;|#()', " - ", "\n", "**", "```", "1.", " ")
PIECES = st.sampled_from(NAMES + SIGNS)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=25).map("".join)))
def test_anything_can_be_read_and_gives_only_labels(raw: str) -> None:
    parsed = read_reply(raw)
    fields = parsed.fields
    assert fields.client_emotion in (None, *EMOTIONS)
    assert fields.therapist_emotion in (None, *EMOTIONS)
    assert fields.strategy in (None, *STRATEGIES)
    for name in parsed.unread:
        assert getattr(fields, name) is None
    if not has_field_line(raw) and "{" not in raw:
        assert fields.text == raw.strip()


def test_long_hostile_texts_are_read_in_time_that_grows_with_their_length() -> None:
    for piece in ("#", " ", "; ", "- ", "**", "1. ", "{", "```\n", "((", '{"a":', "[[", " ,"):
        read_reply(piece * 20_000)
        read_reply("Client's emotion: " + piece * 20_000)
        read_reply('"Therapist\'s response": "' + piece * 20_000)


def test_lines_named_by_a_template_are_read() -> None:
    named = shipped("full").text.replace('"Client\'s emotion"', '"Gef\u00fchl der Klientin"')
    named = named.replace('"Therapist\'s response"', '"Antwort"')
    template = parse_template(named, "x.toml")
    raw = template.reply_lines(FULL)
    assert "Gef\u00fchl der Klientin: sadness" in raw
    assert parse_reply(raw, template.names) == FULL
    assert parse_reply(f"**{raw}".replace("Antwort:", "ANTWORT :"), template.names) == FULL
    assert parse_reply(raw).client_emotion is None


@pytest.mark.parametrize(
    "raw", ["Client's emotion: Happy", "happy.", "Happy!\nShe smiles.", "**Client emotion**\nhappy"]
)
def test_an_emotion_alone_is_read_among_the_labels_asked_for(raw: str) -> None:
    assert read_emotion(raw, ("happy", "sad")) == "happy"
    assert read_emotion(raw) == "joy"
    assert read_emotion(raw, ("sad", "angry")) is None


def test_another_persons_emotion_is_not_the_clients() -> None:
    assert read_emotion("Therapist's emotion: joy") is None
    assert read_emotion("") is None
