"""An event file as TensorBoard's own writer makes it (pip install tensorboard). Writes test/fixtures/training/events.json:
the records' bytes as hexadecimal digits."""

import json
import tempfile
import pathlib

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from common import FIXTURES

values = {"train/loss": 2.5, "train/learning_rate": 5e-05, "eval/f1": 0.875}
events = [
    Event(wall_time=1700000000.25, file_version="brain.Event:2"),
    Event(wall_time=1700000001.5, step=1, summary=Summary(value=[Summary.Value(tag=k, simple_value=v) for k, v in values.items()])),
    Event(wall_time=1700000002.0, step=300000, summary=Summary(value=[Summary.Value(tag="train/loss", simple_value=float("inf"))])),
]
records = []
for event in events:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "events"
        writer = RecordWriter(open(path, "wb"))
        writer.write(event.SerializeToString())
        writer.close()
        records.append(path.read_bytes().hex())
out = FIXTURES / "training" / "events.json"
out.parent.mkdir(exist_ok=True)
out.write_text(json.dumps(records, indent=0) + "\n")
