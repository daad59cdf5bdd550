from __future__ import annotations

import pytest

from inference.contracts import ReplyFields
from inference.labels import EMOTIONS, STRATEGIES
from inference.multimood.parsing import parse_reply
from inference.multimood.prompt_file import shipped

reply_lines = shipped("full").reply_lines
FULL = ReplyFields("sadness", "neutral", "open question", "How long have you felt so?")


def test_what_is_written_is_read_back() -> None:
    assert parse_reply(reply_lines(FULL)) == FULL
    for emotion in EMOTIONS:
        for strategy in STRATEGIES:
            reply = ReplyFields(emotion, emotion, strategy, "Yes: go on.\nI listen.")
            assert parse_reply(reply_lines(reply)) == reply


@pytest.mark.parametrize(
    "raw",
    [
        "client's EMOTION :  Sadness.\ntherapist's emotion:neutral\n"
        "Therapist's strategy: Open  Question\nTherapist's response:  How long have you felt so?\n",
        "**Client\u2019s emotion:** sadness\n**Therapist\u2019s emotion:** neutral\n"
        "**Therapist\u2019s strategy:** open question\n"
        "**Therapist\u2019s response:** How long have you felt so?",
        "Therapist's response: How long have you felt so?\nTherapist's strategy: open-question\n"
        "Therapist's emotion: neutral\nClient's emotion: sadness",
        "1. Client emotion: sadness\n2. Therapist emotion: neutral\n"
        "3. Therapist strategy: open question\n4. Therapist response: How long have you felt so?",
    ],
    ids=["case and spacing", "markdown", "order", "numbered"],
)
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
