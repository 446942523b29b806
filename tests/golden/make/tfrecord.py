"""A TFRecord around any bytes."""

import struct


def masked_crc(raw):
    crc = 0xFFFFFFFF
    for byte in raw:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(raw):
    head = struct.pack("<Q", len(raw))
    return head + masked_crc(head) + raw + masked_crc(raw)
