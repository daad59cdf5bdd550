from __future__ import annotations

from django.urls import path

from annotations.views import joining, progress, rater_acts, raters, reporting

STUDY = "studies/<int:pk>/"
RATER = f"{STUDY}raters/<int:rater>/"

urlpatterns = [
    path(f"{STUDY}raters/", raters.study_raters, name="study_raters"),
    path(f"{STUDY}raters/invite", raters.raters_invite, name="raters_invite"),
    path(f"{STUDY}raters/upload/", raters.raters_upload, name="raters_upload"),
    path(f"{STUDY}raters/list.csv", raters.raters_csv, name="raters_csv"),
    path(
        f"{STUDY}invitations/<int:invitation>/revoke",
        raters.invitation_revoke,
        name="invitation_revoke",
    ),
    path(
        f"{STUDY}invitations/<int:invitation>/extend",
        raters.invitation_extend,
        name="invitation_extend",
    ),
    path("join/<str:secret>/", joining.invitation_open, name="invitation_open"),
    path("join/<str:secret>/accept", joining.invitation_accept, name="invitation_accept"),
    path("join/<str:secret>/sign-up", joining.invitation_sign_up, name="invitation_sign_up"),
    path(f"{STUDY}progress/", progress.study_progress_page, name="study_progress"),
    path(f"{STUDY}progress/items/", progress.progress_items, name="progress_items"),
    path(RATER, rater_acts.rater_detail, name="rater_detail"),
    path(f"{RATER}withdraw/", rater_acts.rater_withdraw, name="rater_withdraw"),
    path(f"{RATER}back/", rater_acts.rater_back, name="rater_back"),
    path(f"{RATER}release/", rater_acts.rater_release, name="rater_release"),
    path(f"{RATER}extend/", rater_acts.rater_extend, name="rater_extend"),
    path(f"{RATER}reopen/<uuid:assignment>/", rater_acts.rater_reopen, name="rater_reopen"),
    path(f"{STUDY}work/", rater_acts.work_share, name="work_share"),
    path(f"{STUDY}checklists/", reporting.study_checklists, name="study_checklists"),
    path(f"{STUDY}checklists/<slug:name>.md", reporting.checklist_file, name="checklist_file"),
]
