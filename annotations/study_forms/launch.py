from __future__ import annotations

from django import forms

from annotations.content_themes import THEMES


class LaunchForm(forms.Form):
    themes = forms.MultipleChoiceField(
        choices=[(theme, theme) for theme in THEMES],
        initial=list(THEMES),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Tell raters before an item that mentions",
        help_text="Found by plain words in the type of problem, the situation and the turns.",
    )
    reviewed = forms.BooleanField(required=False, initial=True, widget=forms.HiddenInput)
    """Tells a form in which no theme was chosen from no form at all."""

    @property
    def chosen(self) -> list[str] | None:
        """None, which stands for all, unless they were looked over."""
        if not self.is_valid() or not self.cleaned_data["reviewed"]:
            return None
        return list(self.cleaned_data["themes"])
