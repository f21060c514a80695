"""emit.py - what curl2c, har2c, log2c and openapi2c share: the text of a C test.

Nothing that comes from a file or a command line gets into a test but as the inside of a string literal, a
number, or a comment that cannot end early: names and values make no C.
"""
import re, sys

LONGEST = 4000  # of a string literal: ISO C guarantees 4095 bytes


class Wrong(Exception):
    """A sentence for who called the tool."""


texts = []  # arrays of the file, for texts that are too long for a literal


def string(value):
    """A C string literal, or the name of an array that is among `texts` then. A '?' behind another is escaped, for
    trigraphs; what is not plain ASCII is in octal, always three digits, so that no digit behind it counts."""
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    if b"\0" in data:
        raise Wrong("a text has a byte 0 in it, which no C string holds: %r" % data[:60])
    inside = literal(data)
    if len(inside) <= LONGEST:
        return '"%s"' % inside
    name = "text_%d" % (len(texts) + 1)
    lines = [", ".join(map(str, signed(data[i:i + 24]))) for i in range(0, len(data), 24)]
    texts.append("static const char %s[] = {\n    %s, 0 };\n" % (name, ",\n    ".join(lines)))
    return name


def literal(data):
    out = []
    for byte in data:
        if byte in b'"\\' or (byte == 63 and out and out[-1].endswith("?")):
            out.append("\\" + chr(byte))
        elif byte == 10:
            out.append("\\n")
        elif 32 <= byte < 127:
            out.append(chr(byte))
        else:
            out.append("\\%03o" % byte)
    return "".join(out)


def comment(text, most=100):
    """What may stand behind //: one line, plain ASCII, no backslash at its end, and no trigraph that is one."""
    text = re.sub(r"[^ -~]+|\?\?/", " ", text if isinstance(text, str) else text.decode("latin-1")).replace("\\", "/")
    return text if len(text) <= most else text[:most - 3] + "..."


KEYWORDS = set("""auto break case char const continue default do double else enum extern float for goto if inline int long
register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main
printf read write open close send recv connect accept signal time index exit abort remove rename select wait kill
access link unlink stat socket bind listen shutdown free malloc""".split())


def identifier(text, taken):
    """A C name made of a text, unlike those taken, to which it is added."""
    base = re.sub(r"[^A-Za-z0-9]+", "_", text if isinstance(text, str) else text.decode("latin-1"))[:40].strip("_").lower()
    base = base or "page"
    if base[0].isdigit() or base in KEYWORDS or base.startswith("locust"):
        base = "t_" + base
    name, n = base, 2
    while name in taken:
        name, n = "%s_%d" % (base, n), n + 1
    taken.add(name)
    return name


class Bodies:
    """Bodies that no literal holds, as arrays at the top of the file."""

    def __init__(self):
        self.arrays = []

    def fields(self, data):
        """Fields of a locust_request that send these bytes."""
        if b"\0" not in data and len(literal(data)) <= LONGEST:
            return [".body = " + string(data), ".body_len = %d" % len(data)] if data else ['.body = ""']
        name = "body_%d" % (len(self.arrays) + 1)
        lines = [", ".join(map(str, data[i:i + 24])) for i in range(0, len(data), 24)]
        self.arrays.append("static const unsigned char %s[] = {\n    %s };\n" % (name, ",\n    ".join(lines)))
        return [".body = " + name, ".body_len = sizeof " + name]

    def text(self, field, data):
        """The same for a field that is a text, such as .json."""
        if b"\0" in data:
            return None
        return [".%s = %s" % (field, string(data))]


def signed(data):
    return ["(char)%d" % b if b > 127 else b for b in data]


VERBS = {"GET": "get", "POST": "post", "PUT": "put", "PATCH": "patch", "DELETE": "delete", "HEAD": "head",
         "OPTIONS": "options_request"}


def request(method, url, fields, indent="    "):
    """A statement that sends a request, its fields on as few lines as fit."""
    if len(literal(url.encode("utf-8", "surrogateescape"))) > LONGEST:
        raise Wrong("a URL has more than %d bytes: %s..." % (LONGEST, url[:60]))
    verb = VERBS.get(method)
    if verb:
        first, words = "locust_%s(u, %s" % (verb, string(url)), list(fields)
    else:
        first, words = "locust_send(u, &(locust_request){.method = %s" % string(method), [".url = " + string(url)] + list(fields)
    lines, line = [], indent + first
    for word in words:
        if len(line) + len(word) > 116:
            lines.append(line + ",")
            line = indent + "    " + word
        else:
            line += ", " + word
    return "\n".join(lines + [line + (");" if verb else "});")])


def headers(pairs):
    """The field .headers; None without any."""
    return ".headers = LOCUST_HEADERS(%s)" % ", ".join("{ %s, %s }" % (string(n), string(v)) for n, v in pairs) if pairs else None


def origin(url):
    """(scheme://host[:port], the rest) of a URL."""
    m = re.match(r"(https?)://([^/?#\s]+)(.*)\Z", url, re.I | re.S)
    if not m:
        raise Wrong("not an http or https URL: %s" % url[:100])
    if re.search(r"[\x00-\x20\x7f]", m[2]):
        raise Wrong("the host of a URL has a blank or control character: %r" % m[2][:60])
    rest = m[3].split("#")[0]
    return "%s://%s" % (m[1].lower(), m[2]), rest if rest.startswith("/") else "/" + rest


def check_field(name, value):
    """A header field that the kit will send (RFC 9110 5)."""
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        raise Wrong("not a header field: %r" % ("%s: %s" % (name, value))[:80])


def main(tool):
    """Runs a tool's function on the arguments; a sentence and exit code 2 where it cannot go on."""
    try:
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
        tool(sys.argv[1:])
    except Wrong as why:
        print("%s: %s" % (sys.argv[0].rsplit("/", 1)[-1], comment(str(why), 400)), file=sys.stderr)
        sys.exit(2)
    except (OSError, RecursionError, MemoryError) as why:
        print("%s: %s" % (sys.argv[0].rsplit("/", 1)[-1], comment(str(why) or type(why).__name__, 400)), file=sys.stderr)
        sys.exit(2)
