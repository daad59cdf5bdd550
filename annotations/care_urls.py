from __future__ import annotations

from django.urls import path

from annotations.views import flags, rating_care, sittings

PLACE = "rate/<uuid:uuid>/"

urlpatterns = [
    path("rate/", sittings.rating_home, name="rating_home"),
    path("rate/recorded/", rating_care.rating_recorded, name="rating_recorded"),
    path(PLACE, sittings.rating_study, name="rating_study"),
    path(f"{PLACE}consent", sittings.rating_consent, name="rating_consent"),
    path(f"{PLACE}agreement/", rating_care.rating_agreement, name="rating_agreement"),
    path(f"{PLACE}about/", rating_care.rating_about, name="rating_about"),
    path(f"{PLACE}guesses/", rating_care.rating_guesses, name="rating_guesses"),
    path(f"{PLACE}withdraw/", rating_care.rating_withdraw, name="rating_withdraw"),
    path(f"{PLACE}record/", rating_care.rating_record, name="rating_record"),
    path(f"{PLACE}record.json", rating_care.rating_record_json, name="rating_record_json"),
    path(f"{PLACE}record.csv", rating_care.rating_record_csv, name="rating_record_csv"),
    path("rate/item/<uuid:pk>/flag", flags.rating_flag, name="rating_flag"),
    path("studies/<int:pk>/flags/", flags.study_flags, name="study_flags"),
    path("studies/<int:pk>/flags/<int:flag>/", flags.study_flag, name="study_flag"),
    path("studies/<int:pk>/consents/", rating_care.study_consents, name="study_consents"),
]
