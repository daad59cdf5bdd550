from __future__ import annotations

from django.urls import path

from annotations.views import instruments

SHIPPED = "instruments/shipped/<slug:slug>/"
OWN = "instruments/<int:pk>/"

urlpatterns = [
    path("instruments/", instruments.instrument_list, name="instrument_list"),
    path("instruments/new/", instruments.instrument_new, name="instrument_new"),
    path("instruments/import/", instruments.instrument_import, name="instrument_import"),
    path(SHIPPED, instruments.instrument_shipped, name="instrument_shipped"),
    path(f"{SHIPPED}toml", instruments.instrument_shipped_toml, name="instrument_shipped_toml"),
    path(f"{SHIPPED}copy", instruments.instrument_shipped_copy, name="instrument_shipped_copy"),
    path(OWN, instruments.instrument_detail, name="instrument_detail"),
    path(f"{OWN}edit/", instruments.instrument_edit, name="instrument_edit"),
    path(f"{OWN}toml", instruments.instrument_toml, name="instrument_toml"),
    path(f"{OWN}copy", instruments.instrument_copy, name="instrument_copy"),
    path(f"{OWN}delete", instruments.instrument_delete, name="instrument_delete"),
]
