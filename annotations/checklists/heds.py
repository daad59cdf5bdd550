"""The Human Evaluation Datasheet: Shimorina & Belz (2022); version 3.0 by Belz & Thomson (2024).

Sections and their numbers follow version 3.0. Each section of ours names the range of questions of
the form that it helps with; it does not replace the form's own questions and choices.
"""

from __future__ import annotations

from annotations.checklists import shared
from annotations.checklists.draft import Answer, Draft, Section, answer, counted, listed
from annotations.checklists.facts import CriterionFacts, PartFacts, StudyFacts

ABOUT = (
    "Draft for the Human Evaluation Datasheet (HEDS 3.0: Belz & Thomson, 2024, arXiv:2412.07940; "
    "after Shimorina & Belz, 2022). Questions are in MoodEval's words: copy the answers into the "
    "form itself, whose own questions and choices decide."
)


def heds_draft(facts: StudyFacts) -> Draft:
    return Draft(
        "Human Evaluation Datasheet (HEDS 3.0)",
        ABOUT,
        (
            resources(),
            systems(facts),
            sample(facts),
            raters(facts),
            conduct(facts),
            *(criterion_section(part, one, facts) for part in facts.parts for one in asked(part)),
            ethics(facts),
        ),
    )


def resources() -> Section:
    return Section(
        "1. Reference and resources (form: 1.1.1 to 1.3.2.3)",
        (
            answer("Which paper or preregistration is the sheet about, and which experiment?"),
            answer("Where can data, code and instructions be found?"),
            answer("Who fills in the sheet, and who is the contact author?"),
        ),
    )


def systems(facts: StudyFacts) -> Section:
    names = [f"{name} ({kind})" if kind else name for name, kind in facts.systems]
    return Section(
        "2. Evaluated systems (form: 2.1 to 2.5)",
        (
            answer(
                "What do the systems take as input?",
                "A client's turn of an emotional-support conversation, with the conversation "
                "before it.",
                to_do="Say whether each system was given video and sound as well as text.",
            ),
            answer(
                "What do they put out?",
                "A therapist's reply as text."
                + (
                    " Their labels of emotion and strategy were shown to raters "
                    f"({facts.response_fields})."
                    if facts.response_fields != "hidden"
                    else " Their labels of emotion and strategy were not shown to raters."
                )
                + (
                    " Raters could open how a reply was reasoned, where all replies of an item "
                    "said so."
                    if facts.show_chain
                    else ""
                ),
            ),
            answer("What is the task?", "Generation of supportive replies in dialogue."),
            answer("Which systems are compared?", f"{listed(names)}." if names else ""),
            answer("In which languages are input and output?"),
        ),
    )


def sample(facts: StudyFacts) -> Section:
    corpora = [
        f"{name} (licence: {licence or 'not recorded'}){'. ' + citation if citation else ''}"
        for name, licence, citation in facts.corpora
    ]
    items = [f"part {part.position}: {counted(part.items, 'item')}" for part in facts.parts]
    return Section(
        "3.1 Sample of outputs (form: 3.1.1 onwards)",
        (
            answer(
                "How many outputs were judged?",
                f"{counted(facts.stimuli, 'client turn')}; {', '.join(items)}; "
                f"{facts.overlap} raters per item."
                if facts.stimuli
                else "",
            ),
            answer(
                "How were they chosen?",
                selection(facts),
                f"Splits: {', '.join(facts.splits)}." if facts.splits else "",
                *(f"Corpus: {corpus}." for corpus in corpora),
            ),
            answer(
                "Was the size of the sample justified, and how (for instance by power)?",
                to_do="The study's design report and planner give expected interval widths; say "
                "which you aimed at.",
            ),
        ),
    )


def selection(facts: StudyFacts) -> str:
    if not facts.stimuli:
        return ""
    if not facts.drawn:
        return "All client turns that every system had answered and the study's rules admit."
    return (
        f"Drawn by seed {facts.seed} among the client turns that every system had answered, so "
        "that each dialogue gives one before any gives a second."
    )


def raters(facts: StudyFacts) -> Section:
    return Section(
        "3.2 Raters (form: 3.2.1 onwards)",
        (
            answer("How many raters were there?", *shared.who_rated(facts)),
            answer(
                "What kind of raters: experts, paid, known to the authors?",
                *shared.description_of_raters(facts),
                to_do="Say whether raters knew the authors"
                + ("." if facts.described else ", and what they are: nothing is recorded."),
            ),
            answer("How were they recruited?", facts.recruitment),
            answer("How were they paid?", facts.payment, *shared.time_lines(facts)),
            answer("How were they trained or selected?", *shared.training_of_raters(facts)),
        ),
    )


