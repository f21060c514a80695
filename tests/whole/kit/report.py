"""A report read as one without JavaScript reads it, and what a page must keep to that anybody can use."""
import html.parser, json
from kit.lib import same


class Reading(html.parser.HTMLParser):
    """What a reader without JavaScript has: tables by the id of their section, texts, and the scripts."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.tables, self.scripts, self.tags, self.links = {}, [], [], []
        self.section, self.cell, self.script = "", None, None
        with open(path, encoding="utf-8") as file:
            self.source = file.read()  # strict: all of it is UTF-8
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.links += [attributes[k] for k in ("src", "href") if k in attributes]
        if tag == "section":
            self.section = attributes.get("id", "")
        elif tag == "tr":
            self.tables.setdefault(self.section, []).append([])
        elif tag in ("td", "th"):
            self.cell = ""
        elif tag == "script":
            self.script = ""

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[self.section][-1].append(self.cell)
            self.cell = None
        elif tag == "script":
            self.scripts.append(self.script)
            self.script = None

    def handle_data(self, data):
        if self.script is not None:
            self.script += data
        elif self.cell is not None:
            self.cell += data

    def rows(self, section):
        """The rows of a table as dictionaries by its titles."""
        titles, *rows = self.tables[section]
        titles = [t.replace("\xa0", " ") for t in titles]
        for row in rows:
            same(len(row), len(titles), section, row)
        return [dict(zip(titles, row)) for row in rows]

    def data(self, name):
        """What is assigned to window.NAME, found as programs find it: by its last place in the file."""
        at = self.source.rindex("window.%s = " % name) + len("window.%s = " % name)
        return json.JSONDecoder().raw_decode(self.source[at:])[0]


# Texts whose contrast to what they stand on is too low (WCAG 2.2, 1.4.3: 4.5, and 3 for large ones).
CONTRAST = r"""
const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
const rgb = (text) => (text.match(/[\d.]+/g) || []).map(Number);
const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c.slice(0, 3); } return [255, 255, 255]; };
const bad = [];
for (const e of document.body.querySelectorAll("*")) {
    const own = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent.trim()).join("");
    if (!own || !e.checkVisibility() || e.closest("script,noscript,style") || e.disabled) continue;
    const look = getComputedStyle(e), a = light(rgb(e.namespaceURI.endsWith("svg") ? look.fill : look.color).slice(0, 3)), b = light(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const large = parseFloat(look.fontSize) >= 24 || (parseFloat(look.fontSize) >= 18.66 && look.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.push(own.slice(0, 40) + " " + ratio.toFixed(2));
}
return bad;
"""
# What a keyboard or a screen reader cannot use: controls without a name.
NAMELESS = r"""
return [...document.querySelectorAll("button,a[href],input,select,svg[role=img],[role=region]")].filter((e) => e.checkVisibility()
    && !(e.getAttribute("aria-label") || (e.labels && e.labels.length && e.labels[0].innerText.trim()) || e.innerText || "").trim())
    .map((e) => e.outerHTML.slice(0, 120));
"""
