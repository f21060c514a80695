#!/usr/bin/env python3
"""Proves that code in locust.h uses only what stands above it.

    tools/check_map.py [locust.h]       prints violations as file:line: sentence; exit code 1 if any
    tools/check_map.py --self-test      shows that it finds them, in small broken headers

The sections are the openings `/* ====` / ` * >>tag  title`; the contents are the other lines
` * >>tag ...` of the first comment. Checked is that
  - contents and sections are the same tags in the same order;
  - no private name (locust__x, LOCUST__X) is used in a section above the one that defines it. A
    prototype or `struct x;` is a use. Prototypes with LOCUST_API are not: they are the API;
  - no name is defined in two sections;
  - below the API no public function or function-like macro (locust_x) is called: only its
    definition stands there.
Comments, strings and assembly text do not count; both branches of an #if do.
"""
import bisect, re, sys

TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|[^\s\w]")
PRIVATE = re.compile(r"locust__\w+|LOCUST__\w+")
PUBLIC = re.compile(r"locust_[a-z0-9]\w*")
API = "api"  # the section of public declarations


def blank(text):
    """The text with comments and the insides of strings replaced by spaces; lines stay in place."""
    def spaces(match):
        token = match[0]
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[-1]
        return re.sub(r"[^\n]", " ", token)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', spaces, text,
                  flags=re.S)


class Header:
    def __init__(self, path, text):
        self.path, self.text = path, text
        self.code = blank(text)
        self.starts = [0] + [m.end() for m in re.finditer("\n", text)]
        self.problems = []
        self.find_sections()

    def line(self, at):
        return bisect.bisect_right(self.starts, at)

    def problem(self, at, sentence):
        self.problems.append((self.line(at), "%s:%d: %s" % (self.path, self.line(at), sentence)))

    def find_sections(self):
        """Fills sections with (position, tag), and compares them with the contents."""
        openings = list(re.finditer(r"^/\* =+\n( \* >>(\w+))", self.text, re.M))
        self.sections = [(m.start(), m[2]) for m in openings]
        contents = [(m.start(), m[1])
                    for m in re.finditer(r"^ \* *>>(\w+)", self.text[:self.text.find("*/")], re.M)
                    if m.start() not in [opening.start(1) for opening in openings]]
        tags = [tag for _, tag in self.sections]
        listed = [tag for _, tag in contents]
        # The first comment is itself the section that its first contents line names.
        if contents and listed[0] not in tags:
            self.sections.insert(0, (0, listed[0]))
            tags.insert(0, listed[0])
        if not contents:
            self.problem(0, "the first comment has no contents (lines ` * >>tag`)")
        for at, tag in contents:
            if tag not in tags:
                self.problem(at, "the contents list >>%s, but no section opens with it" % tag)
        for at, tag in self.sections:
            if tag not in listed:
                self.problem(at, "section >>%s is missing in the contents" % tag)
            if tags.count(tag) > 1:
                self.problem(at, "section >>%s opens more than once" % tag)
        common = [tag for tag in listed if tag in tags]
        for (at, tag), want in zip([s for s in self.sections if s[1] in listed], common):
            if tag != want:
                self.problem(at, "section >>%s stands where the contents list >>%s" % (tag, want))
                break

    def section(self, at):
        """The index of the section around a position; what precedes the first belongs to it."""
        return max(0, bisect.bisect_right(self.sections, (at, "~")) - 1)

    def tag(self, index):
        return self.sections[index][1]


