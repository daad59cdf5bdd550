"""What raters say beside their answers: about themselves, and about who wrote what they judged."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from annotations.models import SourceGuess, StudyRater
from annotations.selectors.guesses import candidates_to_guess, guess_key, guesses_open
from annotations.services.ratings import storable
from inference.errors import InvalidOptionsError, WrongStateError


@transaction.atomic
def describe_rater(
    rater: StudyRater,
    *,
    profession: str = "",
    licence: str = "",
    years_of_practice: int | None = None,
    languages: str = "",
) -> None:
    """All of it is optional, and what is left empty is taken back."""
    if rater.stage == StudyRater.Stage.WITHDRAWN:
        raise WrongStateError(_("You have left this study; nothing more is stored."))
    rater.profession, rater.licence = storable(profession.strip()), storable(licence.strip())
    rater.years_of_practice, rater.languages = years_of_practice, storable(languages.strip())
    rater.save(update_fields=["profession", "licence", "years_of_practice", "languages"])


@transaction.atomic
def guess_sources(rater: StudyRater, guesses: Mapping[str, str]) -> int:
    """`guesses`: key on the page -> a person, a model, or unsure. Returns how many stand now."""
    if not guesses_open(rater):
        raise WrongStateError(_("The sources can be guessed once every item is done."))
    for candidate in candidates_to_guess(rater):
        guess = guesses.get(guess_key(rater, candidate.pk), "")
        if not guess:
            continue
        if guess not in SourceGuess.Guess.values:
            raise InvalidOptionsError(_("Choose one of the three answers."))
        SourceGuess.objects.update_or_create(
            rater=rater, candidate=candidate, defaults={"guess": guess}
        )
    return rater.source_guesses.count()
