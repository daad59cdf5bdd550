from annotations.study_forms.amending import AmendForm, ItemNoteForm
from annotations.study_forms.basics import NameForm, NewStudyForm
from annotations.study_forms.launch import LaunchForm
from annotations.study_forms.parts import PartForm, PartsForm
from annotations.study_forms.plan import PlanForm
from annotations.study_forms.replies import RepliesForm
from annotations.study_forms.sessions import SessionsForm
from annotations.study_forms.texts import TextsForm

__all__ = [
    "AmendForm",
    "ItemNoteForm",
    "LaunchForm",
    "NameForm",
    "NewStudyForm",
    "PartForm",
    "PartsForm",
    "PlanForm",
    "RepliesForm",
    "SessionsForm",
    "TextsForm",
]
