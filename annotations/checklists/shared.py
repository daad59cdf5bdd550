"""Sentences that both checklists ask for."""

from __future__ import annotations

from annotations.checklists.draft import counted, listed
from annotations.checklists.facts import GateFacts, StudyFacts


def who_rated(facts: StudyFacts) -> list[str]:
    lines = [
        f"{counted(facts.raters, 'person was', 'people were')} given a place; "
        f"{facts.submitting:,} submitted ratings."
    ]
    if facts.withdrawn or facts.not_qualified:
        lines.append(f"{facts.withdrawn} withdrew, {facts.not_qualified} did not qualify.")
    if facts.insiders:
        belongs = "belongs" if facts.insiders == 1 else "belong"
        lines.append(
            f"{facts.insiders} of them {belongs} to the research team and could have looked up "
            "which model wrote a response."
        )
    return lines


def description_of_raters(facts: StudyFacts) -> list[str]:
    """Counts only, and with how many of them nothing is known."""
    if not facts.described:
        return []
    lines = [f"Something is known of {facts.described} of {facts.raters} raters, as they said it."]
    for title, counts in (("Profession", facts.professions), ("Languages", facts.languages)):
        if counts:
            named = [f"{words} ({number})" for words, number in counts.items()]
            lines.append(f"{title}: {', '.join(named)}.")
    if facts.licensed:
        lines.append(f"A licence was named by {facts.licensed}.")
    if facts.years:
        said, least, middle, most = facts.years
        lines.append(f"Years of practice of {said}: median {middle}, from {least} to {most}.")
    return lines


def training_of_raters(facts: StudyFacts) -> list[str]:
    lines = [gate_sentence(part.gate) for part in facts.parts if part.gate]
    if facts.qualified is not None:
        lines.append(
            f"{facts.qualified} raters qualified. Choosing raters by their agreement with a "
            "reference panel raises the agreement that is reported."
        )
    return lines or ["No training items and no qualification."]


def gate_sentence(gate: GateFacts) -> str:
    said = []
    if gate.training_items:
        said.append(
            f"{counted(gate.training_items, 'training item')}, each followed by the reference "
            "panel's answer and why"
        )
    if gate.items:
        said.append(
            f"a qualification on {counted(gate.items, 'fresh item')} of the reference panel "
            f"({gate.statistic} above {gate.threshold:g}, at most "
            f"{counted(gate.attempts, 'attempt')})"
        )
    if gate.hidden_share:
        said.append(f"hidden panel items at a rate of {gate.hidden_share:.0%} among the work")
    words = listed(said) or "no training"
    return f"{words[0].upper()}{words[1:]}."


def consent_lines(facts: StudyFacts) -> list[str]:
    lines = [
        f"Each rater reads the study's text and agrees before the first item; {facts.consented} "
        f"of {facts.raters} have. Each version of the text and each act of agreeing is kept.",
        "Three things are asked apart: rating, use of the answers in training models "
        f"({facts.allows_training} agree), public release under a pseudonym "
        f"({facts.allows_release} agree).",
        "Raters can withdraw at any time and have their answers erased.",
    ]
    return lines if facts.consent_text else []


def harm_lines(facts: StudyFacts) -> list[str]:
    lines = [f"Content note to raters: {facts.content_note}" if facts.content_note else ""]
    lines.append(
        "Raters can pause, skip and stop at any time, and flag a concern on each item"
        + (f", which {facts.flag_readers} read." if facts.flag_readers else ".")
    )
    if facts.break_minutes:
        lines.append(f"A pause is suggested after {facts.break_minutes} minutes.")
    if facts.daily_minutes:
        lines.append(f"At most {facts.daily_minutes} minutes of rating a day.")
    lines.append(f"Contacts given to raters: {facts.contacts}" if facts.contacts else "")
    return [line for line in lines if line]


def time_lines(facts: StudyFacts) -> list[str]:
    if facts.median_seconds is None:
        return []
    return [
        f"Median active time an item: {facts.median_seconds:.0f} s; {facts.hours:.1f} hours in "
        "all. Time without input or playback is not counted."
    ]