def directives(code):
    """(position, text) of each preprocessor directive, continued lines included."""
    for m in re.finditer(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", code, re.M):
        yield m.start(), m[0]


def chunks(header):
    """Yields top-level pieces as lists of (token, position): a declaration, a type, or a function
    with its body. Braces in both branches of an #if are counted once."""
    code = header.code
    stops = [(at, text) for at, text in directives(code)]
    blanked = list(code)
    for at, text in stops:
        for i in range(at, at + len(text)):
            if blanked[i] != "\n":
                blanked[i] = " "
    # A directive becomes one token of its own, for the depth below.
    tokens = [(m[0], m.start()) for m in TOKEN.finditer("".join(blanked))]
    tokens += [("#" + re.match(r"\s*#\s*(\w*)", text)[1], at) for at, text in stops]
    tokens.sort(key=lambda token: token[1])
    depth, stack, piece = 0, [], []
    for token, at in tokens:
        if token.startswith("#"):
            if token.startswith("#if"):
                stack.append([depth, False])
            elif token in ("#else", "#elif") and stack:
                depth, stack[-1][1] = stack[-1][0], token == "#else"
            elif token == "#endif" and stack:
                was, had_else = stack.pop()
                depth = depth if had_else else was
            continue
        piece.append((token, at))
        if token == "{":
            if depth == 0 and len(piece) >= 2 and [t for t, _ in piece[-4:-1]][:1] == ["extern"]:
                piece = []  # extern "C" {
                continue
            depth += 1
        elif token == "}":
            depth = max(0, depth - 1)
            if depth == 0 and is_function(piece):
                yield piece
                piece = []
        elif token == ";" and depth == 0:
            yield piece
            piece = []
    if piece:
        yield piece


def is_function(piece):
    """Is this piece, which begins at the top level and has a { }, a function definition?"""
    words = [token for token, _ in piece]
    head = words[:words.index("{")] if "{" in words else words
    return bool(head) and head[-1] == ")" and "=" not in head


def function_name(piece):
    """(name, position): what stands before the last parentheses in front of the body or the end."""
    words = [token for token, _ in piece]
    end = words.index("{") if "{" in words else len(words)
    depth, name = 0, None
    for i in range(end):
        if words[i] == "(":
            if depth == 0 and i and re.match(r"[A-Za-z_]", words[i - 1]) and (
                    name is None or "{" in words):
                name = piece[i - 1]
            depth += 1
        elif words[i] == ")":
            depth -= 1
    return name


def definitions(header):
    """name -> {position: "full" or "declared"}, for private and public names."""
    found = {}

    def add(name, at, kind):
        found.setdefault(name, {})[at] = kind

    for at, text in directives(header.code):
        m = re.match(r"\s*#\s*define\s+(\w+)", text)
        if m:
            add(m[1], at + m.start(1), "full")
    for piece in chunks(header):
        words = [token for token, _ in piece]
        typedef = "typedef" in words[:2]
        if "{" in words and is_function(piece):
            name = function_name(piece)
            if name:
                add(*name, "full")
            continue
        for i, word in enumerate(words):
            if word not in ("struct", "union", "enum") or i + 2 >= len(words):
                continue
            if words[i + 2] == "{":
                add(*piece[i + 1], "full")
            if word == "enum" and "{" in words[i + 1:i + 3]:
                j = words.index("{", i) + 1
                while j < len(words) and words[j] != "}":
                    if words[j - 1] in "{,":
                        add(*piece[j], "full")
                    j += 1
        # What is declared stands outside all brackets and is followed by one of these.
        depth, called = 0, False
        for i, (word, at) in enumerate(piece[:-1]):
            after = words[i + 1]
            if word in "([{":
                depth += 1
            elif word in ")]}":
                depth -= 1
            elif depth == 0 and after in ("=", ";", ",", "[") and re.match(r"[A-Za-z_]", word):
                before = words[i - 1] if i else ""
                forward = before in ("struct", "union", "enum") or "extern" in words[:1] or called
                same = typedef and "{" not in words and words.count(word) > 1
                add(word, at, "declared" if forward or same else "full")
            elif depth == 0 and after == "(" and re.match(r"[A-Za-z_]", word):
                called = True
                add(word, at, "declared")
            elif typedef and depth == 1 and i >= 2 and words[i - 2:i] == ["(", "*"]:
                add(word, at, "full")
    return found


def check(path, text):
    header = Header(path, text)
    if not header.sections:
        return header.problems
    found = definitions(header)
    tags = [tag for _, tag in header.sections]
    api = tags.index(API) if API in tags else 0
    api_names = {m[1]: header.section(m.start())
                 for m in re.finditer(r"\bLOCUST_API\b[^;{}()]*?\b(locust_\w+)\s*\(", header.code)}
    macros = set(re.findall(r"^#define\s+(locust_[a-z0-9]\w*)\(", header.code, re.M))
    undefined = set(re.findall(r"^#undef\s+(\w+)", header.code, re.M))

    owner = {}
    for name, places in found.items():
        full = sorted(at for at, kind in places.items() if kind == "full")
        if not PRIVATE.fullmatch(name):
            continue
        owner[name] = header.section(full[0] if full else min(places))
        for at in full[1:]:
            if header.section(at) != owner[name] and name not in undefined:
                header.problem(at, "%s is defined in >>%s and again in >>%s" % (
                    name, header.tag(owner[name]), header.tag(header.section(at))))

    for m in re.finditer(r"\b[A-Za-z_]\w*", header.code):
        name, at, here = m[0], m.start(), header.section(m.start())
        if PRIVATE.fullmatch(name):
            if here < owner.get(name, here) and not (here <= api and name in api_names):
                header.problem(at, ">>%s uses %s, which >>%s defines below it" % (
                    header.tag(here), name, header.tag(owner[name])))
        elif here > api and (name in api_names or name in macros) and PUBLIC.fullmatch(name):
            if at not in found.get(name, {}) and re.match(r"\s*\(", header.code[m.end():]):
                header.problem(at, ">>%s calls %s: the implementation calls private functions only"
                               % (header.tag(here), name))
    return [sentence for _, sentence in sorted(header.problems)]


SELF_TEST_HEADER = r"""/* toy
 *   >>intro  this
 *   >>api    public
 *   >>base   helpers
 *   >>top    the rest
 */
/* ====
 * >>api  public
 * ==== */
#ifdef __cplusplus
extern "C" {
#endif
typedef struct locust_thing locust_thing;
typedef void (*locust_task_fn)(locust_thing *);
LOCUST_API int locust_go(locust_thing *t);
LOCUST_API void *locust__go_slow(const char *name);
#define locust_go_fast(t) locust_go((t))
#define LOCUST_GO(t) locust__go_slow("x")
#ifdef __cplusplus
}
#endif
/* ====
 * >>base  helpers, not locust__top_run
 * ==== */
#define LOCUST__TWO 2
enum { LOCUST__A, LOCUST__B = LOCUST__TWO };
typedef struct locust__pair {
    int a[LOCUST__TWO], b;
} locust__pair;
typedef int (*locust__pair_fn)(locust__pair *p);
static int locust__base_hidden(void);
static locust__pair locust__pairs[LOCUST__B] = {{{1, 2}, 3}};
#if LOCUST__TWO
static int locust__base_add(int a) {
#else
static int locust__base_add(long a) {
#endif
    return a ? locust__pairs[0].b : locust__base_hidden(); // then locust__top_run
}
static int locust__base_hidden(void) { const char *s = "locust__top_run"; return !s; }
/*BASE*/
/* ====
 * >>top  the rest
 * ==== */
static int locust__top_run(locust__pair *p) { return locust__base_add(p->b) + LOCUST__A; }
LOCUST_API void *locust__go_slow(const char *name) { return (void *)name; }
LOCUST_API int locust_go(locust_thing *t) { return t ? locust__top_run(0) : 0; }
/*TOP*/
"""
SELF_TESTS = [  # what it shows, text, its replacement, what must be said (None: nothing)
    ("a good header", "", "", None),
    ("a call of a later function", "/*BASE*/", "static int locust__x(void) { locust__top_run(0); }",
     ">>base uses locust__top_run"),
    ("a forward declaration", "/*BASE*/", "static int locust__top_run(locust__pair *p);",
     ">>base uses locust__top_run"),
    ("an upper macro", "/*BASE*/", "#define LOCUST__M(x) \\\n    locust__top_run(x)",
     ":42: >>base uses locust__top_run"),
    ("a public call below the API", "/*TOP*/", "static int locust__y(void) { return locust_go(0); }",
     "calls locust_go:"),
    ("a public macro below the API", "/*TOP*/", "static int locust__y(void) { locust_go_fast(0); }",
     "calls locust_go_fast:"),
    ("a name in two sections", "/*TOP*/", "#define LOCUST__TWO 3", "defined in >>base and again"),
    ("a lost section", " * >>base  helpers", " * base  helpers", "list >>base, but no section"),
    ("an unlisted section", " *   >>base   helpers\n", "", "section >>base is missing"),
    ("the wrong order", " *   >>base   helpers\n *   >>top    the rest\n",
     " *   >>top    the rest\n *   >>base   helpers\n", "stands where the contents list"),
    ("an internal name in the API", "typedef struct locust_thing",
     "typedef locust__pair locust_pair;\ntypedef struct locust_thing", ">>api uses locust__pair"),
    ("an API name called too early", "/*BASE*/", "static int locust__z(void) { locust__go_slow(0); }",
     ">>base uses locust__go_slow"),
]
SELF_TEST_PAIRS = [  # two replacements at once: the upper text, the lower text, what must be said
    ("a later type", "struct locust__low *locust__p;", "struct locust__low { int a; };",
     ">>base uses locust__low"),
    ("an opaque typedef", "typedef struct locust__low locust__low;", "struct locust__low { int a; };",
     ">>base uses locust__low"),
    ("a later constant", "static int locust__c[LOCUST__LATE];", "enum locust__e { LOCUST__LATE = 3 };",
     ">>base uses LOCUST__LATE"),
    ("a later variable", "static int locust__v(void) { return locust__late; }",
     "static int locust__late;", ">>base uses locust__late"),
]


def self_test():
    cases = [(name, SELF_TEST_HEADER.replace(old, new) if old else SELF_TEST_HEADER, want)
             for name, old, new, want in SELF_TESTS]
    cases += [(name, SELF_TEST_HEADER.replace("/*BASE*/", up).replace("/*TOP*/", low), want)
              for name, up, low, want in SELF_TEST_PAIRS]
    bad = 0
    for name, text, want in cases:
        said = check("toy.h", text)
        right = any(want in sentence for sentence in said) if want else not said
        if not right:
            bad += 1
            print("self-test \"%s\": wants %s, got %s" % (name, want, said))
    print("self-test: %d cases, %d wrong" % (len(cases), bad))
    return 1 if bad else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    path = sys.argv[1] if len(sys.argv) > 1 else "locust.h"
    with open(path) as file:
        problems = check(path, file.read())
    print("\n".join(problems) if problems else "%s: every section uses what stands above it" % path)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
