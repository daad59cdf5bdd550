"""What the rules of training and qualification need of the reference panel."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from math import ceil, comb

from django.db.models import Count, Q, QuerySet

from annotations.models import Gate, Item, ReferenceAnswer, Study, StudyPart
from annotations.selectors.panel_agreement import panel_codes
from annotations.selectors.panel_questions import panel_questions
from annotations.selectors.study_material import count_turns, material_for
from inference.errors import DomainError

Pool = Item.Pool


def gates_of(study: Study) -> QuerySet[Gate]:
    """Those that ask something of raters before or among the work."""
    asking = Q(training_items__gt=0) | Q(items__gt=0) | Q(hidden_share__gt=0)
    gates = Gate.objects.filter(asking, part__study=study).select_related("part__study")
    return gates.order_by("part__position")


def reference_stimuli(study: Study) -> set[int]:
    """Client turns of the panel's items, which the study's own items leave out."""
    panel = Item.objects.filter(part__study=study).exclude(pool=Pool.STUDY)
    return set(panel.values_list("stimulus_id", flat=True))


def gate_problems(study: Study) -> list[str]:
    """Why raters could not be trained and qualified as the rules say, each with its remedy."""
    gates = list(gates_of(study))
    if not gates:
        return []
    counts = pool_counts(study)
    single = study.parts.count() == 1
    return [
        problem if single else f"Part {gate.part.position}: {problem}"
        for gate in gates
        for problem in problems_of(gate, counts)
    ]


def problems_of(gate: Gate, counts: Counter[tuple[int, str]]) -> Iterator[str]:
    part = gate.part
    compared = gate.items or gate.hidden_share
    if compared and part.design == StudyPart.Design.RANKING:
        yield (
            "A full ranking cannot be compared with the panel's by Cohen's kappa. Set the items "
            "of the qualification and the hidden share to 0, or choose another design."
        )
        return
    if compared and not any(question.compared for question in panel_questions(part)):
        yield (
            "No question has answers that can be compared with the panel's: words and passages "
            "cannot. Set the items of the qualification and the hidden share to 0, or ask for "
            "scores or choices too."
        )
        return
    foreign = foreign_items(part)
    if foreign:
        yield (
            f"{items(foreign)} of the reference panel {be(foreign)} answered for another "
            "instrument or design. Remove the panel and upload its answers again."
        )
    marked, free = counts[part.pk, Pool.TRAINING], counts[part.pk, Pool.REFERENCE]
    if marked < gate.training_items:
        yield (
            f"Training shows {items(gate.training_items)}, but {marked} of the panel "
            f"{be(marked)} marked for training. Mark {gate.training_items - marked} more, or "
            "show fewer."
        )
    hidden = hidden_per_rater(gate) if gate.hidden_share else 0
    needed = gate.attempts * gate.items + hidden
    if free < needed:
        yield shortage(gate, hidden, needed, free)
    if compared and free and one_answer_only(gate):
        yield (
            "The panel gave one and the same answer throughout, so chance alone would agree as "
            "well and kappa is undefined. Add items on which its answers differ."
        )


def shortage(gate: Gate, hidden: int, needed: int, free: int) -> str:
    parts = []
    if gate.items:
        times = "" if gate.attempts == 1 else f"{gate.attempts} attempts with "
        fresh = "" if gate.attempts == 1 else "fresh "
        parts.append(f"{times}{gate.items} {fresh}item{'s' if gate.items > 1 else ''}")
    if hidden:
        parts.append(f"{hidden} hidden among a rater's work")
    return (
        f"The reference panel has {items(free)} for qualification, but {' and '.join(parts)} "
        f"need {needed}. Add {needed - free}, or ask for fewer items or attempts."
    )


def items(count: int) -> str:
    return f"{count} item{'' if count == 1 else 's'}"


def be(count: int) -> str:
    return "is" if count == 1 else "are"


def pool_counts(study: Study) -> Counter[tuple[int, str]]:
    """(Part, pool) -> items of the panel that have an answer."""
    answered = ReferenceAnswer.objects.filter(item__part__study=study).values("item")
    rows = Item.objects.filter(part__study=study, pk__in=answered).exclude(pool=Pool.STUDY)
    found: Counter[tuple[int, str]] = Counter()
    for part, pool, n in rows.values_list("part", "pool").annotate(n=Count("pk")).order_by():
        found[part, pool] = n
    return found


def foreign_items(part: StudyPart) -> int:
    """Items of the panel that do not fit what the part asks now."""
    panel = part.items.exclude(pool=Pool.STUDY)
    others = Q(reference_answers__criterion__isnull=False) & ~Q(
        reference_answers__criterion__instrument=part.instrument_id
    )
    sizes = panel.annotate(n=Count("candidates", distinct=True))
    absolute = part.design == StudyPart.Design.ABSOLUTE
    pairwise = part.design == StudyPart.Design.PAIRWISE
    wrong = ~Q(n=1) if absolute else ~Q(n=2) if pairwise else Q(n__lt=2)
    keys = set(sizes.filter(wrong).values_list("pk", flat=True))
    return len(keys | set(panel.filter(others).values_list("pk", flat=True)))


def one_answer_only(gate: Gate) -> bool:
    """Over all questions that share a scale."""
    code = panel_codes([gate.part])[gate.part_id]
    rows = ReferenceAnswer.objects.filter(
        item__part=gate.part, item__pool=Pool.REFERENCE
    ).values_list("criterion", "score", "preferred_id", "strength")
    answers: dict[object, set[int]] = defaultdict(set)
    for criterion, *said in rows:
        if criterion in code.questions:
            question, value = code.coded(criterion, *said)
            if value is not None:
                answers[code.scales[question].key].add(value)
    return all(len(values) == 1 for values in answers.values())


def hidden_per_rater(gate: Gate) -> int:
    """As many as the launch will place among the work of whoever has most of it."""
    return round(gate.hidden_share * own_items_per_rater(gate.part))


def own_items_per_rater(part: StudyPart) -> int:
    study = part.study
    runs = [link.run for link in study.study_runs.select_related("run")]
    raters = study.raters.count()
    if not raters or not runs:
        return 0
    reserved = reference_stimuli(study)
    if part.unit == StudyPart.Unit.DIALOGUE:
        try:
            turns = len(material_for(study, part.unit, reserved))
        except DomainError:
            return 0
    else:
        turns = count_turns(
            runs,
            longest_ratio=study.longest_ratio,
            limit=study.stimulus_limit,
            reserved=reserved,
        ).drawn
    groups = {
        StudyPart.Design.ABSOLUTE.value: len(runs),
        StudyPart.Design.PAIRWISE.value: comb(len(runs), 2),
    }.get(part.design, 1)
    return ceil(turns * groups * study.overlap / raters)
