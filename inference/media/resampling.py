"""Sound of any kind to one rate, layout and sample format. Runs in the child."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import cast

import av
from av.error import BlockingIOError, EOFError
from av.filter import Graph


class Resampler:
    """Like PyAV's `AudioResampler`, but with one thread, and for files whose sound changes its
    kind on the way."""

    def __init__(
        self,
        *,
        rate: int,
        layout: str,
        format: str,
        frame_size: int = 0,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """`options` are those of FFmpeg's aresample."""
        self._rate, self._layout, self._format = rate, layout, format
        self._frame_size, self._options = frame_size, dict(options or {})
        self._graph: Graph | None = None
        self._kind: tuple[object, ...] = ()

    def __call__(self, frame: av.AudioFrame | None) -> Iterator[av.AudioFrame]:
        """None flushes."""
        if frame is not None:
            kind = frame.format.name, frame.layout.name, frame.sample_rate, frame.time_base
            if kind != self._kind:
                yield from self(None)
                self._graph, self._kind = self._made(frame), kind
        if self._graph is None:
            return
        self._graph.push(frame)
        yield from self._pulled(self._graph)
        if frame is None:
            self._graph, self._kind = None, ()

    def _pulled(self, graph: Graph) -> Iterator[av.AudioFrame]:
        while True:
            try:
                yield cast(av.AudioFrame, graph.pull())
            except (BlockingIOError, EOFError):
                return

    def _made(self, frame: av.AudioFrame) -> Graph:
        graph = Graph()
        # Otherwise one for each processor, and each takes its share of the address space.
        graph.threads = 1
        source = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=frame.time_base or Fraction(1, frame.sample_rate),
        )
        resample = graph.add("aresample", **self._options)
        kind = graph.add(
            "aformat",
            sample_rates=str(self._rate),
            sample_fmts=self._format,
            channel_layouts=self._layout,
        )
        graph.link_nodes(source, resample, kind, graph.add("abuffersink")).configure()
        if self._frame_size:
            graph.set_audio_frame_size(self._frame_size)
        return graph
