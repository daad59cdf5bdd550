"""What the rating page's scripts say, in the rater's language.

Names in double braces are filled in by the page. Where a number decides about the form, there is
one entry for 1 and one for the others.
"""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

Words = dict[str, str | dict[str, str]]


def waiting_words() -> Words:
    """Of the pages between items: what they say of answers that were not sent yet."""
    names = ("offline", "kept", "sign_out_anyway")
    return {name: words for name, words in about_saving().items() if name in names}


def page_words() -> Words:
    return {**about_saving(), **about_submitting(), **about_questions(), **about_marking()}


def forms(of: Callable[[int], str]) -> dict[str, str]:
    return {"one": of(1), "other": of(2)}


def about_saving() -> Words:
    return {
        "nothing": _("Nothing answered yet"),
        "saving": _("Saving"),
        "saved": _("Saved {{time}}"),
        "waiting": _("Not sent yet"),
        "not_saved": _("Not saved"),
        "closed": _("Closed"),
        "sent": _("Your answers have been sent."),
        "offline": _("No connection."),
        "sign_out_anyway": _("Sign out anyway?"),
        "server": _("The server does not answer."),
        "kept": forms(
            lambda count: ngettext(
                "{{count}} answer is kept on this device and will be sent when you are online.",
                "{{count}} answers are kept on this device and will be sent when you are online.",
                count,
            )
        ),
        "signed_out": _("You were signed out. Your answers are kept here; {{link}} to send them."),
        "sign_in": _("sign in"),
        "refused": _("This answer could not be saved."),
        "other_tab": _("{{name}} has a different answer in another tab."),
        "comment": _("Your comment"),
        "keep_this": _("Keep this"),
        "use_other": _("Use the other"),
        "preview": _("This is a preview: nothing is saved."),
    }


def about_submitting() -> Words:
    return {
        "not_submitted": _("The item could not be submitted. Try again."),
        "not_skipped": _("The item was not skipped. Check your connection and try again."),
        "more_missing": forms(
            lambda count: ngettext("{{count}} more has none.", "{{count}} more have none.", count)
        ),
        "flag_failed": _("The flag was not sent. Check your connection and send it again."),
        "flag_sent": _("Sent to the study team, who read flags on working days."),
        "opened": _("{{heading}} is open."),
        "key_off": _("off"),
    }


def about_questions() -> Words:
    return {
        "now_asked": _("One more question: {{name}}."),
        "no_longer_asked": _("{{name}} is no longer asked."),
        "place_taken": _("{{name}}: two responses share a place. Give each its own."),
        "shown": _("The item is shown."),
    }


def about_marking() -> Words:
    return {
        "mark_for": _("Mark for {{name}}"),
        "marked": _("Marked: “{{text}}”."),
        "already_marked": _("This passage is marked already."),
        "removed": _("No longer marked: “{{text}}”."),
        "note_on": _("Note on “{{text}}”"),
        "note": _("Note"),
        "remove": _("Remove"),
        "remove_it": _("Remove “{{text}}”"),
        "text_to_mark": _(
            "Text of the response. Arrow keys move by word, Shift with arrow keys extends,"
            " Enter marks, Escape goes back to the question."
        ),
    }
