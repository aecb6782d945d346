"""TensorBoard's event files: written record by record, and cut back to a step."""

from __future__ import annotations

import math
import os
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from accelsim.datapath.distributions import Distribution
from accelsim.errors import UserError

PREFIX = "events.out.tfevents."
_HEADER, _SUM = struct.Struct("<Q4x"), 4
"""A record: its length and the length's checksum, the event, the event's checksum."""


class EventFile:
    """The event files of one TensorBoard run; a new one is begun by ``start``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: Any = None

    def start(self, step: int, mark: str = "") -> int:
        """Cut what is there back to ``step`` and begin a new file.

        Returns the last step that has the tag ``mark``, or 0.

        Raises:
            UserError: the folder can't be written.
        """
        from tensorboardX.proto.event_pb2 import Event, SessionLog
        from tensorboardX.record_writer import RecordWriter

        last = 0
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for path in self.folder.glob(f"{PREFIX}*"):
                last = max(last, _cut_back(path, step, mark))
            # TensorBoard reads files in the order of their names, and follows one by its name.
            self._writer = RecordWriter(str(self.folder / f"{PREFIX}{time.time_ns()}.accelsim"))
            self._add(Event(file_version="brain.Event:2"))
            # A TensorBoard that has read further than the cut drops what it has of later steps.
            self._add(Event(step=step + 1, session_log=SessionLog(status=SessionLog.START)))
        except OSError as error:
            raise self._refused(error) from error
        return last

    def add_scalars(self, step: int, figures: Iterable[tuple[str, float | None]]) -> None:
        """Those that are known and finite."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        values = [
            Summary.Value(tag=tag, simple_value=value)
            for tag, value in figures
            if value is not None and math.isfinite(value)
        ]
        if values:
            self._add(Event(step=step, summary=Summary(value=values)))

    def add_histogram(self, step: int, tag: str, found: Distribution) -> None:
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import HistogramProto, Summary

        histogram = HistogramProto(
            min=found.smallest,
            max=found.largest,
            num=found.elements,
            sum=found.total,
            sum_squares=found.squares,
            bucket_limit=found.edges[1:].tolist(),
            bucket=found.counts.tolist(),
        )
        self._add(Event(step=step, summary=Summary(value=[Summary.Value(tag=tag, histo=histogram)])))

    def flush(self) -> None:
        """Bring everything to the disk.

        Raises:
            UserError: it can't be written.
        """
        try:
            if self._writer:
                self._writer.flush()
        except OSError as error:
            raise self._refused(error) from error

    def close(self) -> None:
        if self._writer:
            self._writer.close()
            self._writer = None

    def _add(self, event: Any) -> None:
        event.wall_time = time.time()
        try:
            self._writer.write(event.SerializeToString())
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> UserError:
        return UserError(f"{self.folder}: cannot be written: {error.strerror or error}")


def read_events(data: bytes) -> Iterator[tuple[int, Any]]:
    """Whole events and where each one begins, up to the first that is broken."""
    from google.protobuf.message import DecodeError
    from tensorboardX.proto.event_pb2 import Event

    start = 0
    while start + _HEADER.size <= len(data):
        (length,) = _HEADER.unpack_from(data, start)
        first, end = start + _HEADER.size, start + _HEADER.size + length + _SUM
        if end > len(data):
            return
        try:
            event = Event.FromString(data[first : first + length])
        except DecodeError:
            return
        yield start, event
        start = end


def _cut_back(path: Path, step: int, mark: str) -> int:
    """Leave events up to ``step``, which never falls within a file, and no file without figures; see ``start``."""
    end, last, figures = 0, 0, False
    for start, event in read_events(path.read_bytes()):
        if event.HasField("summary"):
            if event.step > step:
                break
            figures = True
            last = event.step if any(value.tag == mark for value in event.summary.value) else last
        end = start + _HEADER.size + event.ByteSize() + _SUM
    if figures:
        os.truncate(path, end)
    else:
        path.unlink()
    return last
