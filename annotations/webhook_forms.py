from __future__ import annotations

from typing import Any

from django import forms

from annotations.models import Webhook


class EventsForm(forms.Form):
    events = forms.MultipleChoiceField(
        choices=Webhook.Event.choices,
        label="Tell this address when",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one event to be told of."},
    )

    @classmethod
    def of(cls, webhook: Webhook, **kwargs: Any) -> EventsForm:
        return cls(initial={"events": webhook.events}, **kwargs)


class WebhookForm(EventsForm):
    url = forms.CharField(
        max_length=500,
        label="Address of the receiver",
        help_text="Such as https://lab.example.org/moodeval. It gets a signed POST with JSON.",
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
    )
    field_order = ("url", "events")
