"""Messages of Milvus by hand.

    m(field, value)        a field of Protocol Buffers: bytes, or an integer
    reply(stream, text)    the frames of a gRPC answer with this message
"""
import struct
from kit.h2 import D, DONE, END, H, field

HEAD = b"\x88" + field("content-type", "application/grpc")


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def m(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def reply(stream, text):
    return (H(HEAD, stream=stream) + D(struct.pack(">BI", 0, len(text)) + text, 0, stream) +
            H(field("grpc-status", "0"), DONE | END, stream))
