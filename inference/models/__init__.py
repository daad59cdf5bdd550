from inference.models.dialogue import Clip, Corpus, CorpusImport, Dialogue, Session, Stimulus, Turn
from inference.models.generation import GenerationRun, Response, RunStimulus
from inference.models.job import Job, JobState
from inference.models.model_version import ModelVersion
from inference.models.training import TrainingPoint, TrainingRun, TrainingSample

__all__ = [
    "Clip",
    "Corpus",
    "CorpusImport",
    "Dialogue",
    "GenerationRun",
    "Job",
    "JobState",
    "ModelVersion",
    "Response",
    "RunStimulus",
    "Session",
    "Stimulus",
    "TrainingPoint",
    "TrainingRun",
    "TrainingSample",
    "Turn",
]
