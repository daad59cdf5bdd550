"""Gathers what a reader finds: equal prompts and equal replies become one, raters pseudonyms."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from annotations.derivation.evidence import (
    Choice,
    Evidence,
    RaterFacts,
    ResponseFacts,
    Score,
)
from annotations.derivation.rules import RaterKind
from annotations.imports.answers import (
    IMPORTED,
    IMPORTED_JUDGE,
    ImportedAnswers,
    ImportedResponse,
    ImportedStimulus,
    ImportedWords,
    Prompt,
)
from inference.contracts import ReplyFields

NAMED_BY_US = (IMPORTED, IMPORTED_JUDGE)
SPLITS_DIFFER = "prompts of whose rows not all name one split: the first row counts"
SAME_REPLY = "pairs of two replies that say the same"
REPEATED = "answers that stand there twice"
CONTRADICTED = "pairs on which one rater said both: counted as that rater's tie"


@dataclass(frozen=True)
class About:
    """What a row says about its prompt, besides the prompt."""

    key: str = ""
    group: str = ""
    split: str = ""
    session: str = ""
    corpus: str = ""


@dataclass
class _Groups:
    """Sets of names that belong together, each known by its first name in order."""

    parent: dict[str, str] = field(default_factory=dict)

    def first(self, name: str) -> str:
        self.parent.setdefault(name, name)
        while self.parent[name] != name:
            self.parent[name] = self.parent[self.parent[name]]
            name = self.parent[name]
        return name

    def join(self, one: str, other: str) -> None:
        low, high = sorted((self.first(one), self.first(other)))
        self.parent[high] = low


class Collector:
    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.origin: dict[str, object] = {}
        self._stimuli: dict[str, int] = {}
        self._keys: set[str] = set()
        self._prompts: list[tuple[Prompt, About]] = []
        self._responses: dict[tuple[int, Hashable], int] = {}
        self._facts: list[ImportedResponse] = []
        self._choices: dict[tuple[int, int, str, str], Choice] = {}
        self._contradicted: set[tuple[int, int, str, str]] = set()
        self._scores: dict[tuple[int, str, str], Score] = {}
        self._unacceptable: set[int] = set()
        self._raters: dict[str, RaterKind] = {}
        self._words: list[ImportedWords] = []
        self._orders: dict[tuple[int, int], set[tuple[int, int]]] = {}
        self._groups = _Groups()
        self._split_twice: set[int] = set()

    def stimulus(self, prompt: Prompt, about: About | None = None) -> int:
        """The number of the prompt; of equal prompts one, whose groups then belong together."""
        about = about or About()
        said = _hash(_words_of(prompt))
        group = about.group or f"prompt-{_hash(prompt.first_client_turn)}"
        number = self._stimuli.setdefault(said, len(self._prompts))
        if number == len(self._prompts):
            # Two corpora may call different client turns by the same key.
            key = about.key if about.key and about.key not in self._keys else said
            self._keys.add(key)
            self._prompts.append((prompt, replace(about, key=key, group=group)))
        known = self._prompts[number][1]
        if about.split != known.split:
            self._split_twice.add(number)
        self._groups.join(group, known.group)
        return number

    def response(
        self,
        stimulus: int,
        reply: ReplyFields,
        *,
        key: str = "",
        model: str = "",
        barred: bool = False,
        truncated: bool = False,
    ) -> int:
        place = (stimulus, reply)
        number = self._responses.setdefault(place, len(self._facts))
        if number == len(self._facts):
            hashed = key or _hash([self._prompts[stimulus][1].key, _lines_of(reply)])
            self._facts.append(ImportedResponse(stimulus, hashed, reply, model, barred, truncated))
        elif barred and not self._facts[number].barred:
            self._facts[number] = replace(self._facts[number], barred=True)
        return number

    def rater(self, name: str, kind: RaterKind = "person") -> str:
        self._raters.setdefault(name, kind)
        return name

    def choose(self, choice: Choice) -> None:
        """`first` and `second` in any order; a rater's later answer on a pair is a repetition,
        or makes it a tie where it says the opposite: files write ties as a row each way."""
        if choice.first == choice.second:
            self.left_out[SAME_REPLY] += 1
            return
        if choice.first > choice.second:
            choice = replace(choice, first=choice.second, second=choice.first, value=-choice.value)
        if choice.neither_acceptable:
            self._unacceptable.update((choice.first, choice.second))
        place = (choice.first, choice.second, choice.criterion, choice.rater)
        earlier = self._choices.setdefault(place, choice)
        if earlier is choice:
            return
        if place in self._contradicted or _sign(earlier.value) == _sign(choice.value):
            self.left_out[REPEATED] += 1
        else:
            self._choices[place] = replace(earlier, value=0)
            self._contradicted.add(place)
            self.notes[CONTRADICTED] += 1

    def score(self, score: Score) -> None:
        place = (score.response, score.criterion, score.rater)
        if self._scores.setdefault(place, score) is not score:
            self.left_out[REPEATED] += 1

    def shown(self, first: int, second: int) -> None:
        """A rater saw the two in this order."""
        if first != second:
            low, high = sorted((first, second))
            self._orders.setdefault((low, high), set()).add((first, second))

    def words(self, stimulus: int, rater: str, question: str, text: str) -> None:
        self._words.append(ImportedWords(stimulus, rater, question, text))

    def note(self, what: str, count: int = 1) -> None:
        if count:
            self.notes[what] += count

    def leave_out(self, reason: str, count: int = 1) -> None:
        if count:
            self.left_out[reason] += count

    def finish(self) -> ImportedAnswers:
        names = _pseudonyms(self._raters)
        self.note(SPLITS_DIFFER, len(self._split_twice))
        scores = tuple(_with_ends(self._scores.values(), names))
        stimuli = {
            number: ImportedStimulus(
                key=about.key,
                prompt=prompt,
                group=self._groups.first(about.group),
                split=about.split,
                session=about.session,
                corpus=about.corpus,
            )
            for number, (prompt, about) in enumerate(self._prompts)
        }
        evidence = Evidence(
            choices=tuple(
                replace(choice, rater=names[choice.rater]) for choice in self._choices.values()
            ),
            scores=scores,
            safety_scores=scores,
            unacceptable=frozenset(self._unacceptable),
            responses={
                number: _response_facts(response, stimuli[response.stimulus])
                for number, response in enumerate(self._facts)
            },
            raters={names[name]: RaterFacts(kind=kind) for name, kind in self._raters.items()},
        )
        return ImportedAnswers(
            stimuli=stimuli,
            responses=dict(enumerate(self._facts)),
            evidence=evidence,
            display_orders={pair: tuple(sorted(seen)) for pair, seen in self._orders.items()},
            words=tuple(sorted(replace(words, rater=names[words.rater]) for words in self._words)),
            left_out=dict(sorted(self.left_out.items())),
            notes=dict(sorted(self.notes.items())),
            origin=self.origin,
        )


def _response_facts(response: ImportedResponse, stimulus: ImportedStimulus) -> ResponseFacts:
    text = response.reply.text
    return ResponseFacts(
        stimulus=response.stimulus,
        group=stimulus.group,
        said=response.reply,
        words=text,
        length=len(text),
        corpus_split=stimulus.split,
        empty=not text.strip(),
        truncated=response.truncated,
        harmful=response.barred,
    )


def _pseudonyms(raters: Mapping[str, RaterKind]) -> dict[str, str]:
    """Other tools name raters by account or address, which must not be passed on."""
    others = sorted(set(raters) - set(NAMED_BY_US))
    width = len(str(len(others)))
    numbered = {name: f"rater-{n:0{width}}" for n, name in enumerate(others, 1)}
    return {**{name: name for name in NAMED_BY_US if name in raters}, **numbered}


def _with_ends(scores: Iterable[Score], names: Mapping[str, str]) -> list[Score]:
    """A file does not say how far a scale reaches: the lowest and highest score are its ends."""
    scores = list(scores)
    given: dict[str, list[float]] = {}
    for score in scores:
        given.setdefault(score.criterion, []).extend((score.value, score.low, score.high))
    ends = {
        slug: (min(filter(_known, values)), max(filter(_known, values)))
        for slug, values in given.items()
    }
    return [
        replace(
            score,
            rater=names[score.rater],
            low=ends[score.criterion][0],
            high=ends[score.criterion][1],
        )
        for score in scores
    ]


def _known(value: float) -> bool:
    return value == value  # NaN stands for an end that the file does not name


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def _words_of(prompt: Prompt) -> list[Any]:
    history, turns = (
        [(turn.speaker, turn.text) for turn in said]
        for said in (prompt.history, prompt.client_turns)
    )
    return [prompt.situation, history, turns]


def _lines_of(reply: ReplyFields) -> list[str | None]:
    return [reply.client_emotion, reply.therapist_emotion, reply.strategy, reply.text]


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
