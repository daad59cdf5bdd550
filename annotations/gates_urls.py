from __future__ import annotations

from django.urls import path

from annotations.views import gates, rating_gate

PART = "studies/<int:pk>/gate/<int:position>/"

urlpatterns = [
    path("studies/<int:pk>/gate/", gates.study_gate, name="study_gate"),
    path(f"{PART}rules", gates.gate_rules, name="gate_rules"),
    path(f"{PART}form.csv", gates.panel_form, name="panel_form"),
    path(f"{PART}upload", gates.panel_upload, name="panel_upload"),
    path(f"{PART}from-study/", gates.panel_from_study, name="panel_from_study"),
    path(f"{PART}items/", gates.panel_item_list, name="panel_items"),
    path(f"{PART}items/training", gates.panel_mark, name="panel_mark"),
    path(f"{PART}items/<int:item>", gates.panel_item_change, name="panel_item_change"),
    path(f"{PART}items/remove/", gates.panel_clear, name="panel_clear"),
    path("studies/<int:pk>/gate/attempts/<int:attempt>/", gates.gate_decide, name="gate_decide"),
    path("rate/<uuid:uuid>/qualification/", rating_gate.rating_gate, name="rating_gate"),
    path("rate/item/<uuid:pk>/answer/", rating_gate.rating_training_answer, name="training_answer"),
]