def conduct(facts: StudyFacts) -> Section:
    frozen = facts.plan_frozen_at
    return Section(
        "3.3 Conduct of the experiment (form: up to 3.3.8)",
        (
            answer(
                "Was it preregistered?",
                f"The analysis plan was frozen in MoodEval on {frozen:%Y-%m-%d %H:%M} UTC, before "
                "the first rating; that is no public registration."
                if frozen
                else "",
                to_do="Name the public registry and its number, if there is one.",
            ),
            answer(
                "How were answers collected?",
                "On MoodEval's rating page in a browser; each answer is saved at once, each "
                "version kept, with the order in which responses were shown.",
            ),
            answer("How was quality ensured?", *quality(facts)),
            answer(
                "Under which conditions did raters work, and could they ask questions?",
                f"Remotely, in blocks of about {facts.block_size} items, which they could leave "
                "and come back to.",
                to_do="Say how they could ask, and whether conditions were controlled.",
            ),
            answer(
                "Were raters blind, and was the order controlled?",
                "Raters saw no model name, run or file. Items were dealt by seed, order and sides "
                "counterbalanced."
                + (" Criteria started at another place for each rater." if facts.rotated else ""),
                "At the end raters guessed who wrote the responses." if facts.guesses else "",
            ),
            answer(
                "What was changed after the start?",
                f"{counted(facts.amendments, 'amendment')}; the study's history gives each with "
                "its reason."
                if facts.launched_at
                else "",
            ),
        ),
    )


def quality(facts: StudyFacts) -> list[str]:
    lines = shared.training_of_raters(facts)
    if facts.repeat_share:
        lines.append(f"{facts.repeat_share:.0%} of a rater's items came twice, for consistency.")
    if facts.min_active_seconds:
        lines.append(
            f"Answers in less than {facts.min_active_seconds} s of active time are excluded, as "
            "planned before the launch."
        )
    return lines


def asked(part: PartFacts) -> list[CriterionFacts]:
    overall = CriterionFacts("Overall", "Which response is better, all in all.", "", "", "ordinal")
    return [*part.criteria, *([overall] if part.overall else [])]


def criterion_section(part: PartFacts, criterion: CriterionFacts, facts: StudyFacts) -> Section:
    return Section(
        f"4. Criterion “{criterion.name}”, part {part.position} (form: 4.1.1 to 4.3.12.2)",
        (
            answer(
                "What kind of quality is it, of which aspect, judged against what?",
                to_do="Choose the categories in the form (taxonomy QCET).",
            ),
            answer(
                "How is it assessed?",
                f"{part.design_words}, by subjective judgement of {part.unit.lower()}.",
            ),
            answer("What is it called, and how is it defined for raters?", criterion.definition),
            answer(
                "What exactly are raters asked?",
                criterion.question or "Which response is better overall?",
            ),
            answer("Which answers can they give?", *possible(part, criterion)),
            answer(
                "How are answers turned into figures, and with which statistics?",
                f"{facts.confidence:.0%} intervals; answers count in {facts.answer_version}."
                if facts.answer_version
                else "",
                "Primary in the analysis plan."
                if criterion.name in facts.primary
                else "Not primary in the analysis plan.",
                to_do="Name the coefficients you report; the study's report lists them with their "
                "values and sources.",
            ),
            answer(
                "What is the agreement between raters?",
                to_do="Take it, with its interval, from the study's report.",
            ),
        ),
        note=part.note,
    )


def possible(part: PartFacts, criterion: CriterionFacts) -> list[str]:
    if part.design == "absolute":
        said = criterion.scale
    else:
        said = {
            "pairwise": "one of two responses"
            + (", slightly or clearly" if part.strength else "")
            + (", or no difference" if part.ties else ""),
            "best_of_n": "the best of the responses shown" + (", or a tie" if part.ties else ""),
            "ranking": "all responses in order" + (", with ties" if part.ties else ""),
        }[part.design]
    return [
        f"{said[0].upper()}{said[1:]}." if said else "",
        "Or “Can't rate”, as one of: does not apply, cannot tell from what is shown, outside my "
        "competence.",
    ]


def ethics(facts: StudyFacts) -> Section:
    personal: Answer = answer(
        "Are personal data of raters or clients processed, and special categories among them?",
        "Of raters: e-mail address, answers with times, what they chose to say of themselves. In "
        "figures and exports they have pseudonyms.",
        to_do="Say what the corpora hold about clients: recordings and health matters are special "
        "categories in many countries.",
    )
    return Section(
        "5. Ethics (form: 5.1 to 5.4)",
        (
            answer("Which body approved the experiment?", facts.ethics_approval),
            personal,
            answer("How did raters consent?", *shared.consent_lines(facts)),
            answer("How were raters protected from harm?", *shared.harm_lines(facts)),
            answer("Was an impact or data-protection assessment made?"),
        ),
    )
