from __future__ import annotations

from django.urls import path

from annotations.views import studies, study_amendments, study_design, study_parts, study_wizard

STUDY = "studies/<int:pk>/"
PART = f"{STUDY}parts/<int:position>/"
PREVIEW = f"{STUDY}preview/<int:position>/<int:number>/"

urlpatterns = [
    path("studies/", studies.study_list, name="study_list"),
    path("studies/new/", study_wizard.study_new, name="study_new"),
    path(STUDY, studies.study_detail, name="study_detail"),
    path(f"{STUDY}name/", study_wizard.study_name, name="study_name"),
    path(f"{STUDY}replies/", study_wizard.study_replies, name="study_replies"),
    path(f"{STUDY}turns/", study_wizard.study_turns, name="study_turns"),
    path(f"{STUDY}parts/", study_parts.study_parts, name="study_parts"),
    path(f"{STUDY}parts/new/", study_parts.study_part_new, name="study_part_new"),
    path(PART, study_parts.study_part, name="study_part"),
    path(f"{PART}remove", study_parts.study_part_remove, name="study_part_remove"),
    path(f"{STUDY}sessions/", study_wizard.study_sessions, name="study_sessions"),
    path(f"{STUDY}texts/", study_wizard.study_texts, name="study_texts"),
    path(f"{STUDY}plan/", study_wizard.study_plan, name="study_plan"),
    path(f"{STUDY}look-over/", study_design.study_look_over, name="study_look_over"),
    path(f"{STUDY}design/", study_design.study_design_report, name="study_design_report"),
    path(f"{STUDY}notes/", study_design.study_notes, name="study_notes"),
    path(PREVIEW, study_design.study_preview, name="study_preview"),
    path(f"{PREVIEW}item/", study_design.study_preview_item, name="study_preview_item"),
    path(f"{STUDY}launch", studies.study_launch, name="study_launch"),
    path(f"{STUDY}close", studies.study_close, name="study_close"),
    path(f"{STUDY}amend/", study_amendments.study_amend, name="study_amend"),
    path(f"{STUDY}item-notes/", study_amendments.study_item_notes, name="study_item_notes"),
    path(
        f"{STUDY}item-notes/<int:item>/", study_amendments.study_item_note, name="study_item_note"
    ),
]
