from __future__ import annotations

import copy
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
import torch

from inference.contracts import Answer, GenerationOptions, StimulusInput, TurnText
from inference.errors import CheckpointError, DomainError
from inference.labels import EMOTIONS, STRATEGIES
from inference.multimood.features import TowerCache
from inference.multimood.generation import MultiMoodGenerator
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.parsing import parse_reply
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.prompt_file import parse_template, shipped

T = TypeVar("T")

GREEDY = GenerationOptions(max_new_tokens=10)
SAMPLED = GenerationOptions(max_new_tokens=10, temperature=1.5, top_p=0.95)


@pytest.fixture(scope="module")
def folder(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def generator(folder: Path) -> MultiMoodGenerator:
    return MultiMoodGenerator.load(folder, device="cpu")


def free(options: GenerationOptions) -> GenerationOptions:
    return replace(options, constrain_labels=False)


def without_seconds(answers: list[Answer]) -> list[Answer]:
    return [replace(answer, seconds=0.0) for answer in answers]


@pytest.mark.parametrize(
    "options",
    [
        GREEDY,
        replace(SAMPLED, samples=4),
        free(replace(SAMPLED, samples=4)),
        replace(SAMPLED, history="text"),
        replace(SAMPLED, task="emotion", emotions=("calm", "calm rage", "joy")),
    ],
    ids=lambda o: f"{o.task}-{o.temperature}-{o.samples}-{o.constrain_labels}-{o.history}",
)
def test_answers_do_not_depend_on_what_is_answered_beside_them(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput], options: GenerationOptions
) -> None:
    """Every field, every probability to the last bit."""
    many = [*stimuli, *(replace(s, key=f"{s.key}2", situation="Moved away") for s in stimuli)]
    many += [replace(stimuli[0], key="long", history=stimuli[0].history * 5), stimuli[0]]
    seeds = list(range(len(many) * options.samples))
    together = generator.answer(many, replace(options, batch_size=8), seeds)
    for size in (1, 3):
        apart = generator.answer(many, replace(options, batch_size=size), seeds)
        assert without_seconds(apart) == without_seconds(together)
    by_stimulus = [(many[i], seeds_of(seeds, i, options.samples)) for i in range(len(many))]
    order = [5, 2, 7, 0, 4, 6, 1, 3]
    shuffled = generator.answer(
        [by_stimulus[i][0] for i in order], options, [s for i in order for s in by_stimulus[i][1]]
    )
    expected = [answer for i in order for answer in seeds_of(together, i, options.samples)]
    assert without_seconds(shuffled) == without_seconds(expected)


def seeds_of(entries: list[T], stimulus: int, samples: int) -> list[T]:
    return entries[stimulus * samples : (stimulus + 1) * samples]


