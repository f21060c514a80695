"""HdrHistogram's logs and V2 encoding, read as its description has them."""
import base64, struct, zlib


def counts(text):
    """A base64 histogram: {lowest value of a bucket: count}, and its number of significant digits."""
    packed = base64.b64decode(text, validate=True)
    cookie, length = struct.unpack(">II", packed[:8])
    assert cookie == 0x1C849314 and length == len(packed) - 8, (hex(cookie), length, len(packed))
    data = zlib.decompress(packed[8:])
    cookie, length, offset, digits, lowest, highest, ratio = struct.unpack(">IIIIqqd", data[:40])
    assert cookie == 0x1C849313 and length == len(data) - 40 and offset == 0 and ratio == 1.0, data[:40]
    sub = 1
    while sub < 2 * 10 ** digits:  # so many values have a count of their own
        sub *= 2
    found, index, at = {}, 0, 40
    while at < len(data):
        n, shift = 0, 0
        for k in range(9):
            byte, at = data[at], at + 1
            n |= (byte if k == 8 else byte & 127) << shift
            shift += 7
            if k < 8 and byte < 128:
                break
        n = n >> 1 ^ -(n & 1)
        if n < 0:
            index -= n
            continue
        bucket = max(index // (sub // 2) - 1, 0)
        if n:
            found[index - bucket * (sub // 2) << bucket] = n
        index += 1
    return found, digits


def log(path):
    """The lines of a log: [(tag or None, start, length, maximum in ms, {value in ns: count})]."""
    lines = open(path).read().splitlines()
    assert lines[0] == "#[Histogram log format version 1.3]" and lines[1].startswith("#[StartTime: "), lines[:2]
    assert lines[2] == ('"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'), lines[2]
    all = []
    for line in lines[3:]:
        tag, rest = (line[4:].split(",", 1) if line.startswith("Tag=") else (None, line))
        start, length, most, text = rest.split(",")
        all.append((tag, float(start), float(length), float(most), counts(text)[0]))
    return all
