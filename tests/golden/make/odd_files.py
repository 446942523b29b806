"""Legal events of shapes that no known writer makes, built from the other golden files.

Every message's fields are shuffled, singular messages are cut into pieces, fields are repeated with
other contents before the one that counts, unknown fields and overlong varints are put between.
What they mean is said by event_pb2 (expect.py), as for the other files.
"""

import pathlib
import random
import struct

import common
from tfrecord import record
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2
from google.protobuf.descriptor import FieldDescriptor

rng = random.Random(7)


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def long_varint(n):
    raw = bytearray(varint(n))
    if len(raw) < 4 and rng.random() < 0.1:
        raw[-1] |= 0x80
        raw += b"\x80\x00"
    return bytes(raw)


def length_field(number, raw):
    return long_varint(number << 3 | 2) + long_varint(len(raw)) + raw


def unknown():
    return rng.choice([b"\xa0\x06\x07", length_field(99, b"what"), b"\x9d\x06abcd",
                       varint(77 << 3 | 1) + b"12345678"])


def number_bytes(field, value):
    kinds = FieldDescriptor
    if field.type == kinds.TYPE_DOUBLE:
        return 1, struct.pack("<d", value)
    if field.type == kinds.TYPE_FLOAT:
        return 5, struct.pack("<f", value)
    return 0, varint(int(value))


def list_pieces(field, values):
    """A repeated number: packed, single, or some of each."""
    cut = rng.randint(0, len(values))
    packed, single = (values[:cut], values[cut:]) if rng.random() < 0.5 else (values, [])
    raw = b"".join(number_bytes(field, v)[1] for v in packed)
    out = [length_field(field.number, raw)] if packed else []
    for value in single:
        wire, raw = number_bytes(field, value)
        out.append(long_varint(field.number << 3 | wire) + raw)
    return [b"".join(out)]  # stays in order


def message_pieces(field, message):
    """A singular message, sometimes in two pieces that have to be merged."""
    parts = encode_parts(message)
    if len(parts) > 1 and rng.random() < 0.5:
        cut = rng.randint(1, len(parts) - 1)
        return [length_field(field.number, b"".join(parts[:cut])) +
                length_field(field.number, b"".join(parts[cut:]))]
    return [length_field(field.number, b"".join(parts))]


def field_parts(field, value):
    if field.is_repeated:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            return [b"".join(length_field(field.number, b"".join(encode_parts(v))) for v in value)]
        if field.type in (FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_STRING):
            return [b"".join(length_field(field.number, v) for v in value)]
        return list_pieces(field, list(value))
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return message_pieces(field, value)
    if field.type in (FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_STRING):
        raw = value.encode() if isinstance(value, str) else value
        before = length_field(field.number, b"not this") if rng.random() < 0.1 else b""
        return [before + length_field(field.number, raw)]
    wire, raw = number_bytes(field, value)
    return [long_varint(field.number << 3 | wire) + raw]


def encode_parts(message):
    parts = []
    for field, value in message.ListFields():
        parts += field_parts(field, value)
    rng.shuffle(parts)
    if rng.random() < 0.1:
        parts.insert(rng.randint(0, len(parts)), unknown())
    return parts


def replaced_members():
    """A oneof whose first member gives way to another, and comes back."""
    Value, Tensor = summary_pb2.Summary.Value, tensor_pb2.TensorProto
    one = Value(tensor=Tensor(dtype=1, float_val=[1.0])).SerializeToString()
    two = Value(tensor=Tensor(dtype=2, double_val=[2.0])).SerializeToString()
    simple = Value(simple_value=3.0).SerializeToString()
    tag = Value(tag="t").SerializeToString()
    for value in (one + simple, simple + one, one + simple + two, one + two, two + one,
                  simple + simple, one + one):
        summary = length_field(1, tag + value)
        yield length_field(5, summary) + length_field(5, summary)
        yield length_field(5, summary) + length_field(3, b"brain") + length_field(5, summary)
        yield length_field(5, summary) + length_field(3, b"brain")
    yield length_field(7, b"\x08\x01") + length_field(7, b"\x12\x01p")
    yield length_field(8, b"\x0a\x01a") + length_field(8, b"\x12\x01b")


def source_events():
    from tensorboard.backend.event_processing import event_file_loader

    for path in sorted(common.GOLDEN.glob("*/*.tfevents")):
        if path.parent.name in ("odd", "rejected"):
            continue
        raws = list(event_file_loader.RawEventFileLoader(str(path)).Load())
        rng.shuffle(raws)
        yield from (raw for raw in raws[:6] if len(raw) < 1500)


def main():
    target = common.GOLDEN / "odd"
    target.mkdir(exist_ok=True)
    out = b"".join(record(raw) for raw in replaced_members())
    for raw in source_events():
        odd = b"".join(encode_parts(event_pb2.Event.FromString(raw)))
        if len(out) + len(odd) < common.MAX_BYTES - 100:
            out += record(odd)
    pathlib.Path(target / "shapes.tfevents").write_bytes(out)


main()
