from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib.auth.models import AnonymousUser

from annotations.analysis.words import counted
from annotations.models import PreferenceDataset
from annotations.selectors.fresh_sessions import LEAST_SESSIONS
from annotations.selectors.release_pages import usable_releases
from inference.training_forms import TrainingForm
from inference.training_options import learns_from
from mood_eval.models import User

if TYPE_CHECKING:
    ReleaseChoices = forms.ModelChoiceField[PreferenceDataset]
else:
    ReleaseChoices = forms.ModelChoiceField


class ReleaseField(ReleaseChoices):
    def label_from_instance(self, obj: PreferenceDataset) -> str:
        return f"{obj}: {counted(obj.rows, 'pair')}"


class NewTrainingForm(TrainingForm):
    """With the releases, which lie a floor above the rest."""

    release = ReleaseField(
        PreferenceDataset.objects.none(), required=False, empty_label="Choose a release"
    )

    def __init__(self, *args: Any, user: User | AnonymousUser, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)

    def offer(self) -> None:
        super().offer()
        takes_release, takes_corpus = learns_from(self.asked_method)
        release = cast("forms.ModelChoiceField[PreferenceDataset]", self.fields["release"])
        release.queryset = usable_releases(self.user, self.team)
        release.required = takes_release and not takes_corpus
        if not takes_release:
            del self.fields["release"]

    @property
    def has_releases(self) -> bool:
        return self.has("release")

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        release = data.get("release")
        if release is not None and release.study_id is None and data.get("modality") != "text":
            self.add_error("modality", "The release was imported and names no clips: choose text.")
        if {"release", "corpus"} <= self.fields.keys() and not self.errors.keys() & {
            "release",
            "corpus",
        }:
            self._clean_source(data)
        return data

    def _clean_source(self, data: Mapping[str, Any]) -> None:
        if data["release"] and data["corpus"]:
            self.add_error("corpus", "Choose either a release or a corpus, and leave one empty.")
        elif not data["release"] and not data["corpus"]:
            self.add_error(
                "release", "Choose the release or the corpus whose client turns are answered."
            )


class FollowUpForm(forms.Form):
    least = forms.IntegerField(
        min_value=1,
        required=False,
        label="Fewest sessions",
        help_text=f"Usually {LEAST_SESSIONS}: if all of them favour one version, that is unlikely "
        "to be chance (p = 0.03 in a two-sided sign test); of five it is not (p = 0.06). At least "
        "1, to try things out. What you choose is noted in the study's history.",
    )
