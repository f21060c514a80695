#!/usr/bin/env python3
"""join.py - joins the parts of tools/header into locust.h, and takes an edit of locust.h back.

    tools/join.py                        prints the joined header
    tools/join.py --check locust.h       says where the file is not the joined parts; exit code 1 if so
    tools/join.py --update locust.h      `make header`: writes the file anew if parts were edited, takes
                                         its edits back into the parts if only it was edited, and names
                                         the lines if both were
    tools/join.py --where locust.h:812   the part and the line that this line came from
    tools/join.py --without hgrm,7-protocol/mqtt    prints the header without these parts and folders;
                                         refuses if another part uses one

The manifest all.h is C: a line `#include "5-http/cookie.c"` stands for that part, and every other line
for itself. Joining is concatenation: no line is rewritten, so every edit can be taken back. TOP in the
environment names another folder than tools/header.
"""
import os, re, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.environ.get("TOP", os.path.join(HERE, "header"))
INCLUDE = re.compile(r'#include "([\w/.-]+)"$')
LAST = os.path.join(HERE, "..", "build", "joined.h")  # what --update wrote last


def read(path):
    with open(path) as file:
        return file.read()


def lines_of(name):
    text = read(os.path.join(TOP, name))
    if not text.endswith("\n"):
        sys.exit("join.py: %s does not end with a newline" % name)
    return text.split("\n")[:-1]


def pieces():
    """(part, number of its first line, its lines) in the order of the header; all.h is in several."""
    first, own = 1, []
    for number, line in enumerate(lines_of("all.h"), 1):
        include = INCLUDE.match(line)
        if not include:
            own.append(line)
            continue
        yield "all.h", first, own
        yield include[1], 1, lines_of(include[1])
        first, own = number + 1, []
    yield "all.h", first, own


def joined():
    """(part, line number there, text) of each line of the header."""
    return [(part, first + i, line) for part, first, lines in pieces() for i, line in enumerate(lines)]


def text_of(lines):
    return "".join(line + "\n" for _, _, line in lines)


def show(path):
    return os.path.relpath(os.path.join(TOP, path))


def differences(lines, header):
    """Each edit of the header as (kind a|c|d, first, last line of the join, first, last of the file)."""
    done = subprocess.run(["diff", "-", header], input=text_of(lines), capture_output=True, text=True)
    for m in re.finditer(r"^(\d+)(?:,(\d+))?([acd])(\d+)(?:,(\d+))?$", done.stdout, re.M):
        yield m[3], int(m[1]), int(m[2] or m[1]), int(m[4]), int(m[5] or m[4])


def place(lines, number):
    part, at, _ = lines[min(max(number, 1), len(lines)) - 1]
    return "%s:%d" % (show(part), at)


def check(header):
    lines = joined()
    for _, at, _, now, _ in differences(lines, header):
        print("%s:%d is not as in %s: edit one of them, then `make header`" % (
            header, now, place(lines, at)))
        return 1
    return 0


def back(lines, header):
    """Writes what was edited in the header into the parts that its lines came from."""
    new, edits = read(header).split("\n"), {}
    for kind, a, b, c, d in differences(lines, header):
        part, first, _ = lines[max(a, 1) - 1]
        last_part, last, _ = lines[b - 1]
        if part != last_part:
            sys.exit("join.py: one edit at %s:%d reaches from %s into %s: make it in the parts" % (
                header, c, show(part), show(last_part)))
        old = (first, first) if kind == "a" else (first - 1, last)
        edits.setdefault(part, []).append((old, [] if kind == "d" else new[c - 1:d]))
    for part, changes in edits.items():
        had = lines_of(part)
        for (start, end), now in sorted(changes, key=lambda change: change[0], reverse=True):
            had[start:end] = now
        with open(os.path.join(TOP, part), "w") as file:
            file.write("\n".join(had) + "\n")
        print("%s: took back %d edit%s of %s" % (
            show(part), len(changes), "s" if len(changes) > 1 else "", header))


def known(header):
    """Texts of the header in which file and parts agreed: as joined last, and as committed."""
    texts = [read(LAST)] if os.path.exists(LAST) else []
    folder, name = os.path.split(os.path.abspath(header))
    for version in ("HEAD:./", ":./"):
        done = subprocess.run(["git", "show", version + name], cwd=folder, capture_output=True, text=True)
        texts += [done.stdout] if done.returncode == 0 else []
    return texts


def update(header):
    lines = joined()
    text, had, agreed = text_of(lines), read(header) if os.path.exists(header) else "", known(header)
    if had and text != had and had not in agreed:
        if text not in agreed:
            edits = list(differences(lines, header))
            for _, a, b, c, d in edits[:20]:
                print("%s:%d-%d is not %s" % (header, c, d, place(lines, a)))
            if len(edits) > 20:
                print("and %d more" % (len(edits) - 20))
            sys.exit("join.py: both %s and the parts were edited: bring the lines above together; "
                     "nothing was written" % header)
        back(lines, header)
        text = text_of(joined())
    if text != had:
        with open(header, "w") as file:
            file.write(text)
    os.makedirs(os.path.dirname(LAST), exist_ok=True)
    with open(LAST, "w") as file:
        file.write(text)
    return 0


def where(place_):
    number = place_.rsplit(":", 1)[-1]
    lines = joined()
    if not number.isdigit() or not 1 <= int(number) <= len(lines):
        sys.exit("join.py: --where takes locust.h:LINE, 1 to %d, not \"%s\"" % (len(lines), place_))
    print(place(lines, int(number)))
    return 0


def banner(lines):
    """(tag, tags that it uses) of a part, from its opening comment."""
    text = "\n".join(lines)
    tag = re.search(r"^ \* >>(\w+)", text, re.M)
    uses = re.search(r"^ \* Uses +((?:.*\n)(?: \* {8,}.*\n)*)", text, re.M)
    return tag and tag[1], re.findall(r">>(\w+)", uses[1]) if uses else []


def without(names):
    parts = {part: banner(lines) for part, _, lines in pieces() if part != "all.h"}
    folders = {name: [tag for part, (tag, _) in parts.items() if part.startswith(name + "/")] for name in names}
    names = sum((folders[name] or [name] for name in names), [])
    unknown = set(names) - {tag for tag, _ in parts.values()}
    if unknown:
        sys.exit("join.py: there is no part \"%s\"" % sorted(unknown)[0])
    for part, (tag, uses) in parts.items():
        for name in names:
            if tag not in names and name in uses:
                sys.exit("join.py: cannot leave out %s: %s uses it" % (name, show(part)))
    for part, _, lines in pieces():
        if part == "all.h" or parts[part][0] not in names:
            sys.stdout.write("".join(line + "\n" for line in lines))
    return 0


def main():
    verb, argument = (sys.argv[1:] + [None, None])[:2]
    if not verb:
        sys.stdout.write(text_of(joined()))
        return 0
    actions = {"--check": check, "--update": update, "--where": where,
               "--without": lambda names: without(names.split(","))}
    if verb not in actions or not argument:
        sys.exit(__doc__)
    return actions[verb](argument)


if __name__ == "__main__":
    sys.exit(main())
