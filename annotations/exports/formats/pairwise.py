"""Formats with a pair a row."""

from __future__ import annotations

from annotations.exports.formats.messages import prompt_messages, reply_message
from annotations.exports.formats.options import ExportOptions, Row
from annotations.exports.formats.quick import facts_of_pair


def explicit_prompt(pair: Row, options: ExportOptions) -> Row:
    """TRL's preference format: the prompt, and each reply as a continuation of it."""
    return {
        "prompt": prompt_messages(pair["stimulus"]),
        "chosen": [reply_message(pair["chosen"], options.fields)],
        "rejected": [reply_message(pair["rejected"], options.fields)],
        **about_pair(pair),
    }


def implicit_prompt(pair: Row, options: ExportOptions) -> Row:
    """TRL's preference format without a prompt: both conversations as a whole."""
    prompt = prompt_messages(pair["stimulus"])
    return {
        "chosen": [*prompt, reply_message(pair["chosen"], options.fields)],
        "rejected": [*prompt, reply_message(pair["rejected"], options.fields)],
        **about_pair(pair),
    }


def with_margin(pair: Row, options: ExportOptions) -> Row:
    """OpenRLHF's: as TRL's explicit prompt, with the margin that its reward loss can ask for."""
    return {**explicit_prompt(pair, options), "margin": float(pair["strength"])}


def about_pair(pair: Row) -> Row:
    meta, facts = pair["meta"], facts_of_pair(pair)
    return {
        "pair_id": pair["pair_id"],
        "stimulus": pair["stimulus"]["key"],
        "source": pair["source"],
        "strength": float(pair["strength"]),
        "rater_kind": facts.kind,
        "rater": meta.get("rater", ""),
        "chosen_response": facts.chosen,
        "rejected_response": facts.rejected,
        "chosen_model": meta.get("chosen_model", ""),
        "rejected_model": meta.get("rejected_model", ""),
        "contested": meta.get("contested", ""),
        "corpus": meta.get("corpus", ""),
        "session": meta.get("session", ""),
        "group": pair.get("group", ""),
        "split": facts.split,
        "clips": clips_of(pair["stimulus"]),
    }


def clips_of(stimulus: Row) -> list[dict[str, str]]:
    return [{"path": clip["path"], "sha256": clip["sha256"]} for clip in stimulus["clips"]]


def ranking(pair: Row, options: ExportOptions) -> Row:
    """LLaMA-Factory's: turns alternate from the client on, so what a therapist said before the
    client spoke stands in the system text, as does the situation."""
    system, turns = split_system(prompt_messages(pair["stimulus"]))
    return {
        "conversations": [sharegpt(turn) for turn in turns],
        "system": system,
        "chosen": sharegpt(reply_message(pair["chosen"], options.fields)),
        "rejected": sharegpt(reply_message(pair["rejected"], options.fields)),
        **about_pair(pair),
    }


def split_system(messages: list[dict[str, str]]) -> tuple[str, list[dict[str, str]]]:
    opening: list[str] = []
    turns = list(messages)
    while turns and turns[0]["role"] != "user":
        turn = turns.pop(0)
        said = turn["role"] == "assistant"
        opening.append(f"The therapist began: {turn['content']}" if said else turn["content"])
    return "\n".join(opening), turns


SPEAKERS = {"user": "human", "assistant": "gpt"}


def sharegpt(turn: dict[str, str]) -> dict[str, str]:
    return {"from": SPEAKERS[turn["role"]], "value": turn["content"]}
