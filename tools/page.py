#!/usr/bin/env python3
"""page.py - makes a part of the web page: tools/header/9-outside/page/page.html, .css and .js become page.c.

    tools/page.py            writes the part anew (`make header` does that first)
    tools/page.py --check    exit code 1 if the part is not what its sources make, or too large
    tools/page.py --html     prints the page as the program holds it, in one file
    TOP=FOLDER               another tools/header

The page is small by simple means: comments go, and blanks where lines begin and end; nothing is renamed. So
the sources follow two rules: no line of a script depends on a line end that a blank cannot stand for, and
comments begin a line, or follow a blank. A line of HTML `<!--TABLES-->` and one `/*DATA*/` of the script
part it in three pieces: a report has its tables and its data there.
"""
import os, re, sys

TOP = os.environ.get("TOP", os.path.join(os.path.dirname(os.path.abspath(__file__)), "header"))
FOLDER = os.path.join(TOP, "9-outside", "page")
PART = os.path.join(FOLDER, "page.c")
LIMIT = 64 * 1024
MARKS = ("<!--TABLES-->", "/*DATA*/")
LITERAL = 3900  # bytes of one string: a C compiler need not take more than 4095
BANNER = """/* ============================================================================================
 * >>page  the web page, generated
 *
 * Purpose     the page that watches and steers a test, and that a report is: page.html, page.css
 *             and page.js beside this part, made by tools/page.py (`make header`).
 * Invariants  the page asks for nothing but the routes of the program that serves it.
 * Names       locust__page_
 * Limits      %d KB of the program.
 * ============================================================================================ */

enum { LOCUST__PAGE_TOP, LOCUST__PAGE_MIDDLE, LOCUST__PAGE_END, LOCUST__PAGE_PIECES };

// clang-format off
"""
END = """// clang-format on

/* Adds a piece of the page. Between the first and the second stand the tables of a report, between
 * the second and the third, in a script, its data. */
static void locust__page_put(locust__buf *out, int piece)
{
    const char *const *pieces[LOCUST__PAGE_PIECES] = {
        locust__page_top, locust__page_middle, locust__page_end};
    for (const char *const *p = pieces[piece]; *p; p++)
        locust__buf_puts(out, *p);
}
"""


def read(name):
    with open(os.path.join(FOLDER, name), encoding="ascii") as file:
        return file.read()


def small_css(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" ?([{};,]) ?", r"\1", text)
    return re.sub(r": ", ":", text).replace(";}", "}").strip()


def small_js(text):
    """Without comments and indentation. A comment stands on lines of its own, or behind two blanks."""
    text = re.sub(r"(?m)^\s*/\*(?!DATA).*?\*/\s*?\n", "", text, flags=re.S)
    text = re.sub(r"(?m)^\s*//.*\n", "", text)
    text = re.sub(r"(?m)  // .*$", "", text)
    lines = [line.strip() for line in text.split("\n")]
    return "\n".join(line for line in lines if line)


def small_html(text):
    text = re.sub(r"<!--(?!TABLES).*?-->", "", text, flags=re.S)
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())


def page():
    html = small_html(read("page.html"))
    html = html.replace("{{css}}", small_css(read("page.css"))).replace("{{js}}", small_js(read("page.js")))
    for mark in MARKS:
        if html.count(mark) != 1:
            sys.exit("page.py: the page has %s %d times, not once" % (mark, html.count(mark)))
    return html + "\n"


def literals(text):
    """Lines of C for a text: strings that follow each other are one, up to a comma."""
    lines, size, line, n = [], 0, "", 0
    for i, c in enumerate(text):
        known = {"\n": "\\n", '"': '\\"', "\\": "\\\\"}.get(c, c)
        if c == "?" and i and text[i - 1] == "?":
            known = "\\?"  # no trigraph
        if n + 1 > LITERAL or len(line) + len(known) > 92:
            lines.append('    "%s"%s' % (line, "," if n + 1 > LITERAL else ""))
            line, n = "", 0 if n + 1 > LITERAL else n
        line += known
        n += 1
    return "\n".join(lines + ['    "%s",' % line, "    NULL,"])


def part():
    text = page()
    top, rest = text.split(MARKS[0])
    middle, end = rest.split(MARKS[1])
    if len(text) > LIMIT:
        sys.exit("page.py: the page has %d bytes, more than %d" % (len(text), LIMIT))
    out = BANNER % -(-len(text) // 1024)
    for name, piece in ("top", top), ("middle", middle), ("end", end):
        out += "static const char *const locust__page_%s[] = {\n%s\n};\n\n" % (name, literals(piece))
    return out[:-1] + END


def main(args):
    if args == ["--html"]:
        sys.stdout.write(page())
        return
    if args not in ([], ["--check"]):
        sys.exit(__doc__)
    new = part()
    old = open(PART).read() if os.path.exists(PART) else ""
    if args and new != old:
        sys.exit("page.py: page.c is not what page.html, page.css and page.js make: run `make header`")
    if not args and new != old:
        with open(PART, "w") as file:
            file.write(new)


main(sys.argv[1:])