def test_a_sample_does_not_depend_on_those_beside_it(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    several = generator.answer(stimuli[:1], replace(SAMPLED, samples=4), [7, 8, 9, 7])
    alone = [generator.answer(stimuli[:1], SAMPLED, [seed])[0] for seed in (7, 8, 9)]
    assert without_seconds(several) == without_seconds([*alone, alone[0]])
    assert len({answer.raw for answer in several}) > 1


def test_free_greedy_replies_are_those_of_transformers(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    tokenizer = generator.processor.tokenizer
    options = free(replace(GREEDY, max_new_tokens=24))
    answers = generator.answer(stimuli, options)
    for stimulus, answer in zip(stimuli, answers, strict=True):
        batch = generator.processor.collate([generator.processor.encode(stimulus)])
        ids = generator.model.generate(
            **batch,
            max_new_tokens=24,
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )[0, batch["input_ids"].shape[1] :]
        assert answer.raw == tokenizer.decode(ids, skip_special_tokens=True).strip()
        assert answer.new_tokens == len(ids)


def test_constrained_replies_always_parse(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    """An untrained model writes no reply of its own in the format."""
    for answer in generator.answer(stimuli, replace(SAMPLED, samples=3), list(range(9))):
        reply = parse_reply(answer.raw)
        assert answer.client_emotion in EMOTIONS
        assert answer.therapist_emotion in EMOTIONS
        assert answer.strategy in STRATEGIES
        labels = (answer.client_emotion, answer.therapist_emotion, answer.strategy)
        assert (reply.client_emotion, reply.therapist_emotion, reply.strategy) == labels
        assert answer.raw.endswith(answer.text)
        for name, label in zip(
            ("client_emotion", "therapist_emotion", "strategy"), labels, strict=True
        ):
            shares = answer.label_probabilities[name]
            assert list(shares) == list(STRATEGIES if name == "strategy" else EMOTIONS)
            assert label in shares
            assert sum(shares.values()) == pytest.approx(1)


def test_lines_are_those_of_the_template(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
) -> None:
    text = shipped("brief").text
    start, end = text.index("[answer]"), text.index("[emotion_task]")
    lines = {
        "client_emotion": "Gefühl der Klientin",
        "strategy": "Strategie",
        "therapist_emotion": "Gefühl",
        "response": "Antwort",
    }
    answer = "".join(f'{key} = "{name}"\n' for key, name in lines.items())
    template = parse_template(f"{text[:start]}[answer]\n{answer}\n{text[end:]}", "ours")
    german = MultiMoodProcessor(processor.tokenizer, processor.config, template)
    (reply,) = MultiMoodGenerator(model, german).answer(stimuli[1:2], GREEDY)
    assert reply.raw.startswith(
        f"Gefühl der Klientin: {reply.client_emotion}\nStrategie: {reply.strategy}\n"
        f"Gefühl: {reply.therapist_emotion}\nAntwort:"
    )
    assert list(reply.label_probabilities) == ["client_emotion", "strategy", "therapist_emotion"]
    assert set(reply.label_probabilities["strategy"]) == set(STRATEGIES)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (" Hello.\nTell me more.\n\nClient's emotion: joy", "Hello.\nTell me more."),
        (" Therapist's response: Hello.", "Therapist's response: Hello."),
        (" Hello. Client's emotion: joy", "Hello. Client's emotion: joy"),
    ],
)
def test_response_ends_where_a_line_of_the_reply_begins_again(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput], said: str, kept: str
) -> None:
    tokenizer = generator.processor.tokenizer
    said_ids = tokenizer(said + " and on", add_special_tokens=False)["input_ids"]
    script = [None, None, None, *said_ids, tokenizer.eos_token_id]
    passes = iter(script)

    def say(_: torch.nn.Module, __: object, logits: torch.Tensor) -> torch.Tensor:
        """After the passes that score the labels, the words of the script."""
        token = next(passes)
        if token is not None:
            logits[:, token] = 1e4
        return logits

    hook = generator.model.lm_head.register_forward_hook(say)
    try:
        (answer,) = generator.answer(stimuli[1:2], replace(GREEDY, max_new_tokens=99))
    finally:
        hook.remove()
    assert answer.text == (kept if "\n" in said else kept + " and on")
    assert answer.raw.endswith(answer.text)


def test_damaged_weights_give_no_labels(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
) -> None:
    damaged = copy.deepcopy(model)
    damaged.model.layers[0].mlp.up_proj.weight.data.fill_(torch.nan)
    with pytest.raises(CheckpointError, match="damaged"):
        MultiMoodGenerator(damaged, processor).answer(stimuli[1:2], GREEDY)


