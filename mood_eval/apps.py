from django.apps import AppConfig


class MoodEvalConfig(AppConfig):
    name = "mood_eval"
    verbose_name = "MoodEval"
    default_auto_field = "django.db.models.BigAutoField"
