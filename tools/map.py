#!/usr/bin/env python3
"""map.py - the map of tools/header: contents, what a part uses, who owns a name.

    tools/map.py            says what is not as it should be; exit code 1 if anything
    tools/map.py --write    generates the contents in all.h and the `Uses` of each part anew

Each part opens with a comment that names it, `>>tag  title`: the tag is the file's name, behind that of a
folder of its own (4-net/tls/trust.c is >>tls_trust). Generated are
    - the contents in the first comment of all.h;
    - `Uses`: the parts of folders 2 and up whose private names a part mentions (all use 1-ground).
Checked is
    - `Names`: each private name that a part defines is one of these, or begins with one that ends in "_"
      (locust__cookie_); of two that fit the longer is meant, and no two parts have the same one. A macro or
      constant LOCUST__COOKIE_MAX counts as locust__cookie_max. ctx/, os/ and tls/ share theirs;
    - that no line is above 100 columns, but the text of an #error;
    - that no private name is a public one with an underscore more, unless it is the body of it.
Needs universal-ctags.
"""
import collections, os, re, subprocess, sys

TOP = os.environ.get("TOP", os.path.join(os.path.dirname(os.path.abspath(__file__)), "header"))
WIDTH = 96  # of a comment's line
KEYS = ("Purpose", "Invariants", "Cost", "Names", "Uses", "Sources", "Why so", "Limits")
PRIVATE = re.compile(r"\b(?:locust__\w+|LOCUST__\w+)")


def read(name):
    with open(os.path.join(TOP, name)) as file:
        return file.read()


def code_of(text):
    """The text without comments and the insides of strings."""
    blank = lambda m: re.sub(r"[^\n]", " ", m[0])
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


class Part:
    def __init__(self, path):
        self.path, self.text = path, read(path)
        folder, name = os.path.split(os.path.splitext(path)[0])
        own = os.path.basename(folder)
        self.want = name if own[0].isdigit() or own == name else own + "_" + name
        self.layer = int(path[0])
        opening = re.match(r"/\* =+\n \* >>(\w+)  ([^\n]+)\n(.*?) \* =+ \*/\n", self.text, re.S)
        self.tag, self.title, self.about = opening.groups() if opening else (None, "", "")
        names = re.search(r"^ \* Names +((?:.*\n)(?: \* {8,}.*\n)*)", self.about, re.M)
        self.names = re.findall(r"\w+", names[1].replace("*", " ")) if names else []
        self.mentions = set(PRIVATE.findall(code_of(self.text)))


def definitions(parts):
    """name -> the parts that define it, in order, and (kind, line) of the first."""
    done = subprocess.run(["ctags", "-f", "-", "--languages=C", "--language-force=C", "--c-kinds=+defgpstuv",
                           "-n", "-u"] + [p.path for p in parts], cwd=TOP, capture_output=True, text=True)
    found = collections.OrderedDict()
    for line in done.stdout.splitlines():
        if line.startswith("!"):
            continue
        name, path, number, kind = line.split("\t")[:4]
        if kind == "p" and PRIVATE.fullmatch(name):
            continue
        found.setdefault(name, []).append((path, kind, int(number.rstrip(';"'))))
    return found


def wrapped(key, words):
    lines, line = [], " * %-12s" % key
    for word in words:
        if len(line) + len(word) + 1 > WIDTH and line.strip() != "*":
            lines.append(line.rstrip())
            line = " *" + " " * 13
        line += word + " "
    return "\n".join(lines + [line.rstrip()]) + "\n"


def uses_of(part, owners, parts):
    used = {owners[name] for name in part.mentions if name in owners}
    return [">>" + p.tag for p in parts if p in used and p is not part and p.layer >= 2]


def with_uses(part, uses):
    """The part's text with that list."""
    about = re.sub(r"^ \* Uses .*\n(?: \* {8,}.*\n)*", "", part.about, flags=re.M)
    if uses:
        lines = about.splitlines(True)
        before = KEYS[:KEYS.index("Uses")]
        at, inside = 0, False
        for i, line in enumerate(lines):
            key = re.match(r" \* (\w[\w ]*?)  ", line)
            inside = key and key[1] in before or (inside and not key and re.match(r" \* {8,}", line))
            at = i + 1 if inside else at
        lines.insert(at or 1, wrapped("Uses", uses))
        about = "".join(lines)
    return part.text.replace(part.about, about, 1)


