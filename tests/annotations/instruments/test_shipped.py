"""The data files that ship: complete, consistent, honest about their sources, and documented."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from annotations.instruments import (
    CriterionText,
    InstrumentFileError,
    InstrumentText,
    StudyTemplate,
    instrument_from_toml,
    instrument_to_toml,
    read_instrument,
    read_template,
    shipped_instruments,
    study_templates,
)
from annotations.instruments.shipped import FOLDER, TEXTS
from annotations.instruments.template_reading import template_from_toml
from annotations.models import Study

DOCS = Path(__file__).resolve().parents[3] / "docs"
STATISTICS = set(re.findall(r"`([a-z0-9_]+)`", (DOCS / "statistics.md").read_text()))
PROTOCOLS = (DOCS / "study_protocols.md").read_text()
INSTRUMENTS, TEMPLATES = shipped_instruments(), study_templates()

each_instrument = pytest.mark.parametrize("text", INSTRUMENTS, ids=lambda text: text.slug)
each_template = pytest.mark.parametrize("template", TEMPLATES, ids=lambda text: text.slug)


def test_every_file_is_read() -> None:
    assert {text.slug for text in INSTRUMENTS} == {path.stem for path in FOLDER.glob("*.toml")}
    files = {path.stem for path in (FOLDER / "templates").glob("*.toml")}
    assert {template.slug for template in TEMPLATES} == files


@each_instrument
def test_instrument_names_its_source_and_what_it_is_not(text: InstrumentText) -> None:
    assert re.search(r"\(20\d\d\)|AAAI-26", text.citation)
    assert re.search(r"arXiv \d{4}\.\d{5}", text.citation)
    assert "this project" in text.note, "whose words these are"


@each_instrument
def test_criteria_are_complete_and_no_two_share_an_example(text: InstrumentText) -> None:
    examples = [each.good_example for each in text.criteria] + [
        each.poor_example for each in text.criteria
    ]
    assert all(examples)
    assert len(set(examples)) == len(examples)
    for criterion in text.criteria:
        assert len(criterion.definition) > 40


@each_instrument
def test_instrument_reads_back_from_its_own_export(text: InstrumentText) -> None:
    assert instrument_from_toml(instrument_to_toml(text)) == text


@each_template
def test_template_reports_statistics_that_are_documented(template: StudyTemplate) -> None:
    assert template.statistics
    assert set(template.statistics) <= STATISTICS
    assert template.open_choices
    assert all(choice.endswith(".") for choice in template.open_choices)
    assert template.response_fields in Study.ResponseFields.values


@each_template
def test_consent_asks_three_things_apart(template: StudyTemplate) -> None:
    passages = template.consent_text.split("\n\n")
    assert passages[0].startswith("Taking part.")
    assert template.consent_training_text in passages
    assert template.consent_release_text in passages
    for text in (template.consent_training_text, template.consent_release_text):
        assert "You can take part without agreeing to this." in text
    assert "not diagnoses" in template.consent_text


def test_no_text_speaks_of_gold_truth_or_of_diagnoses_made() -> None:
    files = [TEXTS, *FOLDER.glob("*.toml"), *(FOLDER / "templates").glob("*.toml")]
    for file in files:
        words = file.read_text().casefold()
        assert not re.search(r"(?<!“)gold\b|ground truth", words), file.name


def test_multimood_human_study_is_the_published_protocol() -> None:
    template = read_template("multimood-human-study")
    assert template is not None
    (part,) = template.parts
    assert (part.design, part.candidates, part.unit) == ("best_of_n", 3, "response")
    assert not part.tie_allowed
    assert part.with_overall
    assert (template.overlap, part.resolution) == (2, "more_raters")
    assert part.dispute_disagreement
    assert part.gate is not None
    assert (part.gate.items, part.gate.statistic, part.gate.threshold) == (100, "unweighted", 0.4)
    instrument = read_instrument(part.instrument)
    assert instrument is not None
    assert [c.slug for c in instrument.criteria] == [
        "fluency",
        "identification",
        "comfort",
        "suggestions",
    ]
    assert "fluency 0.65, identification 0.61, comfort 0.60" in " ".join(template.published)
    shares = [re.findall(r"(\d+) %", line) for line in template.published[1:]]
    assert [sum(map(int, column)) for column in zip(*shares, strict=True)] == [100] * 5


def test_stored_dialogues_are_not_passed_off_as_the_interactive_original() -> None:
    template = read_template("esconv-stored-dialogues")
    assert template is not None
    assert template.name == "ESConv criteria on stored dialogues"
    assert "interactive" in template.note
    assert template.parts[0].unit == "dialogue"
    assert template.parts[0].tie_allowed


def test_epitome_asks_for_passages_from_level_one() -> None:
    text = read_instrument("epitome")
    assert text is not None
    follow_ups = [criterion for criterion in text.criteria if criterion.kind == "spans"]
    assert len(follow_ups) == 3
    assert all(criterion.only_if["values"] == [1, 2] for criterion in follow_ups)


def test_esc_eval_anchors_every_point_from_0_to_4() -> None:
    text = read_instrument("esc-eval")
    assert text is not None
    assert len(text.criteria) == 7
    assert all(list(criterion.anchors) == list("01234") for criterion in text.criteria)


def test_counselbench_keeps_each_kind_of_answer() -> None:
    text = read_instrument("counselbench")
    assert text is not None
    by_slug = {criterion.slug: criterion for criterion in text.criteria}
    assert by_slug["toxicity"].reverse_scored
    assert len(by_slug["medical-advice"].options) == 3
    assert by_slug["factual-consistency"].scale_max == 4
    assert {criterion.kind for criterion in text.criteria} == {"score", "choice", "text", "spans"}


TEMPLATE = (FOLDER / "templates" / "multimood-human-study.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("candidates = 3", "candidates = 9", "part 1, candidates: is for best_of_n and ranking"),
        ("min_runs = 3", "min_runs = 2", "part 1, design: needs more runs than min_runs says"),
        ("multimood-human\"\nunit", "unknown\"\nunit", "there is no instrument “unknown”"),
        ("multimood-human\"\nunit", "counselbench\"\nunit", "asks more than a comparison can"),
        ("\"more_raters\"", "\"none\"", "part 1, resolution: and the rules that find a dispute"),
        ("threshold = 0.4", "threshold = 1", "part 1, gate.threshold: has to be below 1"),
        ("items = 100", "itmes = 100", "itmes: a gate has no such field. Did you mean items?"),
        ("overlap = 2", "overlap = 0", "overlap: has to be 1 or more"),
        ("unit = \"response\"", "unit = \"turn\"", "unit: “turn” is not one of response, dialogue"),
    ],
)  # fmt: skip
def test_a_template_that_makes_no_study_is_refused(old: str, new: str, expected: str) -> None:
    texts = {"consent_text": "I take part.", "content_note": "", "contacts": "Ada"}
    assert template_from_toml(TEMPLATE, texts, read_instrument).contacts == "Ada"
    assert old in TEMPLATE
    with pytest.raises(InstrumentFileError, match=re.escape(expected)):
        template_from_toml(TEMPLATE.replace(old, new, 1), texts, read_instrument)


def test_labels_that_are_asked_about_are_shown() -> None:
    content = (FOLDER / "templates" / "escot.toml").read_text()
    texts = {"consent_text": "I take part.", "content_note": "", "contacts": "Ada"}
    with pytest.raises(InstrumentFileError, match="labels that stay hidden"):
        template_from_toml(content.replace('"after"', '"hidden"'), texts, read_instrument)


def test_protocols_page_names_every_template_and_instrument_as_it_is() -> None:
    for text in INSTRUMENTS:
        assert f"`{text.slug}`" in PROTOCOLS, text.slug
    for template in TEMPLATES:
        row = re.findall(rf"^\| `{template.slug}` \|.*$", PROTOCOLS, re.MULTILINE)[0]
        for part in template.parts:
            assert part.design.replace("_", " ").replace("of n", "of 3") in row
            assert f"`{part.instrument}`" in row
        for name in template.statistics:
            assert f"`{name}`" in row, (template.slug, name)


def test_protocols_page_describes_every_field_of_a_criterion() -> None:
    for field in dataclasses.fields(CriterionText):
        assert f"`{field.name}`" in PROTOCOLS, field.name


def test_protocols_page_shows_a_file_that_can_be_imported() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PROTOCOLS, re.DOTALL)
    assert len(instrument_from_toml(example).criteria) == 2
