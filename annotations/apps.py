from django.apps import AppConfig


class AnnotationsConfig(AppConfig):
    name = "annotations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from annotations.selectors.lineage import (
            cautions_about_models,
            cautions_about_trainings,
        )
        from inference.selectors.cautions import register_cautions

        register_cautions(
            about_models=cautions_about_models, about_trainings=cautions_about_trainings
        )