def contents(parts):
    width = 18  # fixed, so that one more part does not move all lines
    lines, folder = [], None
    for part in parts:
        if part.path.split("/")[0] != folder:
            folder = part.path.split("/")[0]
            lines.append(" *   %s\n" % folder)
        lines.append((" *     >>%-*s%s" % (width, part.tag, part.title)).rstrip() + "\n")
    return "".join(lines)


def with_contents(manifest, parts):
    begin = manifest.index(" *\n", manifest.index(" * Contents: ")) + 3
    return manifest[:begin] + contents(parts) + manifest[manifest.index(" */", begin):]


def family(part):
    """What may share names: the parts of a folder of its own."""
    return part.path.rsplit("/", 1)[0] if part.path.count("/") > 1 else part.path


def owners_of_names(parts, found):
    """Sentences about names that stand under another part's."""
    owner, by_path = {}, {p.path: p for p in parts}
    for part in parts:
        for name in part.names:
            if name in owner and owner[name] != family(part):
                yield "%s:1: %s is a name of %s already" % (part.path, name, owner[name])
            owner[name] = family(part)
    for name, places in found.items():
        low = name.lower()
        fits = [n for n in owner if n == low or n.endswith("_") and (low + "_").startswith(n)]
        best = low if low in owner else max(fits, key=len, default=None)
        for path, _, line in places:
            if PRIVATE.fullmatch(name) and by_path[path].layer and (
                    not best or owner[best] != family(by_path[path])):
                yield "%s:%d: %s is none of its `Names`" % (path, line, name)


def homonyms(parts, found):
    """Sentences about private names that are public ones with an underscore more."""
    texts = {p.path: p.text for p in parts}
    for name, places in found.items():
        public = name.replace("locust__", "locust_", 1).replace("LOCUST__", "LOCUST_", 1)
        if PRIVATE.fullmatch(name) and public in found and places[0][1] != "m":
            kinds = {kind for _, kind, _ in found[public]}
            body = places[0][1] == "f" and kinds & set("fp") or "struct %s {\n    %s as; // first" % (name, public) in texts[places[0][0]]
            if not body:
                yield "%s:%d: %s is %s but for an underscore" % (places[0][0], places[0][2], name, public)


def too_wide(texts):
    """Sentences about lines that the formatter does not break: comments, above all."""
    for path, text in texts:
        lines = text.split("\n")
        for i, line in enumerate(lines):
            if len(line) > 100 and not lines[i - 1].startswith("#error"):
                yield "%s:%d: is %d columns wide; 100 is the limit" % (path, i + 1, len(line))


def main():
    manifest = read("all.h")
    parts = [Part(path) for path in re.findall(r'^#include "([\w/.-]+)"$', manifest, re.M)]
    problems = ["%s:1: opens with >>%s, not >>%s" % (p.path, p.tag, p.want)
                for p in parts if p.tag != p.want]
    problems += ["%s:1: has %d lines; 800 is the limit" % (p.path, p.text.count("\n"))
                 for p in parts if p.text.count("\n") > 800]
    problems += too_wide([("all.h", manifest)] + [(p.path, p.text) for p in parts])
    if not problems:
        found = definitions(parts)
        by_path = {p.path: p for p in parts}
        owners = {name: by_path[places[0][0]] for name, places in found.items()}
        new = {p.path: with_uses(p, uses_of(p, owners, parts)) for p in parts if p.layer}
        new["all.h"] = with_contents(manifest, parts)
        for path, text in new.items():
            if text != read(path) and "--write" in sys.argv[1:]:
                with open(os.path.join(TOP, path), "w") as file:
                    file.write(text)
            elif text != read(path):
                problems.append("%s:1: its %s not current: `make header`" % (
                    path, "contents are" if path == "all.h" else "`Uses` is"))
        problems += owners_of_names(parts, found)
        problems += homonyms(parts, found)
    sys.stdout.write("".join(p + "\n" for p in problems))
    return 1 if problems and "--write" not in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
