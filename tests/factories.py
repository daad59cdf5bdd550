"""Small real worlds for tests: Ada runs the study, Rui rates, Sam is a stranger."""

from __future__ import annotations

import functools
import hashlib
import io
import tempfile
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from annotations.models import Study
from annotations.services.consent import give_consent
from annotations.services.studies import create_study, launch_study
from inference.models import (
    Clip,
    Corpus,
    Dialogue,
    GenerationRun,
    JobState,
    ModelVersion,
    Response,
    RunStimulus,
    Session,
    Stimulus,
    Turn,
)
from mood_eval.models import Membership, Team, User

PASSWORD = "a long enough password"

LINES = (
    ("client", "I keep waking up at three and lie there going over the whole day."),
    ("therapist", "What goes through your mind then?"),
    ("client", "Mostly what I should have said to my sister."),
    ("client", "And that it is too late now."),
    ("therapist", "It sounds as if you miss her."),
    ("client", "Every day. I do not know how to begin again."),
    ("therapist", "Beginning can be one small message."),
)


def make_user(email: str = "ada@example.org", password: str = PASSWORD, **fields: Any) -> User:
    return User.objects.create_user(email, password, **fields)


def make_team(
    name: str = "Care lab", owner: User | None = None, members: Sequence[User] = ()
) -> Team:
    team = Team.objects.create(name=name)
    if owner is not None:
        Membership.objects.create(team=team, user=owner, role=Membership.Role.OWNER)
    for member in members:
        Membership.objects.create(team=team, user=member)
    return team


@functools.cache
def clip_bytes(seconds: float = 2.0) -> bytes:
    """A playable H.264 + AAC MP4: a moving grey ramp with a quiet tone."""
    import av
    import numpy as np

    # FFmpeg opens the file a second time to put the index at the front: no buffer will do.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
            video = container.add_stream("libx264", rate=10)
            video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
            audio = container.add_stream("aac", rate=16000, layout="mono")
            ramp = np.tile(np.arange(160, dtype=np.uint8), (96, 1))
            for index in range(int(seconds * 10)):
                grey = np.roll(ramp, 8 * index, axis=1)
                frame = av.VideoFrame.from_ndarray(np.stack([grey] * 3, axis=-1), format="rgb24")
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            time = np.arange(int(seconds * 16000)) / 16000
            tone = (0.1 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)[None]
            for start in range(0, tone.shape[1] - 1023, 1024):
                piece = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(tone[:, start : start + 1024]),
                    format="fltp",
                    layout="mono",
                )
                piece.sample_rate, piece.pts = 16000, start
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
        return path.read_bytes()


def make_clip(corpus: Corpus, content: bytes | None = None, duration_ms: int = 2000) -> Clip:
    content = clip_bytes() if content is None else content
    sha256 = hashlib.sha256(content).hexdigest()
    existing = Clip.objects.filter(corpus=corpus, sha256=sha256).first()
    if existing:
        return existing
    clip = Clip(
        corpus=corpus,
        sha256=sha256,
        size_bytes=len(content),
        duration_ms=duration_ms,
        width=160,
        height=96,
        video_codec="h264",
        audio_codec="aac",
    )
    clip.file.save(f"{sha256}.mp4", ContentFile(content), save=True)
    return clip


@functools.cache
def sound_bytes(seconds: float = 2.0) -> bytes:
    """A WAV: a quiet tone, 16 kHz, mono."""
    import numpy as np

    time = np.arange(int(seconds * 16000)) / 16000
    tone = (3000 * np.sin(2 * np.pi * 330 * time)).astype("<i2")
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(tone.tobytes())
    return content.getvalue()


def make_sound_clip(corpus: Corpus, seconds: float = 2.0) -> Clip:
    content = sound_bytes(seconds)
    sha256 = hashlib.sha256(content).hexdigest()
    clip = Clip(
        corpus=corpus,
        sha256=sha256,
        size_bytes=len(content),
        content_type="audio/wav",
        duration_ms=round(seconds * 1000),
        audio_codec="pcm_s16le",
        container_format="wav",
        audio_channels=1,
        audio_rate=16000,
    )
    clip.file.save(f"{sha256}.wav", ContentFile(content), save=True)
    return clip


