from __future__ import annotations

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from inference.labels import EMOTIONS, STRATEGIES
from inference.multimood.label_tree import ReplyPlan
from inference.multimood.prompt_file import shipped

TEXTS = [
    "Client's emotion: sadness\nTherapist's emotion: neutral\nTherapist's strategy: approval\n",
    "Therapist's response: I am here, and glad that you came.",
    *(f"an {label} one" for label in (*EMOTIONS, *STRATEGIES)),
]
# As Qwen2 splits text: a line end stays with the punctuation before it.
QWEN_PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def qwen_like(vocabulary: int) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def llama_like(vocabulary: int) -> PreTrainedTokenizerFast:
    """No pieces: tokens may reach over spaces and line ends."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=["<unk>"], show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


@pytest.fixture(params=["qwen-300", "qwen-600", "llama-60", "llama-400"])
def any_tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    kind, _, size = request.param.partition("-")
    return (qwen_like if kind == "qwen" else llama_like)(int(size))


@pytest.mark.parametrize(
    ("before", "labels"),
    [
        ((), EMOTIONS),
        (("sadness",), EMOTIONS),
        (("joy", "fear"), STRATEGIES),
        ((), ("joy", "joyful", "joy of life", "anger")),
        ((), ("joy",)),
    ],
)
def test_every_label_has_the_tokens_of_the_whole_text(
    any_tokenizer: PreTrainedTokenizerFast, before: tuple[str, ...], labels: tuple[str, ...]
) -> None:
    plan = ReplyPlan(any_tokenizer, shipped("full"))
    tree = plan.tree(before, labels)
    texts = ["Client's emotion: ", "\nTherapist's emotion: ", "\nTherapist's strategy: "]
    texts.append("\nTherapist's response:")
    start = "".join(t + label for t, label in zip(texts, [*before, ""], strict=False))
    for number, label in enumerate(labels):
        following = texts[len(before) + 1].rstrip()
        whole = any_tokenizer(start + label + following, add_special_tokens=False)
        scored = [token for _, token in tree.scored(number)]
        ids = [*tree.stem, *scored]
        assert ids == whole["input_ids"][: len(ids)]
        # The last of them is the one that holds the line end.
        written = any_tokenizer.decode(ids).lstrip()
        assert written.startswith(start + label + "\n")
        assert not any_tokenizer.decode(ids[:-1]).lstrip().startswith(start + label + "\n")


def test_labels_share_the_nodes_of_their_common_beginning() -> None:
    tree = ReplyPlan(qwen_like(300), shipped("full")).tree((), ("joy", "joyful", "anger"))
    joy, joyful, _ = tree.paths
    assert joyful[: len(joy)] == joy
    assert tree.closing[0] != tree.tokens[joyful[len(joy)]]
    assert tree.ancestry[joyful[-1], list(joy)].all()
    assert not tree.ancestry[joyful[-1], list(tree.paths[2])].any()
