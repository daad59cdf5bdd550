from annotations.models.assignment import Assignment
from annotations.models.dataset import DatasetTraining, PreferenceDataset
from annotations.models.instrument import Criterion, Instrument
from annotations.models.item import Candidate, Item
from annotations.models.rating import Flag, LateAnswer, Preference, Rating
from annotations.models.study import Study, StudyPart, StudyRater, StudyRun

__all__ = [
    "Assignment",
    "Candidate",
    "Criterion",
    "DatasetTraining",
    "Flag",
    "Instrument",
    "Item",
    "LateAnswer",
    "Preference",
    "PreferenceDataset",
    "Rating",
    "Study",
    "StudyPart",
    "StudyRater",
    "StudyRun",
]
