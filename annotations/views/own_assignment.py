"""The rater's own assignment and their account, in one query: line one of the item's views."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest

from annotations.models import Assignment
from annotations.selectors.rater_assignment import assignment_with_account
from mood_eval.signed_in import is_signed_in_as, signed_in_id


def is_for_this_person(request: HttpRequest, person: int) -> bool:
    """Signed in as the person whom the page was made for: somebody else may have signed in
    meanwhile."""
    return request.headers.get("X-Person", str(person)) == str(person)


def own_assignment(request: HttpRequest, pk: UUID) -> Assignment | None:
    """None: nobody is signed in (any more). 404 where it is somebody else's."""
    person = signed_in_id(request)
    if person is None or not is_for_this_person(request, person):
        return None
    assignment = assignment_with_account(person, pk)
    if assignment is None or not is_signed_in_as(request, assignment.rater.user):
        if not request.user.is_authenticated:
            return None
        if assignment is None:
            raise Http404("There is no such item for you.")
    return assignment
