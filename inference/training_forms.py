"""What a new training run is asked for; which fields there are depends on the method."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast, get_args, get_type_hints

from django import forms
from django.conf import settings
from django.http import QueryDict

from inference.forms import ModelField
from inference.models import Corpus, ModelVersion
from inference.selectors.corpora import splits_of_team
from inference.selectors.model_versions import reward_models_of, trainable_models
from inference.services.training_estimate import TrainingEstimate, training_estimate
from inference.training.config import METHODS, ON_PROMPTS, Method, TrainingConfig
from inference.training.presets import presets_of
from inference.training_options import (
    CHOICES,
    METHOD_WORDS,
    REWARDS,
    Option,
    default_of,
    learns_from,
    options_of_method,
)
from mood_eval.models import Team

HINTS = get_type_hints(TrainingConfig)
LARGEST = 2**31 - 1
SHARES = ("text_dropout", "lora_dropout", "warmup_ratio", "discount", "gae_lambda")
ABOVE_ZERO = ("learning_rate", "temperature", "max_grad_norm", "clip_range", "value_clip")
AT_LEAST_ONE = (
    *("batch_size", "gradient_accumulation", "logging_steps", "save_steps", "keep_checkpoints"),
    *("processes", "lora_rank", "lora_alpha", "max_new_tokens", "updates"),
)
SMALLEST = 1e-12
RULES = {
    "names_the_feeling": "Names the client's feeling",
    "asks_a_question": "Asks a question",
    "format": "Has all four lines, and ends",
}
"""Of inference.training.rewards.functions, which the web process does not load."""
OF_JUDGE = ("judge_name", "judge_url", "judge_key_variable", "judge_weight")
FURTHER = ("similarity", "similarity_weight", "function", "function_weight", *OF_JUDGE)
CHOSEN_BY = ("similarity", "function", "judge_name")
KEY_OF_MESSAGE = re.compile(r"\b([a-z_]+): ")


class ModelsField(ModelField, forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Several, each with what speaks against it."""


def weight_field() -> forms.FloatField:
    return forms.FloatField(
        required=False, initial=1, min_value=SMALLEST, max_value=1000, label="Its weight"
    )


