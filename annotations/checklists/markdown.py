from __future__ import annotations

from annotations.checklists.draft import TO_DO, Draft
from annotations.checklists.facts import StudyFacts


def as_markdown(draft: Draft, facts: StudyFacts) -> str:
    lines = [f"# {draft.name}", "", f"Study: {one_line(facts.name)} ({one_line(facts.team)})", ""]
    lines += [draft.about, ""]
    lines += [
        f"{draft.complete} of {draft.asked} answers are complete as far as MoodEval knows.",
        "",
    ]
    for section in draft.sections:
        lines += [f"## {one_line(section.title)}", ""]
        if section.note:
            lines += [f"*{one_line(section.note)}*", ""]
        for answer in section.answers:
            lines += [f"**{answer.question}**", ""]
            lines += [f"- {one_line(line)}" for line in answer.lines]
            if answer.to_do:
                lines.append(f"- [ ] {to_do_line(answer.to_do)}")
            lines.append("")
    return "\n".join(lines)


def to_do_line(words: str) -> str:
    return words if words.startswith(TO_DO) else f"{TO_DO}: {words[0].lower()}{words[1:]}"


def one_line(text: str) -> str:
    return " ".join(text.split())
