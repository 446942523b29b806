"""Writes NAME.tsv beside each NAME.tfevents: what TensorBoard's own Python code reads from it.

Framing by RawEventFileLoader, messages by event_pb2, numbers by tensor_util, and plugin and class
of each tag by plugin_event_accumulator. Lines, fields divided by tabs, text percent-encoded:
    event   wall_time(bits) step member status text bytes
    value   tag kind dtype number payload plugin content display_name description data_class
    series  tag plugin data_class
`payload` and `bytes` are size:FNV-1a. `kind` follows the rule at EF_VALUE_SCALAR in event.h, worked
out here a second time. "-" means: not there.
"""

import logging
import pathlib
import struct
import sys
import urllib.parse

import numpy as np
from tensorboard.backend.event_processing import event_file_loader, plugin_event_accumulator
from tensorboard.compat.proto import event_pb2
from tensorboard.util import tensor_util

NUMERIC = {1, 2, 3, 4, 5, 6, 9, 10, 14, 17, 19, 22, 23}
OTHER_CLASS = {"histograms", "text", "hparams", "pr_curves", "mesh", "custom_scalars", "images",
               "audio", "graphs", "graph_tagged_run_metadata", "graph_run_metadata",
               "graph_run_metadata_graph", "graph_keras_model"}
KINDS = {"simple_value": "scalar", "obsolete_old_style_histogram": "obsolete", "image": "image",
         "histo": "histogram", "audio": "audio", None: "none"}


def quote(text):
    raw = text.encode() if isinstance(text, str) else text
    return urllib.parse.quote_from_bytes(raw, safe="/_ ()*,:") or "''"


def mark(raw):
    h = 0xCBF29CE484222325
    for byte in raw:
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{len(raw)}:{h:016x}"


def half_number(tensor):
    """From half_val, which torch fills with bits of 32-bit floats; make_ndarray() fails then."""
    if len(tensor.half_val) != 1:
        return None
    bits = tensor.half_val[0] & 0xFFFFFFFF
    if bits >> 16 == 0:
        return struct.unpack("<e" if tensor.dtype == 19 else "<f",
                             struct.pack("<H" if tensor.dtype == 19 else "<I",
                                         bits if tensor.dtype == 19 else bits << 16))[0]
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def one_number(tensor):
    """The tensor's only element as a float, or None."""
    if tensor.dtype not in NUMERIC or any(d.size != 1 for d in tensor.tensor_shape.dim):
        return None
    if tensor.dtype in (14, 19) and not tensor.tensor_content:
        return half_number(tensor)
    if tensor.dtype == 14:  # make_ndarray() refuses bfloat16
        raw = tensor.tensor_content
        return struct.unpack("<f", b"\0\0" + raw)[0] if len(raw) == 2 else None
    if tensor.dtype in (22, 23) and not tensor.tensor_content:
        values = tensor.uint32_val if tensor.dtype == 22 else tensor.uint64_val
        return float(values[0]) if len(values) == 1 else None
    if tensor.dtype == 4 and len(tensor.uint32_val) == 1:  # so does torch; make_ndarray() fails
        return float(tensor.uint32_val[0])
    try:
        array = tensor_util.make_ndarray(tensor)
    except ValueError:
        return None
    return float(array.reshape(-1)[0]) if array.size == 1 else None


def may_be_scalar(value):
    metadata, rank = value.metadata, len(value.tensor.tensor_shape.dim)
    if metadata.data_class:
        return metadata.data_class == 1
    if metadata.plugin_data.plugin_name == "scalars":
        return True
    return rank == 0 and metadata.plugin_data.plugin_name not in OTHER_CLASS


def value_line(value):
    member = value.WhichOneof("value")
    kind, dtype, number, payload = KINDS.get(member, "tensor"), 0, "-", b""
    if member == "tensor":
        dtype = value.tensor.dtype
        single = one_number(value.tensor) if may_be_scalar(value) else None
        if single is not None:
            kind, number = "scalar", single.hex()
        else:
            payload = value.tensor.SerializeToString()
    elif member == "simple_value":
        number = float(np.float32(value.simple_value)).hex()
    elif member == "obsolete_old_style_histogram":
        payload = value.obsolete_old_style_histogram
    elif member:
        payload = getattr(value, member).SerializeToString()
    fields = [value.tag, kind, str(dtype), number, mark(payload)]
    if value.HasField("metadata"):
        m = value.metadata
        fields += [quote(m.plugin_data.plugin_name), mark(m.plugin_data.content),
                   quote(m.display_name), quote(m.summary_description), str(m.data_class)]
    else:
        fields += ["-"] * 5
    return "\t".join(["value", quote(fields[0])] + fields[1:])


def event_lines(event):
    member = event.WhichOneof("what")
    text, raw, status = "", b"", 0
    if member == "file_version":
        text = event.file_version
    elif member in ("graph_def", "meta_graph_def"):
        raw = getattr(event, member)
    elif member == "session_log":
        status = event.session_log.status
    elif member == "tagged_run_metadata":
        text, raw = event.tagged_run_metadata.tag, event.tagged_run_metadata.run_metadata
    bits = struct.unpack("<Q", struct.pack("<d", event.wall_time))[0]
    yield "\t".join(["event", f"{bits:016x}", str(event.step), member or "-", str(status),
                     quote(text), mark(raw)])
    if member == "summary":
        for value in event.summary.value:
            yield value_line(value)


def series_lines(path, tags):
    reader = plugin_event_accumulator.EventAccumulator(str(path))
    reader.Reload()
    for tag in sorted(tags):
        try:
            metadata = reader.SummaryMetadata(tag)
        except KeyError:  # a value that this reader does not show
            continue
        yield "\t".join(["series", quote(tag), quote(metadata.plugin_data.plugin_name),
                         str(metadata.data_class)])


def expect(path):
    lines, tags = [], set()
    for raw in event_file_loader.RawEventFileLoader(str(path)).Load():
        event = event_pb2.Event.FromString(raw)
        lines += event_lines(event)
        tags.update(value.tag for value in event.summary.value)
    if path.parent.name != "odd":
        lines += series_lines(path, tags)
    path.with_suffix(".tsv").write_text("\n".join(lines) + "\n")


def main():
    logging.disable(logging.WARNING)
    golden = pathlib.Path(__file__).resolve().parent.parent
    for path in sorted(golden.glob("*/*.tfevents")):
        if path.parent.name != "rejected":
            expect(path)


sys.exit(main())
