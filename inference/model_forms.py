"""Forms that register models which were not made here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings

from inference.endpoints import Endpoint
from inference.forms import set_choices
from inference.services.endpoints import (
    CURRENCY_LENGTH,
    MAX_AT_ONCE,
    MAX_FRAMES,
    MAX_PRICE,
    MAX_TIMEOUT,
    MAX_TRIES,
    keys_by_address,
)

DEFAULTS = Endpoint(url="", model="")
MEDIA = (
    ("frames", "Pictures from the client's clip"),
    ("audio", "The sound of the client's clip"),
)
NO_KEY = ("", "None: the server asks for none")
NUMBERS = ("frames", "at_once", "requests_per_minute", "timeout", "tries")


class ModelForm(forms.Form):
    name = forms.CharField(
        max_length=120, label="Name here", help_text="Raters never see it. Say which version it is."
    )
    card = forms.CharField(
        required=False,
        label="Model card",
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Who made it, under which licence, what it was trained on.",
    )


class EndpointForm(ModelForm):
    field_order = ("name", "url", "model", "key_variable")

    url = forms.ChoiceField(
        label="Address",
        help_text="It is sent what clients say. The setting ENDPOINT_URLS says which there are.",
    )
    model = forms.CharField(
        max_length=200, label="Its name there", help_text="As the server lists it."
    )
    key_variable = forms.ChoiceField(
        required=False,
        label="Variable with the key",
        help_text="Of the environment; the setting ENDPOINT_KEYS says which there are, and for "
        "which address. The key itself is never stored.",
    )
    takes = forms.MultipleChoiceField(
        required=False,
        choices=MEDIA,
        widget=forms.CheckboxSelectMultiple,
        label="Beside words it takes",
    )
    frames = forms.IntegerField(
        initial=DEFAULTS.frames,
        required=False,
        min_value=1,
        max_value=MAX_FRAMES,
        label="Pictures a clip",
    )
    structured = forms.BooleanField(
        initial=DEFAULTS.structured,
        required=False,
        label="It takes a JSON schema for its answer",
        help_text="“response_format” of the protocol. What judges write is then easier to read.",
    )
    prompt_price = forms.DecimalField(
        initial=DEFAULTS.prompt_price,
        min_value=Decimal(0),
        max_value=MAX_PRICE,
        label="Price of a million tokens read",
    )
    answer_price = forms.DecimalField(
        initial=DEFAULTS.answer_price,
        min_value=Decimal(0),
        max_value=MAX_PRICE,
        label="Price of a million tokens written",
        help_text="From the provider's price list. Costs and budgets are counted by these; 0: "
        "nothing is counted.",
    )
    currency = forms.CharField(
        initial=DEFAULTS.currency, min_length=CURRENCY_LENGTH, max_length=CURRENCY_LENGTH
    )
    at_once = forms.IntegerField(
        initial=DEFAULTS.at_once,
        required=False,
        min_value=1,
        max_value=MAX_AT_ONCE,
        label="Questions at a time",
    )
    requests_per_minute = forms.IntegerField(
        initial=DEFAULTS.requests_per_minute,
        required=False,
        min_value=0,
        label="Questions a minute",
        help_text="0: as many as are answered.",
    )
    timeout = forms.FloatField(
        initial=DEFAULTS.timeout,
        required=False,
        min_value=1,
        max_value=MAX_TIMEOUT,
        label="Seconds until a try is given up",
    )
    tries = forms.IntegerField(
        initial=DEFAULTS.tries,
        required=False,
        min_value=1,
        max_value=MAX_TRIES,
        label="Tries a question",
        help_text="Only after errors that pass, such as a server that is busy.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["card"].help_text += " Also what becomes of what is sent to it."
        set_choices(self, "url", [(url, url) for url in settings.ENDPOINT_URLS])
        set_choices(self, "key_variable", [NO_KEY, *_key_choices()])

    @property
    def more_errors(self) -> bool:
        return any(self[name].errors for name in NUMBERS)

    def endpoint(self) -> Endpoint:
        """What was left empty keeps its default."""
        data = self.cleaned_data
        numbers = {name: data[name] for name in NUMBERS if data[name] is not None}
        return Endpoint(
            url=data["url"],
            model=data["model"],
            key_variable=data["key_variable"],
            takes=("text", *data["takes"]),
            prompt_price=data["prompt_price"],
            answer_price=data["answer_price"],
            currency=data["currency"],
            structured=data["structured"],
            **numbers,
        )


def _key_choices() -> list[tuple[str, str]]:
    """One for each name, whatever number of addresses it is for."""
    addresses: dict[str, list[str]] = {}
    for name, url in keys_by_address():
        addresses.setdefault(name, []).append(url)
    return [(name, f"{name}, for {' and '.join(urls)}") for name, urls in addresses.items()]


class TextModelForm(ModelForm):
    field_order = ("name", "path")

    path = forms.CharField(
        max_length=500,
        label="Folder, or name on the Hugging Face hub",
        help_text="A folder below the platform's data folder, such as models/qwen; or a name with "
        "one slash, such as Qwen/Qwen2.5-7B-Instruct, with @ and a revision where you need one.",
    )
