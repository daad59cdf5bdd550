"""Log-mel filter bank energies as Kaldi computes them, which BEATs was trained on.

Settings: 16 kHz, 25 ms windows every 10 ms, 128 bins from 20 Hz to 8 kHz, no dither, Povey
window, pre-emphasis 0.97, mean removed, 512-point FFT, power, natural log, edges snipped.
See Povey et al., "The Kaldi Speech Recognition Toolkit", and kaldi's feature-window.cc.
"""

from __future__ import annotations

import math
from functools import cache

import torch

SAMPLE_RATE = 16_000
WINDOW = 400
SHIFT = 160
FFT = 512
MEL_BINS = 128
LOW_HZ, HIGH_HZ = 20.0, 8_000.0
PRE_EMPHASIS = 0.97
# Kaldi's waveforms are 16-bit integers.
INT16_SCALE = 32_768.0
FLOOR = torch.finfo(torch.float32).eps


def kaldi_fbank(waveform: torch.Tensor, mel_bins: int = MEL_BINS) -> torch.Tensor:
    """(samples,) in [-1, 1] at 16 kHz -> (T, mel_bins); T is 0 below one window."""
    if waveform.shape[0] < WINDOW:
        return torch.zeros(0, mel_bins)
    frames: torch.Tensor = (waveform.float() * INT16_SCALE).unfold(0, WINDOW, SHIFT)
    frames = frames - frames.mean(1, keepdim=True)
    before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
    frames = (frames - PRE_EMPHASIS * before) * _povey_window()
    power = torch.fft.rfft(frames, n=FFT).abs().square()
    energies = power[:, : FFT // 2] @ _mel_weights(mel_bins).T
    return torch.log(energies.clamp(min=FLOOR))


def frame_count(samples: int) -> int:
    return 0 if samples < WINDOW else 1 + (samples - WINDOW) // SHIFT


@cache
def _povey_window() -> torch.Tensor:
    window: torch.Tensor = torch.hann_window(WINDOW, periodic=False) ** 0.85
    return window


@cache
def _mel_weights(bins: int) -> torch.Tensor:
    """(bins, FFT / 2): triangles that are straight on the mel scale."""
    low, high = _mel(LOW_HZ), _mel(HIGH_HZ)
    step = (high - low) / (bins + 1)
    left = low + step * torch.arange(bins, dtype=torch.float64)[:, None]
    line_hz = torch.arange(FFT // 2, dtype=torch.float64) * SAMPLE_RATE / FFT
    line = 1127.0 * torch.log1p(line_hz / 700.0)
    rising, falling = (line - left) / step, (left + 2 * step - line) / step
    return torch.minimum(rising, falling).clamp(min=0).float()


def _mel(hertz: float) -> float:
    return 1127.0 * math.log1p(hertz / 700.0)
