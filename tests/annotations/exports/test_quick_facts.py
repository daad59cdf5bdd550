"""What is read off a line is what parsing it says, whatever the texts hold."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from annotations.exports.formats.quick import (
    criteria_scored,
    facts_of_pair,
    facts_of_response,
    facts_of_stimulus,
    pair_facts,
    reply_words,
    response_facts,
    split_of_line,
    stimulus_facts,
    text_of,
)
from inference.preference_files import json_text
from tests.annotations.exports.release_folders import WrittenRelease

TRAPS = (
    '"split":"train","stimulus":{',
    '\\"split\\":\\"test\\"',
    '],"key":"x"',
    '","chosen_response":"7"',
    '"barred_by":[]',
    '"clips":[]',
    ',"weight":0.5}',
    '"therapist_emotion":',
    'say "no"\n\\',
    "Käthe, 日本",
)
texts = st.one_of(st.sampled_from(TRAPS), st.text(max_size=20))
FIELDS = ("high", "scores", "group", "split", "model", "response_id")
slugs = st.one_of(st.sampled_from(FIELDS), texts)
scores = st.dictionaries(slugs, st.floats(1, 10), max_size=3)


@st.composite
def releases(draw: st.DrawFn) -> WrittenRelease:
    release = WrittenRelease()
    turn = release.stimulus(
        draw(texts),
        situation=draw(texts),
        history=[{"speaker": "client", "text": draw(texts)}],
        clips=draw(st.lists(texts, max_size=2)),
        group=draw(texts),
        split=draw(texts),
    )
    responses = [
        release.response(
            number,
            turn,
            draw(texts),
            scores=draw(scores),
            judge_scores=draw(scores),
            barred_by=draw(st.lists(st.sampled_from(["harmful", "empty"]), max_size=1)),
        )
        for number in range(2)
    ]
    for response in responses:
        response["model"] = draw(texts)
        response["response_id"] = draw(st.one_of(st.integers(0, 9), texts))
    pair = release.pair(responses[0], responses[1], weight=draw(st.sampled_from([1.0, 0.5])))
    pair["meta"]["chosen_response"] = draw(texts)
    pair["meta"] |= draw(st.dictionaries(st.sampled_from(["split", "key", "stimulus"]), texts))
    for name in draw(st.sets(st.sampled_from(["rater_kind", "chosen_response"]))):
        del pair["meta"][name]
    return release


def line_of(row: object) -> bytes:
    return (json_text(row) + "\n").encode()


@given(releases())
def test_facts_of_a_line_are_those_of_the_row(release: WrittenRelease) -> None:
    for pair in release.pairs:
        assert pair_facts(line_of(pair)) == facts_of_pair(pair)
    for stimulus in release.stimuli:
        assert stimulus_facts(line_of(stimulus)) == facts_of_stimulus(stimulus)
        assert text_of(line_of(stimulus), "session") == stimulus["session"]
    for response in release.responses:
        line = line_of(response)
        assert response_facts(line) == facts_of_response(response)
        assert split_of_line(line) == response["split"]
        assert criteria_scored(line) == {
            (name, criterion) for name in ("scores", "judge_scores") for criterion in response[name]
        }
    for comparison in release.comparisons:
        assert split_of_line(line_of(comparison)) == comparison["split"]


@given(releases())
def test_what_replies_say_is_equal_where_their_texts_are(release: WrittenRelease) -> None:
    one, two = release.responses
    for labels in (False, True):
        words = [reply_words(line_of(row), labels=labels) for row in (one, two)]
        assert (words[0] == words[1]) == (one["reply"]["text"] == two["reply"]["text"])


@given(releases())
def test_a_line_spelled_otherwise_is_parsed(release: WrittenRelease) -> None:
    for pair in release.pairs:
        assert pair_facts(json.dumps(pair, indent=1).encode()) == facts_of_pair(pair)
    for response in release.responses:
        loose = json.dumps(response).encode()
        assert response_facts(loose) == facts_of_response(response)
        assert criteria_scored(loose) == criteria_scored(line_of(response))
