"""What goes to raters and comes from them. Every field is named: what is not named stays inside."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from annotations.answers import LETTERS
from annotations.api.common import Plain
from annotations.models import Flag, Study, StudyRater
from annotations.selectors.queue import has_consented
from annotations.selectors.rating_page import RatingPage
from annotations.services.ratings import MAX_COMMENT, MAX_REASON
from annotations.views.answer_forms import MAX_ANSWERS, MAX_SEQUENCE, SCREENS

MAX_VALUE = 200_000
"""Characters of one answer: passages with notes are long."""
HIGHEST = 2**31 - 1


class PlaceSerializer(Plain):
    place = serializers.UUIDField(source="uuid", help_text="Names this study to its rater.")
    title = serializers.CharField(source="study.name")
    state = serializers.ChoiceField(source="study.state", choices=Study.State.choices)
    stage = serializers.ChoiceField(choices=StudyRater.Stage.choices)
    total = serializers.IntegerField()
    submitted = serializers.IntegerField()
    consented = serializers.SerializerMethodField()

    def get_consented(self, rater: StudyRater) -> bool:
        return has_consented(rater)


class PlaceDetailSerializer(Plain):
    place = serializers.UUIDField()
    title = serializers.CharField()
    stage = serializers.CharField(
        help_text="withdrawn, closed, consent, not_qualified, done, enough, block or welcome."
    )
    total = serializers.IntegerField()
    submitted = serializers.IntegerField()
    skipped = serializers.ListField(child=serializers.UUIDField(), help_text="Items.")
    late = serializers.IntegerField(help_text="Answers that arrived after the close.")
    next = serializers.UUIDField(allow_null=True, help_text="The next item.")
    consent_text = serializers.CharField()
    consent_version = serializers.IntegerField()
    consented = serializers.BooleanField()
    allows_training = serializers.BooleanField()
    allows_release = serializers.BooleanField()
    contacts = serializers.CharField()
    content_note = serializers.CharField()


class ConsentSerializer(Plain):
    version = serializers.IntegerField(
        min_value=1, max_value=HIGHEST, help_text="Of the text that was read."
    )
    training = serializers.BooleanField(
        default=False, help_text="Models may be trained on the answers."
    )
    release = serializers.BooleanField(
        default=False, help_text="The answers may be published under the pseudonym."
    )


class ClipSerializer(Plain):
    number = serializers.IntegerField()
    has_picture = serializers.BooleanField()


class LineSerializer(Plain):
    speaker = serializers.CharField()
    role = serializers.CharField()
    text = serializers.CharField()
    clip = ClipSerializer(allow_null=True)
    start = serializers.IntegerField(help_text="Of a marked passage: characters before this line.")


class LabelSerializer(Plain):
    name = serializers.CharField()
    value = serializers.CharField()


class CandidateSerializer(Plain):
    letter = serializers.CharField()
    text = serializers.CharField()
    lines = LineSerializer(many=True)
    labels = LabelSerializer(many=True)
    chain = LabelSerializer(many=True, help_text="How it was reasoned, where the study shows it.")


class ReasonedSerializer(Plain):
    letter = serializers.CharField()
    name = serializers.CharField()
    text = serializers.CharField()


class OptionSerializer(Plain):
    value = serializers.CharField(help_text="As an answer says it.")
    label = serializers.CharField()  # type: ignore[assignment]
    anchor = serializers.CharField()


class QuestionSerializer(Plain):
    key = serializers.CharField(help_text="Names the question in an answer.")
    name = serializers.CharField()
    guiding_question = serializers.CharField()
    definition = serializers.CharField()
    good_example = serializers.CharField()
    poor_example = serializers.CharField()
    anchor_low = serializers.CharField()
    anchor_high = serializers.CharField()
    form = serializers.CharField(
        help_text="buttons, line, number, choice, multiple, text, spans, pairwise, best_of_n or "
        "ranking."
    )
    options = OptionSerializer(many=True)
    reasons = OptionSerializer(many=True, help_text="Why it cannot be rated: `cannot:` and this.")
    ties = OptionSerializer(many=True)
    letters = serializers.CharField()
    low = serializers.IntegerField()
    high = serializers.IntegerField()
    required = serializers.BooleanField()  # type: ignore[assignment]
    asked = serializers.BooleanField(help_text="Whether it is asked, given what was answered.")
    locked = serializers.BooleanField()
    reasoned = ReasonedSerializer(
        many=True, help_text="The part of the reasoning that it asks about, of each response."
    )
    depends_on = serializers.CharField()
    depends_on_values = serializers.CharField()
    answer = serializers.CharField(help_text="As written; empty where there is none.")


class ItemSerializer(serializers.Serializer[RatingPage]):
    item = serializers.UUIDField(source="assignment")
    place = serializers.UUIDField(source="rater")
    title = serializers.CharField()
    number = serializers.IntegerField()
    total = serializers.IntegerField()
    track = serializers.CharField(help_text="training, gate or work.")
    design = serializers.CharField()
    unit = serializers.CharField()
    state = serializers.CharField()
    step = serializers.CharField()
    saved_at = serializers.CharField()
    sequence = serializers.IntegerField(help_text="The highest one taken so far.")
    content_note = serializers.CharField()
    situation = serializers.CharField()
    before = LineSerializer(many=True)
    client = LineSerializer(many=True)
    clips = serializers.SerializerMethodField()
    candidates = CandidateSerializer(many=True)
    questions = QuestionSerializer(many=True)
    comment = serializers.CharField()
    contacts = serializers.CharField()

    def get_clips(self, page: RatingPage) -> list[str]:
        """Addresses, in the order in which the lines name them."""
        numbers = [clip.number for clip in page.clips]
        return [reverse("api_item-clip", args=[page.assignment, number]) for number in numbers]


class NextSerializer(Plain):
    stage = serializers.CharField(help_text="Where the rater stands: see the place.")
    item = ItemSerializer(allow_null=True)


class AnswerSerializer(Plain):
    question = serializers.CharField(max_length=80)
    value = serializers.CharField(
        max_length=MAX_VALUE,
        allow_blank=True,
        trim_whitespace=False,
        help_text="`7`, `a2`, `tie:both_acceptable`, `rank:b>a=c`, `opts:1,3`, `text:…`, "
        '`spans:[{"start": 0, "end": 4, "note": ""}]`, `cannot:cannot_tell`; empty takes it back.',
    )
    sequence = serializers.IntegerField(
        min_value=0, max_value=MAX_SEQUENCE, help_text="A later answer has a higher one."
    )


class SeenSerializer(Plain):
    """Totals since the item was first opened."""

    opened_ms_ago = serializers.IntegerField(min_value=0, max_value=HIGHEST, required=False)
    active_ms = serializers.IntegerField(min_value=0, max_value=HIGHEST, required=False)
    clip_ms = serializers.IntegerField(min_value=0, max_value=HIGHEST, required=False)
    clip_failed = serializers.BooleanField(required=False)
    definitions = serializers.ListField(
        child=serializers.CharField(max_length=80), required=False, max_length=MAX_ANSWERS
    )
    screen = serializers.ChoiceField(choices=SCREENS, required=False)


class AnswersSerializer(Plain):
    answers = serializers.ListField(child=AnswerSerializer(), max_length=MAX_ANSWERS)
    seen = SeenSerializer(required=False)


class PreviousAnswersSerializer(Plain):
    answers = serializers.ListField(
        child=AnswerSerializer(), max_length=MAX_ANSWERS, required=False, default=list
    )


class SavedSerializer(Plain):
    saved_at = serializers.DateTimeField()
    taken = serializers.ListField(child=serializers.CharField(), help_text="Questions.")
    late = serializers.IntegerField(help_text="Answers kept outside the figures.")
    closed = serializers.CharField(help_text="Why nothing counts any more; empty where it does.")


class SubmittedSerializer(Plain):
    state = serializers.CharField()
    next = serializers.UUIDField(allow_null=True, help_text="The item that comes next.")


class SkipSerializer(Plain):
    reason = serializers.CharField(
        max_length=MAX_REASON, required=False, allow_blank=True, default=""
    )


class FlagInSerializer(Plain):
    kind = serializers.ChoiceField(choices=Flag.Kind.choices)
    text = serializers.CharField(
        max_length=MAX_COMMENT, required=False, allow_blank=True, default=""
    )
    letter = serializers.ChoiceField(
        choices=[*LETTERS, "item", ""],
        required=False,
        default="",
        help_text="Of one response, `item` for the conversation, or empty for all responses.",
    )


class FlaggedSerializer(Plain):
    message = serializers.CharField(help_text="Who reads it and when; no emergency service does.")
    contacts = serializers.CharField()


class BesideSerializer(Plain):
    name = serializers.CharField()
    guiding_question = serializers.CharField()
    own = serializers.CharField()
    panel = serializers.CharField()
    explanation = serializers.CharField()


class TrainingAnswerSerializer(Plain):
    number = serializers.IntegerField()
    total = serializers.IntegerField()
    candidates = CandidateSerializer(many=True)
    answers = BesideSerializer(many=True)
    next: Any = serializers.SerializerMethodField()

    def get_next(self, page: Any) -> str:
        """The next training item; empty after the last one."""
        return str(page.following)
