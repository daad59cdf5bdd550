"""A study of any size, filled by the database itself: 10,000 items x 20 raters x 7 criteria is
1.4 million ratings in half a minute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from annotations.models import Study
    from mood_eval.models import User

TURNS_PER_DIALOGUE = 20
DIALOGUES_PER_SESSION = 5
EMOTIONS = ("anger", "sadness", "disgust", "depression", "neutral", "joy", "fear")
STRATEGIES = ("open question", "approval", "self-disclosure", "restatement", "interpretation")
PROBLEMS = ("family conflict", "grief", "work")

# A response's quality, a rater's severity and a criterion's level, each a fixed draw of its id.
RATINGS = """
    INSERT INTO annotations_rating
           (assignment_id, candidate_id, criterion_id, score, cannot_rate, saved_at)
    SELECT a.id, c.id, k.id,
           greatest(k.scale_min, least(k.scale_max, round(
               6.4 + 0.4 * q.better + q.quality + s.severity + 0.15 * k.position
               + random_normal(0, 1.5))))::smallint, '', now()
    FROM annotations_assignment a
    JOIN annotations_item i ON i.id = a.item_id AND i.part_id = %(part)s
    JOIN annotations_candidate c ON c.item_id = i.id
    JOIN inference_response r ON r.id = c.response_id
    JOIN (SELECT id, random_normal(0, 1.3) AS quality, (run_id = %(better)s)::int AS better
          FROM inference_response) q ON q.id = r.id
    JOIN (SELECT id, random_normal(0, 0.6) AS severity FROM annotations_studyrater) s
         ON s.id = a.rater_id
    CROSS JOIN annotations_criterion k
    WHERE k.instrument_id = %(instrument)s AND random() >= %(missing)s"""
ASSIGNMENTS = """
    INSERT INTO annotations_assignment
           (id, item_id, rater_id, position, display_order, role, state, opened_at, submitted_at,
            saved_at, comment, active_ms, clip_ms_played, clip_failed, definitions_opened,
            screen_class, answer_sequences, track, attempt, slot, criteria_order, skip_reason)
    SELECT gen_random_uuid(), i.id, r.id,
           row_number() OVER (PARTITION BY r.id ORDER BY md5(i.id::text || r.id::text)),
           ARRAY[c.response_id], 'independent', 'submitted', now(), now(), now(), '',
           (20000 + 40000 * random())::int, 0, false, '{}', 'laptop', '{}', 'work', 0,
           row_number() OVER (PARTITION BY i.id ORDER BY r.id), '{}', ''
    FROM annotations_item i
    JOIN annotations_candidate c ON c.item_id = i.id
    CROSS JOIN annotations_studyrater r
    WHERE i.part_id = %s AND r.study_id = %s"""


@dataclass(frozen=True)
class LargeStudy:
    study: Study
    owner: User
    ratings: int


def build(*, items: int, raters: int, missing: float = 0.0, closed: bool = True) -> LargeStudy:
    """Two models that answer the same client turns; every rater judges every response."""
    from django.db import connection
    from django.utils import timezone

    from annotations.models import Candidate, Item, Rating, Study
    from annotations.services.studies import create_study
    from tests import factories

    owner = factories.make_user()
    team = factories.make_team(owner=owner)
    corpus = corpus_of(team, stimuli=items // 2)
    runs = [factories.make_run_with_responses(team, corpus, name) for name in ("one", "two")]
    people = [factories.make_user(f"rater{i}@example.org") for i in range(raters)]
    study = create_study(
        team=team,
        template="multimood-trust-rating",
        runs=runs,
        raters=[user.email for user in people],
        overlap=raters,
        seed=7,
    )
    part = study.parts.get()
    responses = [r for run in runs for r in run.responses.order_by("stimulus_id")]
    made = Item.objects.bulk_create(
        Item(part=part, position=place, stimulus_id=response.stimulus_id)
        for place, response in enumerate(responses, start=1)
    )
    Candidate.objects.bulk_create(
        Candidate(item=item, response=response)
        for item, response in zip(made, responses, strict=True)
    )
    with connection.cursor() as cursor:
        # The history of made-up answers is of no use, and would take most of the time.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute(ASSIGNMENTS, [part.pk, study.pk])
        values = {
            "part": part.pk,
            "better": runs[1].pk,
            "instrument": part.instrument_id,
            "missing": missing,
        }
        cursor.execute(RATINGS, values)
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("ANALYZE")
    state = Study.State.CLOSED if closed else Study.State.OPEN
    now = timezone.now()
    Study.objects.filter(pk=study.pk).update(
        state=state, launched_at=now, closed_at=now if closed else None
    )
    study.refresh_from_db()
    return LargeStudy(study, owner, Rating.objects.count())


def corpus_of(team: Any, *, stimuli: int) -> Any:
    from inference.models import Corpus, Dialogue, Session, Stimulus, Turn

    corpus = Corpus.objects.create(team=team, name="Large", format="jsonl", licence="CC0-1.0")
    per_dialogue = TURNS_PER_DIALOGUE // 2
    count = -(-stimuli // per_dialogue)
    sessions = Session.objects.bulk_create(
        Session(corpus=corpus, label=f"session-{n:04d}")
        for n in range(-(-count // DIALOGUES_PER_SESSION))
    )
    dialogues = Dialogue.objects.bulk_create(
        Dialogue(
            corpus=corpus,
            session=sessions[n // DIALOGUES_PER_SESSION],
            external_id=f"dialogue-{n:05d}",
            split="rate",
            problem_type=PROBLEMS[n % len(PROBLEMS)],
            fingerprint=f"{n:064d}",
        )
        for n in range(count)
    )
    Turn.objects.bulk_create(
        (
            Turn(
                dialogue=dialogue,
                position=place,
                speaker="therapist" if place % 2 else "client",
                text="A sentence of a conversation.",
                emotion="neutral" if place % 2 else EMOTIONS[(n + place // 2) % len(EMOTIONS)],
                strategy=STRATEGIES[(n + place) % len(STRATEGIES)] if place % 2 else "",
            )
            for n, dialogue in enumerate(dialogues)
            for place in range(TURNS_PER_DIALOGUE)
        ),
        batch_size=5000,
    )
    places = [(dialogue, 2 * k) for dialogue in dialogues for k in range(per_dialogue)][:stimuli]
    Stimulus.objects.bulk_create(
        (
            Stimulus(dialogue=dialogue, first_position=at, last_position=at, followed=True)
            for dialogue, at in places
        ),
        batch_size=5000,
    )
    return corpus
