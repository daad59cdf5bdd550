"""JSON tells words from numbers, and the description of the API says which are asked for: neither
is taken for the other, as Django REST framework would; and a text is as long as it was sent, not as
it is without its outer spaces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

KINDS: tuple[tuple[type[Any], tuple[type, ...]], ...] = (
    (serializers.BooleanField, (bool,)),
    (serializers.IntegerField, (int, float)),
    (serializers.FloatField, (int, float)),
    (serializers.CharField, (str,)),
)


def check_kinds(serializer: serializers.Serializer[Any]) -> None:
    wrong = wrong_kinds(serializer, serializer.initial_data)
    if wrong:
        raise ValidationError(wrong)


def wrong_kinds(field: Any, given: Any) -> Any:
    """Name or place -> what is wrong, as a serializer tells it; empty where nothing is."""
    if isinstance(field, serializers.Serializer) and isinstance(given, dict):
        return _wrong((name, field.fields.get(name), inner) for name, inner in given.items())
    if isinstance(given, list) and hasattr(field, "child"):
        return _wrong((place, field.child, inner) for place, inner in enumerate(given))
    for asked, kinds in KINDS:
        if isinstance(field, asked) and given is not None and not _is_one_of(kinds, given):
            return [field.error_messages["invalid"]]
    if isinstance(field, serializers.CharField) and _is_too_long(field, given):
        return [field.error_messages["max_length"].format(max_length=field.max_length)]
    return {}


def _is_too_long(field: serializers.CharField, given: Any) -> bool:
    return isinstance(given, str) and field.max_length is not None and len(given) > field.max_length


def _is_one_of(kinds: tuple[type, ...], given: Any) -> bool:
    """For Python, true is a number as well."""
    return isinstance(given, kinds) and (bool in kinds or not isinstance(given, bool))


def _wrong(parts: Iterable[tuple[Any, Any, Any]]) -> dict[Any, Any]:
    found = ((key, wrong_kinds(field, inner)) for key, field, inner in parts)
    return {key: wrong for key, wrong in found if wrong}
