"""The responsible-research checklist of ACL's review: the parts a rating study can answer."""

from __future__ import annotations

from annotations.checklists import shared
from annotations.checklists.draft import Draft, Section, answer, counted, listed
from annotations.checklists.facts import StudyFacts

ABOUT = (
    "Draft for the responsible NLP research checklist of the ACL Rolling Review. Questions are in "
    "MoodEval's words and lettered as in the form; where the form asks for the section of your "
    "paper, write these facts there and name it."
)


def acl_draft(facts: StudyFacts) -> Draft:
    return Draft(
        "ACL responsible research checklist",
        ABOUT,
        (every_paper(facts), artifacts(facts), experiments(facts), annotators(facts), assistants()),
    )


def every_paper(facts: StudyFacts) -> Section:
    limits = [
        "Ratings judge replies to stored conversations, not what happens in a live one.",
        "The corpora's emotion labels are labels, not diagnoses.",
        *(part.note for part in facts.parts if part.note),
    ]
    return Section(
        "A. Every submission",
        (
            answer(
                "A1. Limitations",
                *dict.fromkeys(limits),
                to_do="Add the limitations of your models and sample.",
            ),
            answer(
                "A2. Risks",
                to_do="Say what a system that is rated well could still do to people in distress.",
            ),
        ),
    )


def artifacts(facts: StudyFacts) -> Section:
    instruments = dict.fromkeys(
        f"{part.instrument}: {part.citation}" for part in facts.parts if part.citation
    )
    corpora = [f"{name}: {citation}" for name, _, citation in facts.corpora if citation]
    licences = [f"{name}: {licence or 'not recorded'}" for name, licence, _ in facts.corpora]
    return Section(
        "B. Artifacts used or made",
        (
            answer(
                "B1. Whose data, models and instruments were used?",
                *instruments,
                *corpora,
                to_do=""
                if instruments and len(corpora) == len(facts.corpora)
                else "Cite the corpora and models that are missing here.",
            ),
            answer("B2. Under which licences?", *licences, to_do="Add those of the models."),
            answer("B3. Was the use as intended by their makers?"),
            answer(
                "B4. Do the data name people or hold offensive content, and what was done?",
                "Raters have pseudonyms in figures and exports.",
                to_do="Say what was done for the clients in the corpora.",
            ),
            answer(
                "B5. What do the data cover (domains, languages, people)?",
                f"{counted(facts.stimuli, 'client turn')} of "
                f"{listed([name for name, _, _ in facts.corpora])}."
                if facts.stimuli and facts.corpora
                else "",
                to_do="Add languages and who the speakers are.",
            ),
            answer(
                "B6. How many examples, in which splits?",
                *(
                    f"Part {part.position}: {counted(part.items, 'item')} with "
                    f"{facts.overlap} raters each."
                    for part in facts.parts
                    if part.items
                ),
                f"Splits: {', '.join(facts.splits)}." if facts.splits else "",
            ),
        ),
    )


def experiments(facts: StudyFacts) -> Section:
    return Section(
        "C. Computational experiments",
        (
            answer("C1. Size of the models, computing budget and machines"),
            answer("C2. Experimental set-up and hyperparameters"),
            answer(
                "C3. What kind of figures are reported?",
                f"Figures come with n and {facts.confidence:.0%} intervals; the analysis plan, "
                "frozen at the launch, names the primary ones."
                if facts.plan_frozen_at
                else "",
            ),
            answer(
                "C4. Packages and their settings",
                to_do="The study's report lists the software and versions behind its figures.",
            ),
        ),
    )


def annotators(facts: StudyFacts) -> Section:
    return Section(
        "D. Human annotators",
        (
            answer(
                "D1. The full instructions, and warnings of what raters will see",
                *(
                    f"Part {part.position}: {part.instrument}, "
                    f"{listed([one.name for one in part.criteria])}. Definitions, questions and "
                    "examples as raters read them stand on the instrument's page."
                    for part in facts.parts
                    if part.criteria
                ),
                *shared.harm_lines(facts),
                to_do="Put the instructions into an appendix.",
            ),
            answer(
                "D2. Recruitment and payment, and whether it was fair where raters live",
                facts.recruitment,
                facts.payment,
                *shared.time_lines(facts),
                to_do=""
                if facts.recruitment and facts.payment
                else "Say how raters were found and paid, and whether that is adequate.",
            ),
            answer("D3. Consent", *shared.consent_lines(facts)),
            answer("D4. Approval by an ethics board", facts.ethics_approval),
            answer(
                "D5. Who the raters are",
                *shared.who_rated(facts),
                *shared.description_of_raters(facts),
                to_do=unknown_raters(facts),
            ),
        ),
    )


def unknown_raters(facts: StudyFacts) -> str:
    unknown = facts.raters - facts.described
    if facts.raters and not unknown:
        return "Where they live was not asked."
    return f"Nothing is known of {counted(unknown, 'rater')}. Where raters live was not asked."


def assistants() -> Section:
    return Section(
        "E. AI assistants",
        (answer("E1. Were AI assistants used in research, coding or writing, and how?"),),
    )
