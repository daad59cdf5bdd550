from __future__ import annotations

import pytest

from inference.models import Corpus, ModelVersion
from inference.services.model_versions import register_imported
from tests.factories import make_corpus_with_dialogues, make_team


@pytest.fixture
def corpus(transactional_db: None) -> Corpus:
    """Two dialogues with three stimuli each; therapists answered all of them."""
    return make_corpus_with_dialogues(make_team(), 2)


@pytest.fixture
def therapists(corpus: Corpus) -> ModelVersion:
    return register_imported(corpus.team, "therapists", corpus)