def make_dialogue(
    corpus: Corpus,
    session: Session,
    external_id: str,
    lines: Sequence[tuple[str, str]] = LINES,
    *,
    clips: bool = False,
    split: str = "rate",
) -> Dialogue:
    dialogue = Dialogue.objects.create(
        corpus=corpus,
        session=session,
        external_id=external_id,
        split=split,
        problem_type="family conflict",
        situation="A woman has not spoken with her sister since a quarrel two years ago.",
        fingerprint=hashlib.sha256(external_id.encode()).hexdigest(),
    )
    for position, (speaker, text) in enumerate(lines):
        Turn.objects.create(
            dialogue=dialogue,
            position=position,
            speaker=speaker,
            text=text,
            emotion="sadness" if speaker == "client" else "neutral",
            strategy="" if speaker == "client" else "open question",
            clip=make_clip(corpus) if clips and speaker == "client" else None,
        )
    make_stimuli(dialogue, [speaker for speaker, _ in lines])
    return dialogue


def make_stimuli(dialogue: Dialogue, speakers: Sequence[str]) -> None:
    first = None
    for position, speaker in enumerate([*speakers, ""]):
        if speaker == "client":
            first = position if first is None else first
        elif first is not None:
            Stimulus.objects.create(
                dialogue=dialogue,
                first_position=first,
                last_position=position - 1,
                followed=speaker == "therapist",
            )
            first = None


def make_corpus_with_dialogues(
    team: Team,
    dialogues: int = 4,
    *,
    name: str = "Small corpus",
    clips: bool = False,
    split: str = "rate",
    lines: Sequence[tuple[str, str]] = LINES,
) -> Corpus:
    """Each dialogue is a session of its own with three stimuli (with the default lines)."""
    corpus = Corpus.objects.create(team=team, name=name, format="jsonl", licence="CC0-1.0")
    for number in range(dialogues):
        session = Session.objects.create(corpus=corpus, label=f"session-{number:03d}")
        make_dialogue(corpus, session, f"dialogue-{number:03d}", lines, clips=clips, split=split)
    return corpus


def make_model_version(team: Team, name: str, **fields: Any) -> ModelVersion:
    fields.setdefault("kind", ModelVersion.Kind.IMPORTED)
    return ModelVersion.objects.create(team=team, name=name, **fields)


def make_run_with_responses(
    team: Team,
    corpus: Corpus,
    model_name: str = "model-one",
    text: str = "That sounds hard. What would you want to say to her first?",
    *,
    state: str = JobState.DONE,
    answered: int | None = None,
) -> GenerationRun:
    """A finished run over every stimulus of the corpus, or over the first `answered` of them."""
    model = ModelVersion.objects.filter(team=team, name=model_name).first()
    stimuli = list(Stimulus.objects.filter(dialogue__corpus=corpus).order_by("pk"))
    run = GenerationRun.objects.create(
        team=team,
        model_version=model or make_model_version(team, model_name),
        corpus=corpus,
        splits=[],
        options={"seed": 0},
        state=state,
        total=len(stimuli),
        done=len(stimuli[:answered]),
        finished_at=timezone.now(),
    )
    for position, stimulus in enumerate(stimuli):
        RunStimulus.objects.create(run=run, stimulus=stimulus, position=position)
    for stimulus in stimuli[:answered]:
        Response.objects.create(
            run=run,
            stimulus=stimulus,
            client_emotion="sadness",
            therapist_emotion="neutral",
            strategy="open question",
            text=text,
            raw=f"Therapist's response: {text}",
            seconds=0.5,
            new_tokens=12,
        )
    return run


def make_study(
    team: Team,
    runs: Sequence[GenerationRun],
    raters: Sequence[User] = (),
    *,
    template: str = "multimood-trust-rating",
    launched: bool = True,
    consented: bool = True,
    **options: Any,
) -> Study:
    """An open study, unless `launched` is off; its raters agreed to take part and to training."""
    options.setdefault("overlap", max(1, min(2, len(raters))))
    options.setdefault("seed", 7)
    study = create_study(
        team=team, template=template, runs=runs, raters=[user.email for user in raters], **options
    )
    if launched:
        study = launch_study(study)
    if consented:
        for rater in study.raters.select_related("study"):
            give_consent(rater, training=True)
    return study