def test_greedy_takes_the_most_probable_label(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    for answer in generator.answer(stimuli, GREEDY):
        shares = answer.label_probabilities["strategy"]
        assert answer.strategy == max(shares, key=shares.__getitem__)


def test_probabilities_are_those_of_the_model_at_every_temperature(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    cold, hot = (
        generator.answer(stimuli, replace(SAMPLED, temperature=temperature))[0]
        for temperature in (0.1, 5.0)
    )
    name = "client_emotion"
    assert cold.label_probabilities[name] == hot.label_probabilities[name]


def test_task_emotion_decides_one_line_over_the_given_labels(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    labels = ("Happy", "Sad", "Surprise", "Sad and angry")
    options = replace(GREEDY, task="emotion", emotions=labels)
    (answer,) = generator.answer(stimuli[2:], options)
    assert answer.client_emotion in labels
    assert answer.raw == f"Client's emotion: {answer.client_emotion}"
    assert (answer.text, answer.strategy, answer.therapist_emotion) == ("", None, None)
    assert list(answer.label_probabilities) == ["client_emotion"]
    assert tuple(answer.label_probabilities["client_emotion"]) == labels
    (other,) = generator.answer([replace(stimuli[2], situation="No matter")], options)
    assert other.label_probabilities == answer.label_probabilities
    (loose,) = generator.answer(stimuli[2:], free(options))
    assert loose.text == ""
    assert loose.label_probabilities == {}


def test_prompt_that_is_too_long_is_an_error_of_its_own(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    talk = TurnText("client", "I feel so alone. " * 100)
    long = replace(stimuli[1], key="long", client_turns=(talk,) * 6)
    options = replace(SAMPLED, samples=2)
    answers = generator.answer([stimuli[0], long, stimuli[2]], options)
    assert [bool(answer.error) for answer in answers] == [False, False, True, True, False, False]
    assert "more than the model's 2048" in answers[2].error
    assert answers[2].text == answers[2].raw == ""
    fine = generator.answer([stimuli[0], stimuli[2]], options, [0, 1, 4, 5])
    assert without_seconds(fine) == without_seconds([*answers[:2], *answers[4:]])


def test_prompt_tokens_count_the_row_without_padding(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    answers = generator.answer(stimuli, GREEDY)
    rows = [generator.processor.encode(stimulus)["input_ids"] for stimulus in stimuli]
    assert [answer.prompt_tokens for answer in answers] == [len(row) for row in rows]


def test_sampling_follows_the_seed(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    words = stimuli[1:2]
    same = {generator.answer(words, SAMPLED, [5])[0].raw for _ in range(2)}
    others = {generator.answer(words, SAMPLED, [seed])[0].raw for seed in range(6)}
    assert len(same) == 1
    assert len(others) > 1


def test_modality_leaves_out_what_it_says(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    one = stimuli[2:3]
    tokens = {
        modality: generator.answer(one, replace(GREEDY, modality=modality))[0].prompt_tokens
        for modality in ("av", "a", "v", "text")
    }
    video, audio = 16, 16  # 1.3 s of sound: 4 patches of 0.32 s, each of 4 frequency bands
    end_of_line = 1
    assert tokens["v"] == tokens["text"] + video + end_of_line
    assert tokens["a"] == tokens["text"] + audio + end_of_line
    assert tokens["av"] == tokens["text"] + video + audio + end_of_line


def test_batch_that_does_not_fit_is_answered_in_parts(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    """The memory is the edge we do not own: it is full at more rows than `most`."""
    options = replace(SAMPLED, samples=4)
    whole = generator.answer(stimuli, options)
    most = 8

    def allocate(_: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        if given[0].shape[0] > most:
            raise torch.OutOfMemoryError("not that much")

    hook = generator.model.lm_head.register_forward_pre_hook(allocate)
    try:
        assert without_seconds(generator.answer(stimuli, free(options))) == without_seconds(
            generator.answer(stimuli, free(replace(options, batch_size=1)))
        )
        most = 0
        with pytest.raises(DomainError, match="fewer clips, a shorter answer"):
            generator.answer(stimuli, options)
    finally:
        hook.remove()
    assert without_seconds(generator.answer(stimuli, options)) == without_seconds(whole)


def test_timings_add_up(generator: MultiMoodGenerator, stimuli: list[StimulusInput]) -> None:
    generator.timings.reset()
    began = time.perf_counter()
    answers = generator.answer(stimuli, replace(SAMPLED, samples=2))
    elapsed = time.perf_counter() - began
    told = generator.timings
    assert (told.prompts, told.answers) == (3, 6)
    assert told.prompt_tokens == sum(answer.prompt_tokens for answer in answers[::2])
    assert told.new_tokens == sum(answer.new_tokens for answer in answers)
    parts = (told.history, told.prefill, told.labels, told.decode)
    assert all(part > 0 for part in parts)
    assert sum(parts) + told.media + told.vision + told.audio <= elapsed


def test_unreadable_clip_is_named_with_a_remedy(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a film")
    for path, remedy in ((broken, "ffmpeg"), (tmp_path / "absent.mp4", "Put it back")):
        bad = replace(stimuli[0], key="bad", clip_paths=(path,))
        first, answer, last = generator.answer([stimuli[1], bad, stimuli[2]], GREEDY)
        assert re.search(rf"{path.name}.*{remedy}", answer.error)
        assert (answer.client_emotion, answer.raw) == (None, "")
        assert first.raw
        assert last.raw


def test_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        MultiMoodGenerator.load(tmp_path)


def test_clips_are_read_once_and_again_when_they_change(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    clips: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    cache = TowerCache(model.model, processor)
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clips[0].read_bytes())
    first = cache.load(copy)
    assert cache.load(copy) is first
    with torch.inference_mode():
        inside = TowerCache(model.model, processor).load(copy)
    assert inside.audio is not None
    assert not inside.audio.is_inference()
    copy.write_bytes(clips[1].read_bytes())
    second = cache.load(copy)
    assert second.audio is not None
    assert first.audio is not None
    assert second.audio.shape != first.audio.shape


def test_cache_forgets_the_oldest_clip(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    clips: tuple[Path, Path],
) -> None:
    cache = TowerCache(model.model, processor, max_bytes=1)
    first = cache.load(clips[0])
    cache.load(clips[1])
    assert cache.load(clips[0]) is not first
