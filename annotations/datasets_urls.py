from __future__ import annotations

from django.urls import path

from annotations.views import dataset_import, exports, releases

urlpatterns = [
    path("datasets/", releases.dataset_list, name="dataset_list"),
    path("datasets/import/", dataset_import.dataset_import, name="dataset_import"),
    path("studies/<int:pk>/releases/", releases.release_new, name="release_new"),
    path("releases/jobs/<int:pk>/", releases.release_job, name="release_job"),
    path("releases/jobs/<int:pk>/act/", releases.release_job_act, name="release_job_act"),
    path("releases/<int:pk>/", releases.release_detail, name="release_detail"),
    path("releases/<int:pk>/files/<str:name>", releases.release_file, name="release_file"),
    path("releases/<int:pk>/export/", exports.release_export, name="release_export"),
]