class TrainingForm(forms.Form):
    """Of one method. `kept`: what was filled in for another method or preset, which stays where
    both have the field; options follow the preset unless method and preset stay the same."""

    method = forms.ChoiceField(
        choices=[(key, METHOD_WORDS[key].name) for key in METHODS], widget=forms.HiddenInput
    )
    shown = forms.CharField(required=False, widget=forms.HiddenInput)
    base = ModelField(
        ModelVersion.objects.none(), label="Model to train", empty_label="Choose a model"
    )
    corpus = forms.ModelChoiceField(
        Corpus.objects.none(), required=False, empty_label="Choose a corpus"
    )
    preset = forms.ChoiceField(required=False)
    name = forms.CharField(
        max_length=100,
        required=False,
        label="Name of the new version",
        help_text="Empty: made from the model's name.",
    )
    reward_models = ModelsField(
        ModelVersion.objects.none(),
        required=False,
        label="Reward models",
        widget=forms.CheckboxSelectMultiple,
        help_text="Each counts with weight 1.",
    )
    similarity = forms.BooleanField(
        required=False,
        label="Likeness to what the therapist said",
        help_text="Shared words in their order (ROUGE-L).",
    )
    similarity_weight = weight_field()
    function = forms.ChoiceField(
        required=False, choices=[("", "None"), *RULES.items()], label="A rule"
    )
    function_weight = weight_field()
    judge_name = forms.CharField(
        required=False, max_length=200, label="A judge: the name of its model"
    )
    judge_url = forms.ChoiceField(
        required=False,
        label="Address of the judge",
        help_text="The client's words and the answers are sent there.",
    )
    judge_key_variable = forms.ChoiceField(required=False, label="Key of the judge")
    judge_weight = weight_field()

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        team: Team,
        method: Method,
        preset: str = "",
        kept: QueryDict | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.team, self.asked_method = team, method
        self.presets = presets_of(method)
        self.chosen = next((known for known in self.presets if known.name == preset), None)
        self.options = options_of_method(method)
        self.offer()
        self._add_options()
        self.initial.update(method=method, preset=preset, shown=self.state)
        if kept is not None:
            self._keep(kept)

    @property
    def state(self) -> str:
        """Of which method and preset the options are shown."""
        return f"{self.asked_method} {self.chosen.name if self.chosen else ''}".strip()

    def offer(self) -> None:
        """Fills the choices, and takes out the fields that the method has no use for."""
        base = cast("forms.ModelChoiceField[ModelVersion]", self.fields["base"])
        corpus = cast("forms.ModelChoiceField[Corpus]", self.fields["corpus"])
        rewards = cast("forms.ModelMultipleChoiceField[ModelVersion]", self.fields["reward_models"])
        base.queryset = trainable_models(self.team)
        corpus.queryset = Corpus.objects.filter(team=self.team).order_by("name")
        rewards.queryset = reward_models_of(self.team)
        takes_release, takes_corpus = learns_from(self.asked_method)
        corpus.required = takes_corpus and not takes_release
        if not takes_corpus:
            del self.fields["corpus"]
        self._offer_rewards()
        presets = cast(forms.ChoiceField, self.fields["preset"])
        presets.choices = [("", "None"), *((known.name, known.title) for known in self.presets)]

    def _offer_rewards(self) -> None:
        urls, keys = settings.TRAINING_JUDGE_URLS, settings.TRAINING_JUDGE_KEYS
        left_out: tuple[str, ...] = OF_JUDGE if not urls else ()
        if self.asked_method not in ON_PROMPTS:
            left_out = ("reward_models", *FURTHER)
        for name in left_out:
            del self.fields[name]
        for name, none, values in (
            ("judge_url", "No judge", urls),
            ("judge_key_variable", "It needs none", keys),
        ):
            if name in self.fields:
                field = cast(forms.ChoiceField, self.fields[name])
                field.choices = [("", none), *((value, value) for value in values)]

    def _add_options(self) -> None:
        values: Mapping[str, Any] = self.chosen.values if self.chosen else {}
        for option in self.options:
            self.fields[option.key] = field_of(option)
            value = values.get(option.key, default_of(option.key))
            joined = ", ".join(value) if isinstance(value, tuple | list) else value
            self.initial.setdefault(option.key, joined)
        if "split" in self.fields:
            names = ", ".join(splits_of_team(self.team))
            if names:
                self.fields["split"].help_text += f" Corpora have: {names}."

    def _keep(self, kept: QueryDict) -> None:
        same = kept.get("shown") == self.state
        keys = {option.key for option in self.options}
        for name, field in self.fields.items():
            if name in ("method", "preset", "shown") or (name in keys and not same):
                continue
            if name in kept or same:
                self.initial[name] = field.widget.value_from_datadict(kept, {}, name)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.asked_method in ON_PROMPTS:
            self._clean_rewards(data)
        return data

    def _clean_rewards(self, data: Mapping[str, Any]) -> None:
        name, url = data.get("judge_name"), data.get("judge_url")
        if name and not url and "judge_url" not in self.errors:
            self.add_error("judge_url", "Say where the judge is reached, or leave its name empty.")
        if url and not name:
            self.add_error("judge_name", "Say which model judges, or leave its address empty.")
        if not any(data.get(key) for key in ("reward_models", *CHOSEN_BY)):
            self.add_error(
                "reward_models",
                "Choose at least one reward: a reward model, or one of the further rewards.",
            )

    def config(self) -> dict[str, Any]:
        """What differs from the defaults, what the preset sets, and the further rewards."""
        terms = self._terms(self.cleaned_data) if self.asked_method in ON_PROMPTS else []
        return self.given_options() | ({REWARDS: terms} if terms else {})

    def given_options(self) -> dict[str, Any]:
        preset = self.chosen.values if self.chosen else {}
        given = {option.key: self._value(option.key) for option in self.options}
        return {
            key: value
            for key, value in given.items()
            if value is not None and (key in preset or value != _plain(default_of(key)))
        }

    def estimate(self) -> TrainingEstimate | None:
        """None while the model or an option is missing or wrong."""
        if self.errors.keys() & {"base", *(option.key for option in self.options)}:
            return None
        return training_estimate(
            method=self.asked_method,
            base=self.cleaned_data["base"],
            options=self.given_options(),
        )

    def _value(self, key: str) -> Any:
        value = self.cleaned_data[key]
        if key == "criteria":
            return [name for name in re.split(r"[,\s]+", value) if name]
        return value

    def _terms(self, data: Mapping[str, Any]) -> list[dict[str, Any]]:
        terms: list[dict[str, Any]] = []
        if data["similarity"]:
            terms.append({"kind": "similarity", "weight": data["similarity_weight"]})
        if data["function"]:
            rule = {"kind": "function", "name": data["function"]}
            terms.append(rule | {"weight": data["function_weight"]})
        if data.get("judge_name"):
            judge = {"kind": "judge", "name": data["judge_name"], "url": data["judge_url"]}
            if data["judge_key_variable"]:
                judge["key_variable"] = data["judge_key_variable"]
            terms.append(judge | {"weight": data["judge_weight"]})
        return [{key: value for key, value in term.items() if value is not None} for term in terms]

    def add_refusal(self, message: str) -> None:
        """At the field that the message names by its key, or above all fields."""
        named = [key for key in KEY_OF_MESSAGE.findall(message) if key in self.fields]
        taken = "name" if message.startswith("There is already") else None
        self.add_error(named[0] if named else taken, message)

    @property
    def main_options(self) -> list[forms.BoundField]:
        return [self[option.key] for option in self.options if option.main]

    @property
    def folded_options(self) -> list[forms.BoundField]:
        return [self[option.key] for option in self.options if not option.main]

    @property
    def folded_errors(self) -> bool:
        return any(field.errors for field in self.folded_options)

    @property
    def further_rewards(self) -> list[forms.BoundField]:
        return [self[name] for name in FURTHER if name in self.fields]

    @property
    def further_open(self) -> bool:
        """Where one of them is chosen, has an error, or is the only choice."""
        chosen = (self[name] for name in CHOSEN_BY if name in self.fields)
        return (
            not self.has_reward_models
            or any(field.value() for field in chosen)
            or any(field.errors for field in self.further_rewards)
        )

    @property
    def has_bases(self) -> bool:
        return self.has("base")

    @property
    def has_corpora(self) -> bool:
        return self.has("corpus")

    @property
    def has_reward_models(self) -> bool:
        return self.has("reward_models")

    def has(self, name: str) -> bool:
        """Whether there is anything to choose."""
        rows = cast("forms.ModelChoiceField[Any]", self.fields[name]).queryset
        return rows is not None and rows.exists()


def field_of(option: Option) -> forms.Field:
    """By the type of the key; checked again, with the rest of the configuration, at the start."""
    words: dict[str, Any] = {"label": option.label, "help_text": option.help}
    key, hint = option.key, HINTS[option.key]
    if hint is bool:
        return forms.BooleanField(required=False, **words)
    values = get_args(hint)
    if values and isinstance(values[0], str) and key != "criteria":
        known = CHOICES.get(key, {})
        return forms.ChoiceField(choices=[(v, known.get(v, v)) for v in values], **words)
    if hint is int:
        least = 2 if key == "generations" else int(key in AT_LEAST_ONE)
        return forms.IntegerField(min_value=least, max_value=LARGEST, **words)
    if hint is float:
        least_share = SMALLEST if key in ABOVE_ZERO else 0
        most = 1 if key in SHARES else LARGEST
        return forms.FloatField(min_value=least_share, max_value=most, **words)
    return forms.CharField(required=False, max_length=500, **words)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
