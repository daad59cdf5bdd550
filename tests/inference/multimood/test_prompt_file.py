"""A prompt template is a checked file: every fault is named with its place and its remedy."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from inference.contracts import ReplyFields, StimulusInput, TurnText
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.prompt import AUDIO, HISTORY, MARKERS, MEMORY, VIDEO, PromptTemplate
from inference.multimood.prompt_file import (
    PROMPT_FILE,
    SHIPPED,
    PromptError,
    parse_template,
    shipped,
    template_for,
)
from inference.multimood.tiny import tiny_tokenizer

FULL = (SHIPPED / "full.toml").read_text(encoding="utf-8")
GERMAN = """
name = "deutsch"
version = 3
system = "Sie begleiten eine Klientin."
user = '''
Bisher: {history}
{clips}
Lage und Worte: {situation} {client_turns}
{{Antwort}}
{format}
'''
format = "{client_emotion} (eines von {emotions}), {response}"
situation = "[{text}]"
turn = "{speaker} sagt: {text}"
clip = "Aufnahme {clip}"
masked = "(nicht zu hören)"
speakers = { client = "Klientin", therapist = "Therapeut" }

[answer]
client_emotion = "Gefühl"
strategy = "Vorgehen"
therapist_emotion = "Haltung"
response = "Antwort"

[emotion_task]
user = "{clips} {masked}"
format = ""

