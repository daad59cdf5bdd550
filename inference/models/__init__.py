from inference.models.benchmark import Benchmark, RunGroup
from inference.models.dialogue import Clip, Corpus, CorpusImport, Dialogue, Session, Stimulus, Turn
from inference.models.generation import GenerationRun, Response, RunStimulus
from inference.models.imported_response import ImportedResponse
from inference.models.job import Job, JobState
from inference.models.model_call import ModelCall
from inference.models.model_version import ModelVersion
from inference.models.training import TrainingPoint, TrainingRun, TrainingSample

__all__ = [
    "Benchmark",
    "Clip",
    "Corpus",
    "CorpusImport",
    "Dialogue",
    "GenerationRun",
    "ImportedResponse",
    "Job",
    "JobState",
    "ModelCall",
    "ModelVersion",
    "Response",
    "RunGroup",
    "RunStimulus",
    "Session",
    "Stimulus",
    "TrainingPoint",
    "TrainingRun",
    "TrainingSample",
    "Turn",
]
