"""A local model asked like one behind an address."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
import torch

from inference.backends.base import Machine
from inference.backends.endpoint_faults import QuestionRefusedError
from inference.backends.local_chat import LocalChat, load_local_chat
from inference.backends.transformers_text import unload_text
from inference.endpoints import Chat, Message
from tests.annotations.exports import tiny_language_models

QUESTION: list[Message] = [
    {"role": "system", "content": "You judge."},
    {"role": "user", "content": [{"type": "text", "text": "How empathic is this?"}]},
]


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalChat]:
    from transformers import LlamaForCausalLM

    folder: Path = tmp_path_factory.mktemp("models") / "judge"
    torch.manual_seed(4)
    config = tiny_language_models.config()
    config.initializer_range = 0.4
    LlamaForCausalLM(config).save_pretrained(folder)
    tiny_language_models.tokenizer().save_pretrained(folder)
    yield load_local_chat(str(folder), machine=Machine(device="cpu"))
    unload_text()


def test_an_answer_costs_nothing_and_counts_its_tokens(chat: Chat) -> None:
    answer = chat.ask(QUESTION, max_tokens=5, schema={"type": "object"})
    assert answer.cost == Decimal(0)
    assert answer.prompt_tokens > 20
    assert answer.new_tokens <= 5
    assert answer.tries == 1
    assert answer.finish in ("stop", "length")


def test_several_threads_get_what_each_would_get_alone(chat: Chat) -> None:
    def ask(seed: int) -> str:
        return chat.ask(QUESTION, max_tokens=8, temperature=1.0, seed=seed).text

    alone = [ask(seed) for seed in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, range(6))) == alone
    assert len(set(alone)) > 1


def test_pictures_and_sound_are_refused_not_passed_over(chat: Chat) -> None:
    seen: Message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}
    with pytest.raises(QuestionRefusedError, match="reads words only and was sent image_url"):
        chat.ask([seen], max_tokens=5)


def test_a_question_longer_than_the_context_is_refused(chat: Chat) -> None:
    with pytest.raises(QuestionRefusedError, match="more than the model's 2,048"):
        chat.ask([{"role": "user", "content": "word " * 1000}], max_tokens=5)