[empty]
history = "nichts"
"""
HELLO = TurnText("client", "Hallo.")


def german() -> PromptTemplate:
    return parse_template(GERMAN, "deutsch.toml")


def test_another_wording_without_code() -> None:
    template = german()
    stimulus = StimulusInput("k", "Streit", (HELLO, TurnText("therapist", "Ja?")), (HELLO,))
    assert template.user(stimulus, [VIDEO, AUDIO], memory=True) == (
        "Bisher: <history>\nAufnahme <video>\nAufnahme <audio>\n"
        "Lage und Worte: [Streit] Klientin sagt: Hallo.\n{Antwort}\n"
        "Gefühl (eines von anger, sadness, disgust, depression, neutral, joy, fear), Antwort"
    )
    assert template.history(stimulus.history) == (
        "Klientin sagt: Hallo. <MEM> Therapeut sagt: Ja? <MEM> "
    )
    assert template.emotion_user([VIDEO]) == "Aufnahme <video> (nicht zu hören)"
    assert template.without_words(stimulus).client_turns[0].text == "(nicht zu hören)"
    assert template.sha256 == hashlib.sha256(GERMAN.encode()).hexdigest()
    assert (template.name, template.version) == ("deutsch", 3)


def test_answer_lines_take_their_names_and_order_from_the_file() -> None:
    template = german()
    reply = ReplyFields("fear", "neutral", "approval", "Gut.")
    lines = "Gefühl: fear\nVorgehen: approval\nHaltung: neutral\nAntwort: Gut."
    assert template.reply_lines(reply) == lines
    values = dataclasses.asdict(reply)
    assert "".join(before + values[field] for field, before in template.scaffold) == lines
    assert template.emotion_line("fear") == "Gefühl: fear\n"
    assert template.reply_lines(ReplyFields("fear", None, None, "Gut.")) == (
        "Gefühl: fear\nAntwort: Gut."
    )


def test_a_line_whose_fields_are_all_empty_is_left_out() -> None:
    text = german().user(StimulusInput("k", "", (), (HELLO,)), [], memory=False)
    assert text.split("\n")[:2] == ["Bisher: nichts", "Lage und Worte:  Klientin sagt: Hallo."]
    nothing = german().user(StimulusInput("k", "", (), ()), [], memory=False)
    assert nothing.split("\n")[:2] == ["Bisher: nichts", "{Antwort}"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "multimood-full"', "", "x.toml: name: is missing"),
        ('name = "multimood-full"', "name = 7", "x.toml: name: must be text in quotes, not 7"),
        ('name = "multimood-full"', 'name = ""', "x.toml: name: is empty"),
        ("version = 1", "version = true", "x.toml: version: must be a whole number"),
        ("version = 1", 'version = 1\ncolour = "red"', "x.toml: colour: no such key"),
        ("version = 1", "version = = 1", "x.toml: is not TOML"),
        ("{situation}\n", "{situaton}\n", "x.toml: user: {situaton} is unknown here. Known:"),
        ("{history}\n", "", "x.toml: user: {history} is missing"),
        ("{clips}\n{client_turns}", "{client_turns}", "x.toml: user: {clips} is missing"),
        ("{history}\n", "{history}\n{history}\n", "x.toml: user: {history} stands there twice"),
        ("{history}\n", "{history\n", "x.toml: user: "),
        ("{history}\n", "history}\n", "x.toml: user: "),
        ("{history}\n", "{history!r}\n", "x.toml: user: {history} is no field"),
        ("{history}\n", "{history:>9}\n", "x.toml: user: {history} is no field"),
        ("{history}\n", "{history.x}\n", "x.toml: user: {history.x} is no field"),
        ("{history}\n", "{}\n", "x.toml: user: {} is no field"),
        ("{clips}\n{client", "<video>\n{client", "x.toml: user: holds '<video>'"),
        ("You support", "You \\uFDD0 support", "x.toml: system: holds '\\ufdd0'"),
        ("You support", "You \\u0000 support", "x.toml: system: holds the control character"),
        ("{format}\n", "", "x.toml: format: is nowhere used"),
        ('"Situation: {text}"', '"Situation"', "x.toml: situation: {text} is missing"),
        ('"{speaker}: {text}"', '"{text}: {text}"', "x.toml: turn: {text} stands there twice"),
        ('clip = "{clip}"', 'clip = ["{clip}"]', "x.toml: clip: must be text in quotes"),
        ('client = "Client"', "", "x.toml: speakers.client: is missing"),
        ('client = "Client"', 'client = "A\\nB"', "x.toml: speakers.client: must be one line"),
        ("[speakers]", "[[speakers]]", "x.toml: speakers: must be a table"),
        ("[speakers]", "[speaker]", "x.toml: speaker: no such key"),
        ("response = ", "answer = ", "x.toml: answer.answer: no such key"),
        (
            "Therapist's strategy",
            "client's Emotion",
            "x.toml: answer: two lines have the same name",
        ),
        ("Therapist's strategy", "Strategy:", "x.toml: answer.strategy: must hold a letter and"),
        (
            "[answer]",
            "[answer]\nresponse = 'Say'\n#",
            "x.toml: is not TOML",
        ),
        (
            "[emotion_task]",
            "[empty]\nformat = 'x'\n[emotion_task]",
            "x.toml: empty.format: no such",
        ),
    ],
)
def test_faults_name_file_key_and_remedy(old: str, new: str, told: str) -> None:
    assert FULL.count(old) >= 1
    with pytest.raises(PromptError) as caught:
        parse_template(FULL.replace(old, new, 1), "x.toml")
    assert told in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("first", ["strategy", "response"])
def test_the_clients_emotion_comes_first_and_the_response_last(first: str) -> None:
    lines = FULL.splitlines()
    place = lines.index("[answer]")
    moved = next(line for line in lines[place:] if line.startswith(first))
    lines.remove(moved)
    lines.insert(place + 1, moved)
    with pytest.raises(PromptError, match=r"answer: client_emotion must come first"):
        parse_template("\n".join(lines), "x.toml")


def test_an_oversized_or_undecodable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="65,536 characters"):
        parse_template(FULL + "#" * 70_000, "x.toml")
    (tmp_path / PROMPT_FILE).write_bytes(b"name = '\xff'")
    with pytest.raises(PromptError, match="is not UTF-8"):
        template_for(tmp_path)


def test_text_goes_before_the_folder_and_the_folder_before_what_is_shipped(tmp_path: Path) -> None:
    assert template_for(tmp_path) == shipped("full")
    assert template_for(tmp_path, "brief") == shipped("brief")
    (tmp_path / PROMPT_FILE).write_text(GERMAN, encoding="utf-8")
    assert template_for(tmp_path, "brief").name == "deutsch"
    assert template_for(tmp_path, "brief", FULL).name == "multimood-full"
    with pytest.raises(PromptError, match=r"the model's prompt: name: is missing"):
        template_for(tmp_path, "brief", "version = 1")
    with pytest.raises(PromptError, match=r"prompt_style: 'odd' is none of brief, full"):
        shipped("odd")


def test_a_child_inherits_the_wording(
    tokenizer: PreTrainedTokenizerFast, model: MultiMoodForConditionalGeneration, tmp_path: Path
) -> None:
    model.config.save_pretrained(tmp_path)
    MultiMoodProcessor(tokenizer, model.config).save_pretrained(tmp_path)
    assert not (tmp_path / PROMPT_FILE).exists()
    asked = MultiMoodProcessor.from_pretrained(tmp_path, GERMAN)
    child = tmp_path / "child"
    model.config.save_pretrained(child)
    asked.save_pretrained(child)
    assert MultiMoodProcessor.from_pretrained(child).template == asked.template
    assert MultiMoodProcessor.from_pretrained(child).template.sha256 == german().sha256


def test_the_wording_is_what_the_model_reads(
    model: MultiMoodForConditionalGeneration, stimuli: list[StimulusInput]
) -> None:
    processor = MultiMoodProcessor(tiny_tokenizer([GERMAN]), model.config, german())
    ids = processor.encode(stimuli[0], modality="text", history="text")["input_ids"]
    text = processor.tokenizer.decode(ids)
    assert "Bisher: Klientin sagt: Hello.\nTherapeut sagt: Tell me more" in text
    assert "{Antwort}\nGefühl (eines von anger" in text
    sample = processor.encode(stimuli[0], task="emotion", emotions=("happy", "sad"))
    assert not sample["history_input_ids"].numel()
    assert "alone" not in processor.tokenizer.decode(sample["input_ids"])


def test_history_compressed_as_text_or_left_out(
    processor: MultiMoodProcessor, stimuli: list[StimulusInput]
) -> None:
    place = processor.config.placeholders.history
    compressed = processor.encode(stimuli[0], modality="text")
    written = processor.encode(stimuli[0], modality="text", history="text")
    none = processor.encode(stimuli[0], modality="text", history="none")
    assert compressed["input_ids"].tolist().count(place) == 2
    for sample, shown in ((written, True), (none, False)):
        assert place not in sample["input_ids"]
        assert sample["history_input_ids"].numel() == 0
        assert ("Tell me more" in processor.tokenizer.decode(sample["input_ids"])) == shown


def test_emotion_task_names_the_labels_to_choose_from() -> None:
    asked = shipped("full").emotion_user([VIDEO], ("happy", "sad"))
    assert asked == (
        "<video>\nWrite one line and nothing else:\nClient's emotion: one of happy, sad"
    )
    trained_on = shipped("brief").without_words(StimulusInput("k", "", (), (HELLO,)))
    assert shipped("brief").emotion_user([VIDEO]) == shipped("brief").user(
        trained_on, [VIDEO], memory=False
    )


TAGS = ("<video>", "<vid", "eo>", "<MEM>", "<eos>", "<|im_end|>", "<|im_", "end|>", "\ufdd0")
PLAIN = ("<", "video", ">", "{clips}", "{", "}", "{0}", "%s", "\n", "Client: ", "x")
PIECES = st.lists(st.sampled_from(TAGS + PLAIN), max_size=8).map("".join)


@settings(max_examples=300, deadline=None)
@given(situation=PIECES, first=PIECES, last=PIECES, memory=st.booleans())
def test_nobodys_words_place_media_fields_or_chat_tokens(
    situation: str, first: str, last: str, memory: bool
) -> None:
    tight = GERMAN.replace("{situation} {client_turns}", "{situation}{client_turns}")
    for old in ('"[{text}]"', '"{speaker} sagt: {text}"'):
        tight = tight.replace(old, '"{text}"')
    template = parse_template(tight, "tight.toml")
    turns = (TurnText("client", first), TurnText("client", last))
    stimulus = StimulusInput("k", situation, turns, turns)
    reserved = (*MARKERS, "<eos>", "<|im_end|>")
    text = template.user(stimulus, [VIDEO], memory=memory, reserved=reserved)
    assert text.count(VIDEO) == 1
    assert text.count(HISTORY) == memory
    assert not any(token in text for token in (AUDIO, MEMORY, "<eos>", "<|im_end|>"))
    assert template.history(turns, reserved).count(MEMORY) == 2
    shown = (situation, first, last) if memory else (situation, first, last, first, last)
    written = sum(part.count("{clips}") for part in shown)
    assert text.count("{clips}") == written  # as they were said, not filled in
    assert "\ufdd0" not in text


def test_a_template_holds_no_token_of_the_chat(
    tokenizer: PreTrainedTokenizerFast, model: MultiMoodForConditionalGeneration
) -> None:
    for old, new in (("You support", "<eos> You"), ("You support", "\\u003ceos> You")):
        template = parse_template(FULL.replace(old, new), "x.toml")
        with pytest.raises(PromptError, match="holds the chat token '<eos>'"):
            MultiMoodProcessor(tokenizer, model.config, template)


def test_the_documented_example_does_what_it_says() -> None:
    document = (Path(__file__).parents[3] / "docs/prompt_template.md").read_text(encoding="utf-8")
    example = document.partition("```toml\n")[2].partition("```")[0]
    promised = document.partition("```text\n")[2].partition("```")[0]
    template = parse_template(example, "the example")
    stimulus = StimulusInput("k", "Lost a job", (), (TurnText("client", "I feel so alone."),))
    lines = template.user(stimulus, [VIDEO], memory=True).split("\n")
    shown = promised.strip().split("\n")
    assert len(lines) == len(shown)
    for line, short in zip(lines, shown, strict=True):
        assert line.startswith(short.removesuffix(", ..."))
