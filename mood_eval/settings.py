"""One file of settings. Three modes: `demo` (also for development), `test`, `production`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from mood_eval import embedded, env

BASE_DIR = Path(__file__).resolve().parent.parent
MODE = env.choice("MOODEVAL_MODE", ("demo", "test", "production"), "demo")
PRODUCTION = MODE == "production"
DEBUG = env.flag("MOODEVAL_DEBUG", default=False)
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("MOODEVAL_DEBUG must be 0 in production.")

VAR = Path(env.text("MOODEVAL_VAR", str(BASE_DIR / "var"))).expanduser().absolute()
"""Everything the running system writes: media, checkpoints, releases, logs, private servers."""


def demo_secret_key() -> str:
    path = VAR / "secret_key"
    if not path.exists():
        VAR.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


if PRODUCTION:
    SECRET_KEY = env.text("SECRET_KEY")
    ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")
    if not ALLOWED_HOSTS:
        raise ImproperlyConfigured("ALLOWED_HOSTS is not set: name the hosts, comma-separated.")
    CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if host != "*"]
    DATABASE_URL = env.text("DATABASE_URL")
    REDIS_URL = env.text("REDIS_URL")
else:
    SECRET_KEY = env.text("SECRET_KEY", "") or demo_secret_key()
    ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", "testserver"]
    DATABASE_URL = env.text("DATABASE_URL", "") or embedded.database_url(VAR)
    REDIS_URL = env.text("REDIS_URL", "") or embedded.redis_url(VAR)

INSTALLED_APPS = [
    "mood_eval",
    "inference",
    "annotations",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "django_htmx",
    "pgtrigger",
    "pghistory",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "mood_eval.languages.RaterLanguageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "mood_eval.urls"
WSGI_APPLICATION = "mood_eval.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "mood_eval.context.site",
            ],
        },
    },
]

DATABASES = {"default": env.postgres(DATABASE_URL)}
DATABASES["default"]["TEST"] = {"NAME": env.text("MOODEVAL_TEST_DATABASE", "test_moodeval")}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "moodeval",
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

# A message is only a hint, the row is the queue: tasks acknowledge early and keep no results.
CELERY_BROKER_URL = env.celery_broker(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_connect_timeout": 5}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    f"{app}.tasks.gpu_*": {"queue": "gpu"} for app in ("inference", "annotations")
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TIMEZONE = "UTC"

JOB_LEASE_SECONDS = env.integer("JOB_LEASE_SECONDS", 20, minimum=1)
"""A worker renews its lease well within this; afterwards another worker takes the job over."""
JOB_SWEEP_SECONDS = env.integer("JOB_SWEEP_SECONDS", 15, minimum=1)

os.environ.setdefault("MPLCONFIGDIR", str(VAR / "matplotlib"))
"""Where matplotlib keeps its list of fonts: a service may have no home it can write to."""

FEATURE_CACHE = VAR / "features"
"""What the frozen towers make of clips, least recently used files first to go."""
FEATURE_CACHE_MB = env.integer("FEATURE_CACHE_MB", 4096, minimum=0)
MODELS_IN_MEMORY = env.integer("MODELS_IN_MEMORY", 1, minimum=1)
"""Checkpoints that one worker keeps loaded; the least recently used one leaves first."""
MODEL_DEVICE = env.device("MOODEVAL_DEVICE", "auto")
"""Where models run: auto (a GPU if there is one), cpu, cuda, cuda:1, ..."""
MEDIA_SECONDS = env.integer("MEDIA_SECONDS", 120, minimum=1)
"""Reading one clip may take this long; then the process that reads it is killed."""
MEDIA_MEMORY_MB = env.integer("MEDIA_MEMORY_MB", 2048, minimum=256)

TRAINING_DISK_QUOTA_GIB = env.integer("TRAINING_DISK_QUOTA_GIB", 500, minimum=0)
"""What the training runs of one team may take below MOODEVAL_VAR; 0: whatever the disk holds."""
TRAINING_STOP_SECONDS = env.integer("TRAINING_STOP_SECONDS", 900, minimum=0)
"""What a trainer that is told to stop may take to write its checkpoint; then it is killed."""
TRAINING_JUDGE_URLS = [url.rstrip("/") for url in env.words("TRAINING_JUDGE_URLS")]
"""OpenAI-compatible addresses that training runs may ask for rewards; they are sent what clients
say. None by default."""
TRAINING_JUDGE_KEYS = env.words("TRAINING_JUDGE_KEYS")
"""Names of environment variables with keys of these judges, which a run may name."""
ENDPOINT_URLS = [url.rstrip("/") for url in env.words("ENDPOINT_URLS")]
"""OpenAI-compatible addresses whose models may answer and judge; they are sent what clients say.
None by default."""
ENDPOINT_KEYS = env.words("ENDPOINT_KEYS")
"""Names of environment variables that hold keys, each with the address it may be sent to:
`NAME@https://host/v1`. `NAME` alone counts only where there is exactly one address."""

AUTH_USER_MODEL = "mood_eval.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "mood_eval.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
if MODE == "test":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

EMAIL_HOST = env.text("EMAIL_HOST", "")
EMAIL_PORT = env.integer("EMAIL_PORT", 587, minimum=1)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=True)
# Without a mail server, messages are printed to the log.
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "moodeval@localhost")

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
"""Of the raters' pages; everything for researchers is English."""
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 31_536_000
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = PRODUCTION
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# The demo serves the source files without collectstatic; production hashes and compresses them.
STATIC_ROOT = VAR / "static" if PRODUCTION else None
WHITENOISE_USE_FINDERS = not PRODUCTION
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR / "media", "file_permissions_mode": 0o600},
    },
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "img-src": [SELF, "data:"],
        # The next item's clip waits in memory.
        "media-src": [SELF, "blob:"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
if PRODUCTION:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # Rate limits count by address, which a proxy hides behind its own.
    ALLAUTH_TRUSTED_PROXY_COUNT = env.integer("TRUSTED_PROXIES", 1, minimum=0)
    SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=True)
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "rest_framework.authentication.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    # No forms: a box that is not in a form means no, a field that is not in JSON its default.
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "annotations.api.errors.answer_errors",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "MoodEval API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "annotations.api.schema.add_refusals",
    ],
    "ENUM_NAME_OVERRIDES": {
        "JobStateEnum": "inference.models.job.JobState",
        "StudyStateEnum": "annotations.models.study.Study.State",
        "WebhookEventEnum": "annotations.models.webhook.Webhook.Event",
        "TrainingMethodEnum": "inference.models.training.TrainingRun.Method",
        "ModelKindEnum": "inference.models.model_version.ModelVersion.Kind",
        "RaterKindEnum": "annotations.models.study.StudyRater.Kind",
        "FlagKindEnum": "annotations.models.rating.Flag.Kind",
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
}
