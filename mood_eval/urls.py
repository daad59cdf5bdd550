from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from mood_eval import views

# Administrators sign in where everyone does, under the same rate limits.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("language", set_language, name="set_language"),
    path("demo/sign-in/", views.demo_sign_in, name="demo_sign_in"),
    # An address is the invitation: nobody takes over another one without proof that it is theirs.
    path("accounts/email/", views.not_offered),
    path("accounts/", include("allauth.account.urls")),
    path("api/", include("mood_eval.api_urls")),
    path("admin/", admin.site.urls),
    path("", include("inference.urls")),
    path("", include("annotations.urls")),
]
