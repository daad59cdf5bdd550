"""BERTScore and embedding similarity: the formula by hand, and a small real encoder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from inference.benchmarks.contract import BenchmarkError, Options
from inference.benchmarks.embedding import Encoder, Tokens, bertscore_f1, default_layer
from inference.benchmarks.suites import benchmark
from tests.inference.benchmarks.figure_cases import figure, reply_cases, value

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "i", "see", "you", "feel", "sad", "go", "on")
PAIRS = [("i see", "you feel sad"), ("go on", "go on"), ("you feel sad", ""), ("i", "i see you go")]
METRICS = ("embedding_similarity", "bertscore")


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    made = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, "[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]"}
    PreTrainedTokenizerFast(
        tokenizer_object=made, sep_token="[SEP]", model_max_length=32, **special
    ).save_pretrained(folder)
    torch.manual_seed(1)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=len(WORDS), num_hidden_layers=3, **sizes)).save_pretrained(
        folder
    )
    return folder


def tokens(*rows: tuple[float, float], marks: int = 0) -> Tokens:
    """The last `marks` rows are the encoder's."""
    states = torch.nn.functional.normalize(torch.tensor(rows, dtype=torch.float32), dim=-1)
    return Tokens(states, torch.arange(len(rows)) < len(rows) - marks)


def f1(answer: Tokens, reference: Tokens) -> float:
    return bertscore_f1(answer, reference, match_marks=False)


def test_bertscore_by_hand() -> None:
    """Cosines of two answered tokens with three: (1, 0, .6) and (0, 1, .8).
    P = (1 + 1) / 2, R = (1 + 1 + .8) / 3."""
    answer = tokens((1, 0), (0, 1))
    reference = tokens((1, 0), (0, 1), (3, 4))
    recall = 2.8 / 3
    assert f1(answer, reference) == pytest.approx(2 * recall / (1 + recall))
    assert f1(reference, answer) == pytest.approx(2 * recall / (1 + recall))


def test_marks_are_no_tokens_and_as_published_only_something_to_match_with() -> None:
    """Cosine of the two texts .6, of the answer with the mark .8, of the marks 1: never counted."""
    answer = tokens((1, 0), (4, 3), marks=1)
    reference = tokens((3, 4), (4, 3), marks=1)
    assert f1(answer, reference) == pytest.approx(0.6)
    precision, recall = 0.8, 24 / 25
    assert bertscore_f1(answer, reference, match_marks=True) == pytest.approx(
        2 * precision * recall / (precision + recall)
    )


def test_bertscore_of_nothing_or_of_opposites_is_0() -> None:
    assert f1(tokens((1, 0), marks=1), tokens((1, 0))) == 0
    assert f1(tokens((-1, 0)), tokens((1, 0))) == 0


def test_figures_are_the_formulas_over_the_encoders_states(encoder_folder: Path) -> None:
    report = benchmark("mesc", reply_cases(PAIRS), options(encoder_folder, layer=2))
    model, tokenizer = BertModel.from_pretrained(encoder_folder), read_tokenizer(encoder_folder)
    cosines, scores = [], []
    for wanted, said in PAIRS:
        if not said:
            cosines.append(0.0)
            scores.append(0.0)
            continue
        with torch.inference_mode():
            one, other = (
                model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
                for text in (said, wanted)
            )
        pooled = [out.last_hidden_state[0].mean(0) for out in (one, other)]
        cosines.append(float(torch.cosine_similarity(pooled[0], pooled[1], dim=0)))
        a, b = (out.hidden_states[2][0, 1:-1] for out in (one, other))
        near = torch.cosine_similarity(a[:, None], b[None], dim=-1)
        p, r = float(near.max(1).values.mean()), float(near.max(0).values.mean())
        scores.append(2 * p * r / (p + r))
    assert value(report, "text.embedding_similarity") == pytest.approx(sum(cosines) / 4, abs=1e-6)
    assert value(report, "text.bertscore") == pytest.approx(sum(scores) / 4, abs=1e-6)


def test_equal_texts_have_1(encoder_folder: Path) -> None:
    report = benchmark(
        "mesc", reply_cases([("i see", "i see"), ("go on", "go on")]), options(encoder_folder)
    )
    assert [entry.estimate.value for entry in report.text] == [1, 1]


def test_the_encoder_and_its_layer_are_part_of_the_figure(encoder_folder: Path) -> None:
    report = benchmark("mesc", reply_cases(PAIRS), options(encoder_folder))
    title = figure(report, "text.bertscore").title
    assert title.startswith("BERTScore F1 (tiny-bert (sha256 ")
    assert title.endswith("), layer 3)")
    assert report.encoder.endswith("BERTScore from layer 3 of 3")
    assert report.software.keys() >= {"torch", "transformers"}


def test_other_weights_have_another_name(encoder_folder: Path, tmp_path: Path) -> None:
    read_tokenizer(encoder_folder).save_pretrained(tmp_path)
    model = BertModel.from_pretrained(encoder_folder)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight[4, 0] += 1
    model.save_pretrained(tmp_path)
    digests = {Encoder.load(path, None).name[-13:] for path in (encoder_folder, tmp_path)}
    assert len(digests) == 2


@pytest.mark.parametrize(("layers", "chosen"), [(24, 17), (12, 9), (6, 5), (1, 1)])
def test_the_default_layer_is_the_one_bertscores_authors_chose(layers: int, chosen: int) -> None:
    assert default_layer(layers) == chosen


def test_without_an_encoder_the_two_say_why_they_are_absent() -> None:
    report = benchmark("mesc", reply_cases(PAIRS), Options(resamples=100, metrics=METRICS))
    assert [entry.estimate.undefined_because for entry in report.text] == [
        "no text encoder was named: give the folder of one"
    ] * 2


def test_a_folder_that_holds_no_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"encoder: .* holds no text encoder"):
        benchmark("mesc", reply_cases(PAIRS), options(tmp_path))


def test_weights_that_could_hold_code_are_not_read(encoder_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(encoder_folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").unlink()
    torch.save(
        BertModel.from_pretrained(encoder_folder).state_dict(), tmp_path / "pytorch_model.bin"
    )
    with pytest.raises(BenchmarkError, match=r"encoder: .* holds no text encoder"):
        Encoder.load(tmp_path, None)


def test_a_layer_that_the_encoder_lacks_is_refused(encoder_folder: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"layer: 4 .* Choose from 0 .* to 3"):
        benchmark("mesc", reply_cases(PAIRS), options(encoder_folder, layer=4))


def options(folder: Path, layer: int | None = None) -> Options:
    return Options(resamples=100, metrics=METRICS, encoder=str(folder), layer=layer)


def read_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast.from_pretrained(folder)
