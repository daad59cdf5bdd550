"""Rewards: each term's values by hand, and one scale for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from inference.contracts import ReplyFields, StimulusInput, TurnText
from inference.training.config import ConfigError, RewardTerm
from inference.training.rewards import Rewards, load_rewards
from inference.training.rewards.contract import Asked, Said
from inference.training.rewards.functions import FUNCTIONS, feelings_named
from inference.training.rewards.similarity import EncoderSimilarity, common_subsequence, rouge_l
from inference.training.rewards.terms import mean_of_known, trust_and_similarity

STIMULUS = StimulusInput("d:1", "", (), (TurnText("client", "He left."),))


def asked(text: str = "", emotion: str | None = "sadness") -> Asked:
    return Asked(STIMULUS, ReplyFields(emotion, "neutral", "approval", text))


def said(text: str, ended: bool = True, strategy: str | None = "approval") -> Said:
    return Said(text, ReplyFields("sadness", "neutral", strategy, text), ended)


class Fixed:
    """A term with given scores."""

    def __init__(self, name: str, *scores: float | None) -> None:
        self.name, self.scores = name, list(scores)

    def score(self, asked: Sequence[Asked], said: Sequence[Said]) -> list[float | None]:
        return self.scores


def test_rouge_l_by_hand() -> None:
    # Lin 2004: "police killed the gunman"; the longest common subsequence is "police the gunman".
    reference = "police killed the gunman"
    assert rouge_l("police kill the gunman", reference) == pytest.approx(0.75)
    # "the gunman": precision and recall 2/4.
    assert rouge_l("the gunman kill police", reference) == pytest.approx(0.5)
    # 2 of 3 words in order of 4: P = 2/3, R = 2/4, F1 = 4/7.
    assert rouge_l("Police, the!! end", reference) == pytest.approx(4 / 7)
    assert rouge_l("", reference) == 0
    assert rouge_l("nothing alike", reference) == 0
    assert rouge_l("Größe zählt", "größe ZÄHLT.") == 1


def test_the_longest_common_subsequence_is_no_common_substring() -> None:
    assert common_subsequence("ABCBDAB", "BDCABA") == 4  # BCBA; Cormen et al., section 15.4
    assert common_subsequence("", "AB") == 0


def test_similarity_cannot_tell_without_a_reference() -> None:
    rewards = load_rewards([RewardTerm("similarity")])
    none = Asked(STIMULUS, None)
    scored = rewards.score(
        [asked("You miss him."), none, asked(" ... ")],
        [said("You miss him."), said("You miss him."), said("Yes")],
    )
    assert scored.total == [1.0, None, None]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    words = ["[PAD]", "[UNK]", "you", "miss", "him", "well", "done", "so"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    torch.manual_seed(1)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=len(words), num_hidden_layers=1, **sizes)).save_pretrained(
        folder
    )
    return folder


def test_an_encoder_compares_mean_pooled_states(encoder: Path) -> None:
    term = EncoderSimilarity.load(encoder, batch_size=2)
    texts = ["you miss him", "so well", "so so so well done you"]
    references = ["you miss him so", "so well", "him"]
    scores = term.score([asked(text) for text in references], list(map(said, texts)))
    ids = [term.tokenizer(text, return_tensors="pt") for text in (texts[0], references[0])]
    with torch.no_grad():
        one, other = (term.model(**given).last_hidden_state[0].mean(0) for given in ids)
    cosine = torch.cosine_similarity(one, other, dim=0).item()
    assert scores[0] == pytest.approx((1 + cosine) / 2, abs=1e-5)
    assert scores[1] == pytest.approx(1, abs=1e-5)
    assert all(score is not None and 0 <= score <= 1 for score in scores)
    assert term.score([asked("so"), Asked(STIMULUS)], [said(""), said("so")]) == [0.0, None]


def test_a_folder_without_an_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"entry 1: path: .* holds no text encoder"):
        load_rewards([RewardTerm("similarity", path=tmp_path)])


@pytest.mark.parametrize(
    ("text", "emotion", "score"),
    [
        ("You are sad, and that is all right.", "sadness", 1.0),
        ("You are SAD.", "sadness", 1.0),
        ("You are angry.", "sadness", 0.0),
        ("Sadder than before?", "sadness", 0.0),
        ("I hear how frightened you are.", "fear", 1.0),
        ("", "sadness", 0.0),
    ],
)
def test_the_feeling_is_named_or_not(text: str, emotion: str, score: float) -> None:
    assert FUNCTIONS["names_the_feeling"](asked(emotion=emotion), said(text)) == score


def test_which_feeling_cannot_be_told_without_a_label() -> None:
    rule = FUNCTIONS["names_the_feeling"]
    assert rule(asked(emotion=None), said("You are sad.")) is None
    assert rule(Asked(STIMULUS), said("You are sad.")) is None
    assert rule(asked(emotion="surprise"), said("You are sad.")) is None


def test_several_feelings_in_one_text() -> None:
    assert feelings_named("Your anger, and the emptiness") == {"anger", "depression"}


def test_questions_and_format() -> None:
    assert FUNCTIONS["asks_a_question"](asked(), said("What happened?")) == 1
    assert FUNCTIONS["asks_a_question"](asked(), said("I see.")) == 0
    assert FUNCTIONS["format"](asked(), said("I see.")) == 1
    assert FUNCTIONS["format"](asked(), said("I see.", ended=False)) == 0
    assert FUNCTIONS["format"](asked(), said("I see.", strategy=None)) == 0
    assert FUNCTIONS["format"](asked(), said("  ")) == 0


def test_a_function_of_another_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"entry 2: name: there is no function 'warm'.*Known: n"):
        load_rewards([RewardTerm("similarity"), RewardTerm("function", name="warm")])


def test_the_total_is_the_weighted_mean_of_what_is_known() -> None:
    rewards = Rewards(
        [(Fixed("one", 1.0, None, None, 0.0), 3.0), (Fixed("two", 0.0, 0.4, None, None), 1.0)]
    )
    scored = rewards.score([asked()] * 4, [said("x")] * 4)
    assert scored.total == [0.75, 0.4, None, 0.0]
    assert scored.terms == {"one": [1.0, None, None, 0.0], "two": [0.0, 0.4, None, None]}


def test_what_is_not_known_is_never_a_zero() -> None:
    assert mean_of_known([None, 0.5], [1, 1]) == 0.5
    assert mean_of_known([None], [1]) is None


def test_terms_of_one_kind_are_told_apart() -> None:
    rewards = Rewards([(Fixed("model", 1.0), 1.0), (Fixed("model", 0.0), 1.0)])
    assert dict(rewards.score([asked()], [said("x")]).terms) == {"model": [1.0], "model_2": [0.0]}


def test_a_term_that_leaves_the_scale_is_a_fault() -> None:
    with pytest.raises(ValueError, match=r"reward one: 7 is outside 0 to 1"):
        Rewards([(Fixed("one", 7), 1.0)]).score([asked()], [said("x")])
    with pytest.raises(ValueError, match="0 scores for 1 answers"):
        Rewards([(Fixed("one"), 1.0)]).score([asked()], [said("x")])
    with pytest.raises(ValueError, match="1 answers to 2 stimuli"):
        Rewards([(Fixed("one"), 1.0)]).score([asked()] * 2, [said("x")])


def test_a_generating_checkpoint_is_no_reward(base: Path) -> None:
    with pytest.raises(ConfigError, match=r"entry 1: .* holds no reward model"):
        load_rewards([RewardTerm("model", path=base)])
    with pytest.raises(ConfigError, match="rewards: missing"):
        load_rewards([])


def test_the_papers_reward_is_trust_and_similarity_in_one_scale() -> None:
    judge, similarity = trust_and_similarity("http://127.0.0.1:1/v1", "judge")
    assert (judge.kind, judge.weight, judge.criteria) == ("judge", 1.0, ())
    assert (similarity.kind, similarity.weight, similarity.path) == ("similarity", 1.0, None)
    # A trust of 10 of 10 and no word in common: 0.5, where the published code would give 5.
    assert mean_of_known([1.0, 0.0], [judge.weight, similarity.weight]) == 0.5
