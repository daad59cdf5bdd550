"""A small valid file of every kind that is read, for fuzzing."""

from __future__ import annotations

from pathlib import Path

from tests.inference.media.films import Audio, Video, write

SMALL = Video(frames=12, size=(32, 24), options={"g": "4", "bf": "2"})
SHORT = Audio(seconds=0.5, rate=16_000)
OPUS = Audio("libopus", 0.5, 48_000)


def write_seeds(folder: Path) -> list[Path]:
    vp8 = Video("libvpx", 12, (32, 24), options={"g": "4"})
    vp9 = Video("libvpx-vp9", 12, (32, 24), options={"g": "4"})
    hevc = Video("libx265", 12, (64, 48), options={"x265-params": "keyint=4:log-level=none"})
    av1 = Video("libsvtav1", 8, (64, 64), options={"preset": "12"})
    jpeg = Video("mjpeg", 6, (32, 24), "yuvj420p")
    pcm = Audio("pcm_s16le", 0.3, 8_000, "stereo")
    parts = {"movflags": "frag_keyframe+empty_moov"}
    return [
        write(folder / "h264.mp4", SMALL, SHORT),
        write(folder / "turned.mp4", Video(frames=6, size=(32, 24), rotation=90), SHORT),
        write(folder / "parts.mp4", SMALL, SHORT, options=parts),
        write(folder / "jpeg.mov", jpeg, pcm),
        write(folder / "hevc.mp4", hevc),
        write(folder / "av1.mp4", av1),
        write(folder / "h264.mkv", SMALL, Audio("flac", 0.3, 16_000)),
        write(folder / "hevc.mkv", hevc, SHORT),
        write(folder / "vp8.webm", vp8, OPUS),
        write(folder / "vp9.webm", vp9, OPUS),
        write(folder / "mpeg4.avi", Video("mpeg4", 12, (32, 24)), Audio("libmp3lame", 0.5, 16_000)),
        write(folder / "mpeg2.ts", Video("mpeg2video", 12, (32, 24)), Audio("mp2", 0.5, 16_000)),
        write(folder / "h264.flv", SMALL, Audio(seconds=0.5, rate=22_050)),
        write(folder / "windows.asf", Video("wmv2", 12, (32, 24))),
        write(folder / "pcm.wav", pcm),
        write(folder / "surround.wav", Audio("pcm_s24le", 0.2, 8_000, "5.1")),
        write(folder / "float.wav", Audio("pcm_f32le", 0.2, 16_000)),
        write(folder / "adpcm.wav", Audio("adpcm_ima_wav", 0.5, 16_000)),
        write(folder / "voice.mp3", Audio("libmp3lame", 0.5, 16_000)),
        write(folder / "voice.m4a", SHORT, format="ipod"),
        write(folder / "lossless.m4a", Audio("alac", 0.3, 16_000), format="ipod"),
        write(folder / "voice.aac", SHORT, format="adts"),
        write(folder / "opus.ogg", OPUS),
        write(folder / "flac.ogg", Audio("flac", 0.3, 16_000), format="ogg"),
        write(folder / "voice.flac", Audio("flac", 0.3, 16_000)),
        write(folder / "voice.aiff", Audio("pcm_s16be", 0.3, 16_000)),
        write(folder / "voice.caf", Audio("pcm_s16be", 0.3, 16_000)),
        write(folder / "voice.amr", Audio("libopencore_amrnb", 0.5, 8_000)),
    ]
