from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from mood_eval import views

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("demo/sign-in/", views.demo_sign_in, name="demo_sign_in"),
    path("accounts/", include("allauth.account.urls")),
    path("api/", include("mood_eval.api_urls")),
    path("admin/", admin.site.urls),
    path("", include("inference.urls")),
    path("", include("annotations.urls")),
]
