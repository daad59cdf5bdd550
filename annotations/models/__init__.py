from annotations.models.adjudication import Adjudication, Dispute
from annotations.models.analysis import (
    AnalysisPlan,
    AnalysisSection,
    EarlyLook,
    ResultFigure,
    StudyAnalysis,
)
from annotations.models.assignment import Assignment
from annotations.models.dataset import (
    DatasetErasure,
    DatasetRater,
    DatasetSession,
    DatasetTraining,
    PreferenceDataset,
    ReleaseJob,
)
from annotations.models.gate import Gate, GateAttempt, ReferenceAnswer
from annotations.models.instrument import Criterion, Instrument
from annotations.models.item import Candidate, Item
from annotations.models.judging import JudgeAnswer, JudgeRun
from annotations.models.rating import Flag, LateAnswer, Preference, Rating
from annotations.models.study import Study, StudyPart, StudyRater, StudyRun
from annotations.models.taking_part import Amendment, Consent, Invitation, SourceGuess
from annotations.models.webhook import Webhook, WebhookDelivery

__all__ = [
    "Adjudication",
    "Amendment",
    "AnalysisPlan",
    "AnalysisSection",
    "Assignment",
    "Candidate",
    "Consent",
    "Criterion",
    "DatasetErasure",
    "DatasetRater",
    "DatasetSession",
    "DatasetTraining",
    "Dispute",
    "EarlyLook",
    "Flag",
    "Gate",
    "GateAttempt",
    "Instrument",
    "Invitation",
    "Item",
    "JudgeAnswer",
    "JudgeRun",
    "LateAnswer",
    "Preference",
    "PreferenceDataset",
    "Rating",
    "ReferenceAnswer",
    "ReleaseJob",
    "ResultFigure",
    "SourceGuess",
    "Study",
    "StudyAnalysis",
    "StudyPart",
    "StudyRater",
    "StudyRun",
    "Webhook",
    "WebhookDelivery",
]
