"use strict";
// The page has two lives. In a report its tables stand in the HTML already (#report): the script draws the
// charts and makes the tables sortable. At the root of a running program it builds everything from what the
// program answers: Locust's stats/requests, exceptions, tasks, logs, and locust-h/state with the rest.
(() => {
const args = window["templateArgs"] || {};
const report = document.getElementById("report");
let state = window["locustState"] || {};

// ---- elements and numbers ----

const SVG = "http://www.w3.org/2000/svg";

function put(e, attributes, kids) {
    for (const [k, v] of Object.entries(attributes || {})) {
        if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
        else if (v === true) e.setAttribute(k, "");
        else if (v !== false && v != null) e.setAttribute(k, v);
    }
    e.append(...kids.flat().filter((kid) => kid != null && kid !== false));
    return e;
}
const el = (tag, attributes, ...kids) => put(document.createElement(tag), attributes, kids);
const draw = (tag, attributes, ...kids) => put(document.createElementNS(SVG, tag), attributes, kids);


function fixed(v, digits) {
    if (v == null || isNaN(v)) return "\u2013";
    const [whole, rest] = Number(v).toFixed(digits).split(".");
    return whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f") + (rest ? "." + rest : "");
}
const count = (v) => fixed(v, 0);
const rate = (v) => fixed(v, 2);
// Three digits that say something, from microseconds to minutes.
const ms = (v) => fixed(v, v == null || v >= 100 ? 0 : v >= 10 ? 1 : v >= 1 ? 2 : 3);
const span = (s) => {
    s = Math.max(0, Math.round(s));
    const two = (n) => String(n).padStart(2, "0");
    return (s >= 3600 ? Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) : Math.floor(s / 60)) + ":" + two(s % 60);
};
const bytes = (v) => v >= 1 << 20 ? fixed(v / (1 << 20), 2) + " MB" : fixed(v / 1024, 1) + " KB";
const clock = (s, seconds) => {
    const d = new Date(s * 1000), two = (n) => String(n).padStart(2, "0");
    return two(d.getHours()) + ":" + two(d.getMinutes()) + (seconds === false ? "" : ":" + two(d.getSeconds()));
};
const store = {
    get(key) { try { return localStorage.getItem(key); } catch (e) { return null; } },
    set(key, value) { try { localStorage.setItem(key, value); } catch (e) { /* a file may have none */ } },
};
const voice = el("div", {class: "hide", role: "status", "aria-live": "polite"});
const say = (text) => { voice.textContent = text; };

// ---- theme ----

const root = document.documentElement;
const charts = [];  // all that draws
const wishes = matchMedia("(prefers-color-scheme: dark)");
const theme = () => store.get("theme") || window["theme"] || (wishes.matches ? "dark" : "light");
function dress(name) {
    root.dataset.theme = name;
    for (const b of document.querySelectorAll(".theme")) b.setAttribute("aria-pressed", name === "dark");
}
const themeButton = () => el("button", {class: "icon theme", type: "button", "aria-label": "Dark theme", title: "Dark or light",
    "aria-pressed": root.dataset.theme === "dark", onclick() {
        const name = root.dataset.theme === "dark" ? "light" : "dark";
        store.set("theme", name);
        dress(name);
    }}, draw("svg", {width: 20, height: 20, viewBox: "0 0 20 20", "aria-hidden": true},
    draw("circle", {cx: 10, cy: 10, r: 7, fill: "none", stroke: "currentColor", "stroke-width": 2}),
    draw("path", {d: "M10 3a7 7 0 0 1 0 14z", fill: "currentColor"})));
dress(report && window["theme"] === "dark" ? "dark" : theme());
wishes.addEventListener("change", () => dress(theme()));
// Paper is white.
addEventListener("beforeprint", () => { root.dataset.theme = "light"; charts.forEach((c) => c.draw(440)); });
addEventListener("afterprint", () => { dress(theme()); charts.forEach((c) => c.draw()); });

// ---- charts ----

// What several charts share: the part of the time axis that is shown, and the cursor.
const time = {charts: [], range: null, at: null};
function show(shared) { shared.charts.forEach((c) => c.draw()); }
function point(shared, x, by) {
    shared.at = x;
    shared.charts.forEach((c) => c.point(by));
}

function nice(max, n) {
    const raw = max / n, e = 10 ** Math.floor(Math.log10(raw || 1)), f = raw / e;
    return (f <= 1 ? 1 : f <= 2 ? 2 : f <= 5 ? 5 : 10) * e;
}
const SPANS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
function timeTicks(from, to, n) {
    const step = SPANS.find((s) => (to - from) / s <= n) || 86400 * Math.ceil((to - from) / 86400 / n);
    const zone = new Date(from * 1000).getTimezoneOffset() * 60, ticks = [];
    for (let t = Math.ceil((from - zone) / step) * step + zone; t <= to; t += step) ticks.push([t, clock(t, step < 60)]);
    return ticks;
}
// Shares stand at how many nines they have.
const nines = (share) => -Math.log10(1 - share);
const shareText = (share) => String(+(100 * share).toFixed(6)) + "%";
function shareTicks(from, to) {
    return [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999].map((s) => [nines(s), shareText(s)])
        .filter(([x]) => x >= from && x <= to);
}

// A picture of a chart, as it is on the screen.
function savePicture(chart) {
    const from = chart.svg, to = from.cloneNode(true);
    const [, , w, h] = from.getAttribute("viewBox").split(" ").map(Number);
    const parts = [...from.querySelectorAll("*")], copies = [...to.querySelectorAll("*")];
    parts.forEach((part, i) => {
        const look = getComputedStyle(part);
        for (const k of ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "stroke-linecap", "opacity",
            "font-size", "font-family"]) copies[i].style.setProperty(k, look.getPropertyValue(k));
    });
    const look = getComputedStyle(root), ink = look.getPropertyValue("--ink"), head = 26;
    const frame = draw("svg", {xmlns: SVG, width: w, height: h + head, "font-family": "sans-serif"},
        draw("rect", {width: "100%", height: "100%", fill: look.getPropertyValue("--card")}),
        draw("text", {x: 8, y: 18, "font-size": 14, "font-weight": "bold", fill: ink}, chart.o.title));
    let x = w - 8;
    for (const s of (chart.o.series || []).filter((one) => !chart.hidden.has(one.key)).reverse()) {
        frame.append(draw("text", {x, y: 18, "font-size": 12, "text-anchor": "end", fill: look.getPropertyValue(s.color)}, s.label));
        x -= s.label.length * 6.6 + 16;
    }
    to.setAttribute("y", head);
    to.setAttribute("width", w);
    to.setAttribute("height", h);
    frame.append(to);
    const image = new Image();
    image.onload = () => {
        const canvas = el("canvas", {width: 2 * w, height: 2 * (h + head)});
        const pen = canvas.getContext("2d");
        pen.scale(2, 2);
        pen.drawImage(image, 0, 0);
        canvas.toBlob((blob) => {
            const url = URL.createObjectURL(blob);
            el("a", {href: url, download: chart.o.title.replace(/\W+/g, "_").toLowerCase() + ".png"}).click();
            setTimeout(() => URL.revokeObjectURL(url), 10000);
        });
    };
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(new XMLSerializer().serializeToString(frame));
}

// What all charts have: frame, title, buttons, legend, axes, cursor, zoom.
class Chart {
    constructor(o, shared) {
        this.o = o;
        this.shared = shared || {charts: [], range: null, at: null};
        this.shared.charts.push(this);
        charts.push(this);
        this.xs = [];
        this.hidden = new Set();
        this.log = o.log || false;
        this.svg = draw("svg", {tabindex: 0, role: "img", "aria-label": o.title});
        this.tip = el("div", {class: "tip", hidden: true});
        this.plot = el("div", {class: "plot"}, this.svg, this.tip);
        this.reset = el("button", {type: "button", hidden: true, onclick: () => this.zoom(null)}, "Reset zoom");
        this.legend = el("div", {class: "legend"});
        const scale = o.scale && el("button", {type: "button", "aria-pressed": this.log, onclick: () => {
            this.log = !this.log;
            scale.setAttribute("aria-pressed", this.log);
            this.draw();
        }}, "Log scale");
        this.box = el("figure", {class: "card"}, el("figcaption", {}, el("h3", {}, o.title), this.reset, scale,
            el("button", {type: "button", "aria-label": "Save " + o.title + " as a picture", title: "Save as PNG",
                onclick: () => savePicture(this)}, "Save PNG")), this.legend, this.plot);
        for (const s of o.series || []) {
            const button = el("button", {type: "button", "aria-pressed": true, onclick: () => {
                if (!this.hidden.delete(s.key)) this.hidden.add(s.key);
                button.setAttribute("aria-pressed", !this.hidden.has(s.key));
                this.draw();
            }}, el("i", {style: "background:var(" + s.color + ")"}), s.label);
            this.legend.append(button);
        }
        this.listen();
        new ResizeObserver(() => this.plot.clientWidth !== this.drawn && this.draw()).observe(this.plot);
    }
    listen() {
        const x = (e) => {
            const box = this.svg.getBoundingClientRect();
            return this.toX((e.clientX - box.left) / box.width * this.w);
        };
        let from = null;
        this.svg.addEventListener("pointermove", (e) => {
            if (!this.xs.length) return;
            point(this.shared, x(e), this);
            if (from !== null) this.mark(from, x(e));
        });
        this.svg.addEventListener("pointerleave", () => from === null && point(this.shared, null));
        this.svg.addEventListener("pointerdown", (e) => {
            if (e.button || e.pointerType === "touch") return;
            from = x(e);
            this.svg.setPointerCapture(e.pointerId);
        });
        this.svg.addEventListener("pointerup", (e) => {
            if (from === null) return;
            const to = x(e), [a, b] = [Math.min(from, to), Math.max(from, to)];
            from = null;
            this.mark(null);
            if (b - a > (this.x1 - this.x0) / 100) this.zoom([a, b]);
        });
        this.svg.addEventListener("pointercancel", () => { from = null; this.mark(null); });
        this.svg.addEventListener("dblclick", () => this.zoom(null));
        this.svg.addEventListener("blur", () => point(this.shared, null));
        this.svg.addEventListener("keydown", (e) => this.key(e));
    }
    key(e) {
        const n = this.xs.length, now = this.shared.at === null ? n - 1 : this.nearest(this.shared.at);
        const to = {ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: n - 1}[e.key];
        if (!n) return;
        if (to !== undefined) {
            point(this.shared, this.xs[Math.max(0, Math.min(n - 1, to))], this);
            say(this.words());
        } else if (e.key === "+" || e.key === "-") {
            const mid = this.xs[now], half = (this.x1 - this.x0) * (e.key === "+" ? 0.25 : 1);
            this.zoom([mid - half, mid + half]);
        } else if (e.key === "Escape") {
            this.zoom(null);
        } else return;
        e.preventDefault();
    }
    zoom(range) {
        const lo = this.lo(), hi = this.hi();
        this.shared.range = range && (range[0] > lo || range[1] < hi) ? [Math.max(lo, range[0]), Math.min(hi, range[1])] : null;
        show(this.shared);
    }
    lo() { return this.xs[0]; }
    hi() { return this.xs[this.xs.length - 1]; }
    toX(px) { return this.x0 + (px - 58) / (this.w - 70) * (this.x1 - this.x0); }
    px(x) { return 58 + (x - this.x0) / (this.x1 - this.x0 || 1) * (this.w - 70); }
    nearest(x) {
        let best = 0;
        this.xs.forEach((one, i) => { if (Math.abs(one - x) < Math.abs(this.xs[best] - x)) best = i; });
        return best;
    }
    mark(from, to) {
        if (this.band) this.band.remove();
        if (from === null) return;
        const a = this.px(Math.min(from, to)), b = this.px(Math.max(from, to));
        this.band = draw("rect", {class: "box", x: a, y: 10, width: b - a, height: this.h - 36});
        this.svg.append(this.band);
    }
    // Begins a picture: false if there is nothing to show or nowhere to show it.
    begin(width) {
        const w = width || this.plot.clientWidth;
        if (!w) return false;
        this.drawn = w;
        this.w = Math.max(w, 260);
        this.h = this.o.height || 260;
        this.svg.setAttribute("viewBox", "0 0 " + this.w + " " + this.h);
        this.svg.replaceChildren();
        this.reset.hidden = !this.shared.range;
        this.svg.style.cursor = this.xs.length ? "" : "default";
        if (!this.xs.length) {
            this.svg.append(draw("text", {x: this.w / 2, y: this.h / 2, "text-anchor": "middle"}, this.o.empty || "No data yet"));
            return false;
        }
        [this.x0, this.x1] = this.shared.range || [this.lo(), this.hi()];
        if (this.x1 <= this.x0) this.x1 = (this.x0 -= 0.5) + 1;
        return true;
    }
    axes(ticks) {
        const bottom = this.h - 26, n = Math.max(2, Math.floor(this.w / 95));
        for (const [y, text] of ticks) {
            const at = this.py(y);
            this.svg.append(draw("line", {class: "grid", x1: 58, x2: this.w - 12, y1: at, y2: at}),
                draw("text", {x: 52, y: at + 4, "text-anchor": "end"}, text));
        }
        const xs = this.o.shares ? shareTicks(this.x0, this.x1) : timeTicks(this.x0, this.x1, n);
        let last = -99;
        for (const [x, text] of xs) {
            const at = this.px(x), room = text.length * 3.5;
            if (at - room < last) continue;
            last = at + room + 6;
            this.svg.append(draw("line", {class: "grid", x1: at, x2: at, y1: bottom, y2: bottom + 5}),
                draw("text", {x: Math.min(at, this.w - room), y: bottom + 18, "text-anchor": "middle"}, text));
        }
    }
    py(y) {
        const h = this.h - 36;
        if (this.log) return 10 + h - h * Math.max(0, Math.log10(y / this.y0) / Math.log10(this.y1 / this.y0));
        return 10 + h - h * y / this.y1;
    }
    point(by) {
        if (this.cross) this.cross.remove();
        const x = this.shared.at, out = x === null || !this.xs.length || x < this.x0 || x > this.x1;
        this.tip.hidden = out;
        if (out || !this.w) return;
        const at = this.nearest(x), px = this.px(this.xs[at]);
        this.cross = draw("line", {class: "cross", x1: px, x2: px, y1: 10, y2: this.h - 26});
        this.svg.append(this.cross);
        this.tip.replaceChildren(...this.tell(at, by === this));
        const scale = this.plot.clientWidth / this.w, left = px * scale;
        const right = left > this.plot.clientWidth / 2;
        this.tip.style.left = right ? "auto" : left + 12 + "px";
        this.tip.style.right = right ? this.plot.clientWidth - left + 12 + "px" : "auto";
    }
    head(at) {
        const x = this.xs[at];
        return this.o.shares ? shareText(x >= this.top ? 1 : 1 - 10 ** -x) + " of requests" : clock(x);
    }
    words() { return this.o.title + ". " + this.tip.innerText.replace(/\s+/g, " "); }
}

class Lines extends Chart {
    set(xs, columns) {
        this.xs = xs;
        this.columns = columns;
        this.draw();
    }
    seen() { return this.o.series.filter((s) => !this.hidden.has(s.key) && this.columns[s.key]); }
    draw(width) {
        if (!this.begin(width)) return;
        let max = 0, min = Infinity;
        for (const s of this.seen()) this.columns[s.key].forEach((v, i) => {
            if (v == null || this.xs[i] < this.x0 || this.xs[i] > this.x1) return;
            max = Math.max(max, v);
            if (v > 0) min = Math.min(min, v);
        });
        const ticks = [];
        if (this.log && max > 0) {
            this.y0 = 10 ** Math.floor(Math.log10(min));
            this.y1 = 10 ** Math.ceil(Math.log10(max * 1.0001));
            for (let y = this.y0; y <= this.y1 * 1.001; y *= 10) ticks.push([y, +y.toPrecision(1) + ""]);
        } else {
            const step = nice(max || 1, 4);
            this.y0 = 0;
            this.y1 = Math.max(step, Math.ceil(max * 1.02 / step) * step);
            for (let y = 0; y <= this.y1 * 1.001; y += step) ticks.push([y, short(y, step)]);
        }
        this.axes(ticks);
        const runs = this.columns.run || [];
        runs.forEach((run, i) => {
            if (!i || run === runs[i - 1] || this.xs[i] < this.x0 || this.xs[i] > this.x1) return;
            const at = this.px(this.xs[i]);
            this.svg.append(draw("line", {class: "mark", x1: at, x2: at, y1: 10, y2: this.h - 26}),
                draw("text", {x: at + 4, y: 20}, "Run #" + run));
        });
        for (const s of this.seen()) this.svg.append(draw("path", {class: "line", d: this.path(this.columns[s.key], runs),
            style: "stroke:var(" + s.color + ")", "stroke-dasharray": s.dash}));
        this.point();
    }
    path(ys, runs) {
        let d = "", pen = false;
        this.xs.forEach((x, i) => {
            const next = this.xs[i + 1], y = ys[i];
            const out = (x < this.x0 && !(next >= this.x0)) || (x > this.x1 && !(this.xs[i - 1] <= this.x1));
            if (y == null || out || runs[i] !== runs[i - 1]) pen = false;
            if (y == null || out) return;
            const px = Math.max(58, Math.min(this.w - 12, this.px(x))).toFixed(1), py = this.py(y).toFixed(1);
            d += (pen ? "L" : "M") + px + " " + py + (pen ? "" : "h.1");
            pen = true;
        });
        return d;
    }
    tell(at) {
        return [el("b", {}, this.head(at)), el("table", {}, el("tbody", {}, this.seen().map((s) => el("tr", {},
            el("td", {}, el("i", {style: "background:var(" + s.color + ")"}), s.label),
            el("td", {class: "n"}, (s.format || this.o.format)(this.columns[s.key][at]))))))];
    }
}
const short = (v, step) => v >= 1e6 ? fixed(v / 1e6, step < 1e5 ? 2 : 1) + "M" : v >= 1e4 ? fixed(v / 1e3, step < 100 ? 2 : step < 1000 ? 1 : 0) + "k" :
    fixed(v, step >= 1 ? 0 : Math.min(3, Math.ceil(-Math.log10(step))));

// How the times of each slice spread: a column for each, darker where more requests were.
class Heat extends Chart {
    constructor(o, shared) {
        super(o, shared);
        this.legend.append(el("span", {class: "dim"}, "few\u00a0"),
            ...[0, 1, 2, 3, 4, 5, 6, 7].map((i) => el("i", {class: "sq", style: "background:var(--h" + i + ")"})),
            el("span", {class: "dim"}, "\u00a0many requests"));
    }
    set(columns, edges) {
        this.columns = columns;
        this.edges = edges;
        this.xs = columns.map((c) => c[0]);
        this.draw();
    }
    from(i) {
        const x = this.xs[i], step = this.step || 1;
        return i && x - this.xs[i - 1] < 3 * step ? this.xs[i - 1] : x - step;
    }
    lo() { return this.from(0); }
    draw(width) {
        this.step = this.xs.length > 1 ? [...this.xs].map((x, i, a) => x - a[i - 1]).slice(1).sort((a, b) => a - b)[this.xs.length >> 1] || 1 : 1;
        if (!this.begin(width)) return;
        let low = Infinity, high = 0, most = 0;
        for (const [, cells] of this.columns) for (const [cls, n] of cells) {
            low = Math.min(low, cls);
            high = Math.max(high, cls);
            most = Math.max(most, n);
        }
        if (low > high) low = high = 0;
        this.low = Math.max(0, low - 1);
        this.high = high + 2;
        const ticks = [];
        for (let p = -3; p < 7; p++) for (const f of [1, 2, 5]) {
            const v = f * 10 ** p, at = this.cls(v);
            if (at >= this.low && at <= this.high) ticks.push([v, v >= 1000 ? fixed(v / 1000, 0) + " s" : +v.toPrecision(1) + " ms"]);
        }
        while (ticks.length > 9) ticks.splice(0, ticks.length, ...ticks.filter((t, i) => i % 2));
        this.axes(ticks);
        const paths = Array(8).fill("");
        this.columns.forEach(([x, cells], i) => {
            const a = Math.max(58, this.px(this.from(i))), b = Math.min(this.w - 12, this.px(x));
            if (b <= a) return;
            for (const [cls, n] of cells) {
                const level = Math.min(7, Math.floor(8 * Math.log(1 + n) / Math.log(1 + most)));
                const y = this.row(cls + 1), h = this.row(cls) - y;
                paths[level] += "M" + a.toFixed(1) + " " + y.toFixed(1) + "h" + (b - a + 0.4).toFixed(1) + "v" + (h + 0.4).toFixed(1) + "H" + a.toFixed(1) + "z";
            }
        });
        paths.forEach((d, i) => d && this.svg.append(draw("path", {d, style: "fill:var(--h" + i + ")"})));
        this.point();
    }
    // Where a time stands among the classes.
    cls(v) {
        const edges = this.edges;
        let i = 0;
        while (edges[i + 1] != null && edges[i + 1] <= v) i++;
        return i + (edges[i + 1] == null ? 0 : (v - edges[i]) / (edges[i + 1] - edges[i]));
    }
    row(cls) { return 10 + (this.h - 36) * (1 - (cls - this.low) / (this.high - this.low)); }
    py(v) { return this.row(this.cls(v)); }
    nearest(x) {
        const i = this.xs.findIndex((one) => one >= x);
        return i < 0 ? this.xs.length - 1 : i;
    }
    tell(at) {
        const [, cells] = this.columns[at], all = cells.reduce((sum, c) => sum + c[1], 0);
        const at50 = this.share(cells, all, 0.5), at99 = this.share(cells, all, 0.99);
        return [el("b", {}, this.head(at)), el("table", {}, el("tbody", {},
            [["Requests", count(all)], ["Half within", at50], ["99% within", at99], ["Longest", this.share(cells, all, 1)]]
                .map(([k, v]) => el("tr", {}, el("td", {}, k), el("td", {class: "n"}, v)))))];
    }
    share(cells, all, share) {
        let seen = 0;
        for (const [cls, n] of cells) {
            seen += n;
            if (seen >= share * all) return ms(this.edges[cls + 1]) + " ms";
        }
        return "\u2013";
    }
}

// ---- the charts of a run ----

const RPS = {key: "rps", label: "RPS", color: "--rps"}, FAILS = {key: "fps", label: "Failures/s", color: "--fail"};
function makeCharts() {
    const all = {
        rps: new Lines({title: "Total Requests per Second", series: [RPS, FAILS], format: rate}, time),
        times: new Lines({title: "Response Times (ms)", scale: true, format: ms, series: [
            {key: "p50", label: "50th percentile", color: "--p50"}, {key: "p95", label: "95th percentile", color: "--p95"},
            {key: "p99", label: "99th percentile", color: "--p99"},
            {key: "intended_p99", label: "99th, from the intended start", color: "--i99", dash: "5 4"}]}, time),
        users: new Lines({title: "Number of Users", series: [{key: "users", label: "Users", color: "--users"}], format: count}, time),
        arrivals: new Lines({title: "Arrivals per Second", format: rate, series: [{key: "started", label: "Started", color: "--rps"},
            {key: "late", label: "Late", color: "--late"}, {key: "shed", label: "Shed", color: "--shed"}]}, time),
        curve: new Lines({title: "Percentiles of Response Times (ms)", shares: true, scale: true, log: true, format: ms, height: 300,
            series: [{key: "raw", label: "As measured", color: "--p95"},
                {key: "intended", label: "From the intended start", color: "--i99", dash: "5 4"}]}),
        heat: new Heat({title: "Response Times over Time", height: 300}, time),
    };
    return all;
}
function open() { return !!state.arrivals; }
function fillCharts(all, series, heat) {
    all.rps.set(series.time, series);
    for (const [chart, key] of [[all.times, "intended_p99"], [all.curve, "intended"]])
        [...chart.legend.children].forEach((b, i) => { b.hidden = chart.o.series[i].key === key && !open(); });
    all.times.set(series.time, open() ? series : {...series, intended_p99: null});
    all.users.set(series.time, series);
    all.arrivals.box.hidden = !open();
    all.users.box.classList.toggle("wide", !open() && !report);
    if (open()) all.arrivals.set(series.time, series);
    all.heat.set(heat.columns, heat.edges_ms);
    fillCurve(all.curve);
}
function fillCurve(chart) {
    const {raw, intended} = state.curve || {raw: [], intended: null};
    const last = raw.length > 1 ? nines(raw[raw.length - 2][0]) : 0;
    chart.top = last + 0.1;
    const x = (pair) => pair[0] >= 1 ? chart.top : Math.min(nines(pair[0]), chart.top);
    // The two may end at different shares: each share of one is looked up in the other.
    const at = (pairs, share) => (pairs.find((p) => p[0] >= share - 1e-9) || [0, null])[1];
    chart.set(raw.map(x), {raw: raw.map((p) => p[1]), intended: intended && raw.map((p) => at(intended, p[0]))});
}

// ---- tables ----

// Makes a table sort by a click on a title: upwards, downwards, as it was.
function sortable(table) {
    const titles = [...table.tHead.rows[0].cells];
    let column = -1, up = true, original = 0;
    const key = (row, i) => row.cells[i] ? row.cells[i].textContent.trim() : "";
    const number = (text) => text.replace(/[\u202f,]/g, "") === "" || text === "\u2013" || text === "-" ? -Infinity : parseFloat(text.replace(/\u202f/g, ""));
    const sort = () => {
        const body = table.tBodies[0];
        for (const row of body.rows) if (row.order === undefined) row.order = original++;
        const numeric = column >= 0 && titles[column].classList.contains("n");
        const rows = [...body.rows].sort((a, b) => {
            if (a.className === "total" || b.className === "total") return a.className === "total" ? 1 : -1;
            if (column < 0) return a.order - b.order;
            const [x, y] = [key(a, column), key(b, column)];
            const by = numeric ? number(x) - number(y) || 0 : x.localeCompare(y);
            return (up ? by : -by) || a.order - b.order;
        });
        if (rows.some((row, i) => row !== body.rows[i])) body.append(...rows);
    };
    titles.forEach((th, i) => {
        const button = el("button", {type: "button", onclick() {
            if (column !== i) [column, up] = [i, true];
            else if (up) up = false;
            else column = -1;
            titles.forEach((other, k) => k === column ? other.setAttribute("aria-sort", up ? "ascending" : "descending") :
                other.removeAttribute("aria-sort"));
            sort();
        }}, ...th.childNodes);
        th.replaceChildren(button);
    });
    return sort;
}

// A table of objects that is filled again and again. A column: [key, title, format]; with a format it is a number.
class Table {
    constructor(label, columns, o) {
        this.columns = columns;
        this.o = o || {};
        this.body = el("tbody");
        this.table = el("table", {}, el("thead", {}, el("tr", {}, columns.map(([, title, format]) =>
            el("th", {scope: "col", class: format && "n"}, title)))), this.body);
        this.box = el("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": label}, this.table);
        this.sort = sortable(this.table);
        this.rows = new Map();
    }
    fill(list) {
        const left = new Set(this.rows.keys());
        list.forEach((one, order) => {
            const id = this.o.key ? this.o.key(one) : String(order);
            let row = this.rows.get(id);
            if (!row) {
                row = el("tr", {class: this.o.total && one.name === "Aggregated" && !one.method ? "total" : null},
                    this.columns.map(([, , format]) => el("td", {class: format && "n"})));
                this.rows.set(id, row);
                this.body.append(row);
            }
            left.delete(id);
            row.order = order;
            this.columns.forEach(([key, , format, kind], i) => {
                const cell = row.cells[i], value = typeof key === "function" ? key(one) : one[key];
                const text = format ? format(value) : value == null ? "" : String(value);
                if (cell.textContent !== text) kind === "pre" ? cell.replaceChildren(el("pre", {}, text)) : cell.textContent = text;
                if (kind === "bad") cell.className = "n" + (value > 0 ? " bad" : "");
            });
        });
        for (const id of left) {
            this.rows.get(id).remove();
            this.rows.delete(id);
        }
        this.sort();
        return list.length;
    }
    // Which columns are shown, by their titles.
    hide(hidden) {
        for (const row of [...this.table.rows]) [...row.cells].forEach((cell, i) => { cell.hidden = hidden.has(this.columns[i][1]); });
    }
}

// ---- a report ----

function showReport() {
    for (const table of report.querySelectorAll("table")) if (table.tHead) sortable(table);
    for (const t of report.querySelectorAll("time")) t.textContent = new Date(t.textContent).toLocaleString();
    const place = document.getElementById("charts"), all = makeCharts();
    place.append(el("div", {class: "pair"}, [all.rps, all.times, all.users, all.arrivals, all.curve, all.heat].map((c) => c.box)));
    const link = args.show_download_link && el("a", {href: "?download=1&theme=" + root.dataset.theme}, "Download the Report");
    report.prepend(el("div", {class: "tools row"}, link, themeButton()));
    report.append(voice);
    const run = state.series || {time: []};
    all.heat.box.classList.toggle("wide", !open());
    if (run.time.length) fillCharts(all, run, state.heat);
    else charts.forEach((c) => c.draw());
    document.title = "Locust - " + (args.profile || args.host || "Load Test Report");
}
if (report) {
    showReport();
    return;
}

// ---- what a running program says ----

const app = document.getElementById("app");
let stats = {state: args.state || state.state || "ready", stats: [], errors: [], user_count: args.user_count || 0};
let series = {time: []}, heat = {columns: [], edges_ms: []};
const ACTIVE = ["spawning", "running", "stopping", "cleanup"];
const active = () => ACTIVE.includes(stats.state);
let lost = 0;  // since when nothing answers, epoch seconds

async function get(path) {
    const answer = await fetch(path, {cache: "no-store"});
    if (!answer.ok) throw new Error(path + ": " + answer.status);
    return answer.json();
}
const post = (path, body) => fetch(path, {method: "POST", body});

// Adds what a state has of the run over time to what is here, or replaces it where it begins anew.
function take(next) {
    const all = next.series, known = series.time;
    const anew = !known.length || all.step_s !== series.step_s || (next.run && state.run && next.run.number < state.run.number);
    if (anew) [series, heat] = [all, next.heat];
    else {
        const fresh = all.time.findIndex((t) => t > known[known.length - 1]);
        if (fresh >= 0) {
            for (const key of Object.keys(all)) if (Array.isArray(all[key])) series[key].push(...all[key].slice(fresh));
            heat.columns.push(...next.heat.columns.slice(fresh));
        }
    }
    state = next;
}
async function askState() {
    const after = series.time.length ? series.time[series.time.length - 1] : 0;
    const next = await get("locust-h/state?after=" + after);
    if (next.series.step_s !== series.step_s && after) {  // slices were joined: all of them once more
        series = {time: []};
        take(await get("locust-h/state?after=0"));
    } else take(next);
}
if (state.series) take(state);

let timer = 0, beats = 0, beating = false;
async function beat() {
    clearTimeout(timer);
    if (beating) {  // what was asked before may not know yet what has just happened
        timer = setTimeout(beat, 200);
        return;
    }
    beating = true;
    const was = stats.state;
    try {
        if (!document.hidden || !beats) {
            [stats] = await Promise.all([get("stats/requests"), askState()]);
            beats++;
            lost = 0;
            if (active() && beats % 2) askTab();
            if ((active() || was !== stats.state) && beats % 3 === 0) askLogs();
            if (was === "ready" && args.is_distributed) workers = (await get("worker-count")).worker_count;
        }
    } catch (e) {
        lost = lost || Date.now() / 1000;
    }
    if (was !== stats.state) say("The test is " + stats.state);
    beating = false;
    refresh();
    clearTimeout(timer);
    timer = setTimeout(beat, active() && !lost ? 2000 : 4000);
}
document.addEventListener("visibilitychange", () => document.hidden || beat());

// ---- bar and verdict ----

let workers = args.worker_count;
const figures = el("dl", {class: "figs"}), buttons = el("div", {class: "acts"});
const drawer = el("div", {class: "drawer", id: "drawer"}, el("button", {class: "icon close", type: "button",
    "aria-label": "Close menu", onclick: () => openMenu(false)}, "\u2715"), figures, buttons, themeButton());
const menu = el("button", {id: "menu", class: "icon", type: "button", "aria-label": "Menu", "aria-expanded": false,
    "aria-controls": "drawer", onclick: () => openMenu(true)}, draw("svg", {width: 24, height: 24, viewBox: "0 0 24 24", "aria-hidden": true},
    draw("path", {d: "M3 6h18M3 12h18M3 18h18", stroke: "currentColor", "stroke-width": 2})));
function openMenu(yes) {
    drawer.classList.toggle("open", yes);
    menu.setAttribute("aria-expanded", yes);
    if (yes) drawer.querySelector("button").focus();
    else menu.focus();
}
addEventListener("keydown", (e) => e.key === "Escape" && drawer.classList.contains("open") && openMenu(false));
const verdict = el("div", {class: "verdict idle", id: "verdict"}, el("p"));
const details = el("button", {type: "button", class: "plain", onclick: () => choose("generator")}, "Details");
const host = () => (state.run && state.run.host) || args.host || "";

function set(node, text) {
    if (node.textContent !== text) node.textContent = text;
}
function refreshBar() {
    const list = [["Host", host() || "\u2013"], ["Status", lost ? "NO ANSWER" : stats.state.toUpperCase()]];
    if (active()) list.push(["Users", count(stats.user_count)]);
    if (args.is_distributed) list.push(["Workers", count(stats.worker_count === undefined ? workers : stats.worker_count)]);
    if (stats.state !== "ready") list.push(["RPS", rate(stats.total_rps === undefined ? 0 : active() ? stats.current_rps === undefined ?
        stats.total_rps : stats.current_rps : stats.total_rps)], ["Failures", fixed(100 * (stats.fail_ratio || 0), 0) + "%"]);
    const run = state.run;
    if (run && stats.state !== "ready") list.push(["Time", span(run.seconds) + (run.run_time ? " / " + span(run.run_time) : "")]);
    if (figures.children.length !== list.length || [...figures.children].some((d, i) => d.firstChild.textContent !== list[i][0]))
        figures.replaceChildren(...list.map(([k]) => el("div", {}, el("dt", {}, k), el("dd"))));
    list.forEach(([k, v], i) => {
        set(figures.children[i].lastChild, v);
        figures.children[i].lastChild.title = k === "Host" ? v : "";
    });
    const want = stats.state === "ready" ? "" : stats.state === "stopped" ? "new reset" : "edit stop reset";
    if (buttons.dataset.has !== want) {
        buttons.dataset.has = want;
        buttons.replaceChildren(...want.split(" ").filter(Boolean).map((name) =>
            el("button", {class: "act " + name, type: "button", id: "do-" + name, onclick: (e) => ACTS[name](e.currentTarget)}, name)));
    }
}
const ACTS = {
    async stop(button) {
        button.disabled = true;
        button.textContent = "Loading";
        await post("stop").catch(() => {});
        beat();
    },
    async reset() {
        await post("stats/reset").catch(() => {});
        say("Statistics reset");
        beat();
    },
    edit: () => dialog("Edit running load test", startForm(true)),
    new: () => dialog("Start new load test", startForm(false)),
};
function refreshVerdict() {
    const g = state.generator, broken = (state.checks || []).filter((c) => !c.ok), arrivals = state.arrivals, parts = [];
    let kind = "idle";
    if (lost) {
        kind = "bad";
        parts.push(el("b", {}, "No answer from the load generator since " + clock(lost)));
    } else if (!g || stats.state === "ready") parts.push(el("span", {}, "Generator: its verdict on itself stands here once a test runs."));
    else {
        kind = g.ok ? "good" : "bad";
        parts.push(el("b", {}, g.ok ? "Generator: ok" : "Generator: limited by " + g.limits.join("; ")),
            el("span", {}, "CPU " + fixed(100 * g.cpu, 0) + " % of a core"),
            el("span", {}, "lateness p99 " + ms(g.late_p99_ms) + " ms"));
        if (!g.ok) parts.push(el("span", {}, "p99 at most " + ms(g.p99_high_ms) + " ms too high"));
        if (state.checks.length) parts.push(el("b", {}, broken.length ? "Checks: " + broken.length + " of " + state.checks.length +
            " do not hold (" + broken[0].check + ": " + broken[0].text + ")" : "Checks: " + state.checks.length + " of " + state.checks.length + " hold"));
        if (broken.length) kind = "bad";
        if (arrivals) parts.push(el("span", {}, "arrivals: " + count(arrivals.started) + " started, " + count(arrivals.late) + " late, " +
            count(arrivals.shed) + " shed"));
    }
    verdict.className = "verdict " + kind;
    if (stats.state !== "ready") parts.push(details);
    const focused = document.activeElement === details;
    verdict.firstChild.replaceChildren(...parts);
    if (focused) details.focus();
}

// ---- forms ----

function dialog(title, form) {
    const close = () => box.close();
    const box = el("dialog", {"aria-label": title}, el("div", {class: "row"}, el("h2", {}, title),
        el("button", {class: "icon", type: "button", "aria-label": "Close", onclick: close}, "\u2715")), form);
    form.done = close;
    box.addEventListener("close", () => box.remove());
    document.body.append(box);
    drawer.classList.remove("open");
    menu.setAttribute("aria-expanded", false);
    box.showModal();
}

const field = (label, attributes, hint) => el("label", {}, label, hint && el("small", {}, hint), el("input", attributes));
const title = (name) => name.replace(/_/g, " ").replace(/^./, (c) => c.toUpperCase());

function customField(name, o) {
    const value = o.default_value, label = title(name);
    if (Array.isArray(o.choices) && o.choices.length) return el("label", {}, label, o.help_text && el("small", {}, o.help_text),
        el("select", {name, multiple: o.is_multiple}, o.choices.map((c) => el("option", {value: c, selected: c === value}, String(c)))));
    if (typeof value === "boolean") return el("label", {class: "tick"}, el("input", {type: "checkbox", name, value: "true", checked: value}),
        " " + label, o.help_text && el("small", {}, o.help_text));
    const input = el("input", {name, value, type: o.is_secret ? "password" : "text", required: o.is_required, autocomplete: "off"});
    const eye = o.is_secret && el("button", {type: "button", "aria-label": "Show " + label, onclick() {
        input.type = input.type === "text" ? "password" : "text";
    }}, "show");
    return el("label", {}, label, o.help_text && el("small", {}, o.help_text), input, eye);
}

// The classes to choose from, with a form for each behind its gear.
function classPicker() {
    const names = args.available_user_classes || [], users = args.users || {};
    const all = el("input", {type: "checkbox", checked: true, "aria-label": "All user classes", onchange() {
        for (const one of body.querySelectorAll("input")) one.checked = all.checked;
    }});
    const body = el("tbody", {}, names.map((name) => el("tr", {},
        el("td", {}, el("input", {type: "checkbox", name: "user_classes", value: name, checked: true, "aria-label": name,
            onchange: () => { all.checked = [...body.querySelectorAll("input")].every((one) => one.checked); }})),
        el("td", {}, name), el("td", {}, (users[name] || {}).host || ""),
        el("td", {}, el("button", {type: "button", "aria-label": "Settings of " + name, onclick: () => editClass(name)}, "\u2699")))));
    return [el("h3", {}, "User Classes"), el("div", {class: "scroll"}, el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, all),
        el("th", {}, "Class"), el("th", {}, "Host"), el("th", {}, el("span", {class: "hide"}, "Settings")))), body)),
        el("label", {}, "Shape Class", el("select", {name: "shape_class"}, (args.available_shape_classes || ["Default"]).map((s) => el("option", {}, s))))];
}
function editClass(name) {
    const user = args.users[name] || {}, tasks = [...new Set((args.available_user_tasks || {})[name] || [])];
    const form = el("form", {onsubmit: async (e) => {
        e.preventDefault();
        const data = new FormData(form);
        const changed = {user_class_name: name, tasks: data.getAll("tasks"), host: data.get("host"),
            fixed_count: Number(data.get("fixed_count")), weight: Number(data.get("weight"))};
        const answer = await fetch("user", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(changed)})
            .catch((why) => ({ok: false, text: async () => String(why)}));
        if (!answer.ok) return set(note, await answer.text());
        Object.assign(user, changed);
        form.done();
    }}, el("label", {}, "Tasks", el("select", {name: "tasks", multiple: true}, tasks.map((t) =>
        el("option", {selected: !user.tasks || user.tasks.includes(t)}, t)))),
    field("Fixed count", {name: "fixed_count", type: "number", min: 0, value: user.fixed_count || 0}),
    field("Host", {name: "host", value: user.host || ""}),
    field("Weight", {name: "weight", type: "number", min: 0, step: "any", value: user.weight === undefined ? 1 : user.weight}));
    const note = el("p", {class: "note", role: "alert"});
    form.append(note, el("button", {class: "act new"}, "Save"));
    dialog(name, form);
}

// Starts a test, or (`edit`) changes the one that runs.
function startForm(edit) {
    const shape = state.run && ["shape", "stages"].includes(state.run.shape) && edit;
    const lacks = () => args.is_distributed && !edit && !(stats.worker_count === undefined ? workers : stats.worker_count);
    const run = state.run || {}, note = el("p", {class: "note", role: "alert"});
    const users = edit ? run.users : args.num_users, speed = edit ? run.spawn_rate : args.spawn_rate;
    const custom = Object.entries(args.extra_options || {});
    const button = el("button", {class: "act new", id: edit ? "update" : "start"}, edit ? "Update" : "Start");
    const form = el("form", {onsubmit: async (e) => {
        e.preventDefault();
        if (lacks()) return set(note, "You can't start a distributed test before at least one worker processes has connected");
        const data = new FormData(form), body = new URLSearchParams();
        for (const [k, v] of data) if (v !== "" || !["host", "run_time", "profile", "rate"].includes(k)) body.append(k, v);
        for (const box of form.querySelectorAll("input[type=checkbox]")) if (!box.checked && box.name !== "user_classes") body.append(box.name, "false");
        button.disabled = true;
        try {
            const answer = await (await post("swarm", body)).json();
            if (!answer.success) return set(note, answer.message);
            if (!edit) {
                Object.assign(args, {num_users: Number(data.get("user_count")), spawn_rate: Number(data.get("spawn_rate")), host: data.get("host") || args.host});
                stats = {...stats, state: "spawning"};
            }
            if (form.done) form.done();
            await beat();
        } catch (why) {
            set(note, "The load generator did not answer: " + why.message);
        } finally {
            button.disabled = false;
        }
    }});
    const hostField = field("Host", {name: "host", type: "text", inputmode: "url", autocomplete: "off", value: host(), onblur: (e) => {
        set(hostNote, !e.target.value || /^https?:\/\/./.test(e.target.value) ? "" : "Please use a valid url format e.g. https://google.com");
    }}), hostNote = el("small", {class: "note"});
    form.append(...[!edit && args.show_userclass_picker && classPicker(),
        field("Number of users (peak concurrency)", {name: "user_count", type: "number", min: 0, step: 1, required: true, disabled: shape,
            value: users == null ? 1 : users}, shape && "Disabled for tests using LoadTestShape class"),
        field("Ramp up (users started/second)", {name: "spawn_rate", type: "number", min: 0, step: "any", required: true, disabled: shape,
            value: speed == null ? 1 : speed}),
        edit && state.arrivals && state.arrivals.rate != null && field("Arrivals per second", {name: "rate", type: "number", min: 0, step: "any",
            value: state.arrivals.rate}),
        !edit && [hostField, hostNote, el("details", {}, el("summary", {}, "Advanced options"),
            field("Run time (e.g. 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.)", {name: "run_time", value: args.run_time || ""}),
            field("Profile", {name: "profile", value: args.profile || ""}))],
        !edit && custom.length > 0 && el("details", {}, el("summary", {}, "Custom parameters"), custom.map(([k, o]) => customField(k, o))),
        note, button].flat().filter(Boolean));
    form.look = () => {
        button.disabled = lacks();
        set(note, lacks() ? "You can't start a distributed test before at least one worker processes has connected" :
            note.textContent.startsWith("You can't start") ? "" : note.textContent);
    };
    return form;
}

// ---- tabs ----

// Locust's answers have whole milliseconds: where the state has the row, too, its times are shown.
let finer = new Map();
const rowId = (r) => r.method + " " + r.name;
const fine = (key, name) => (r) => {
    const raw = finer.get(rowId(r));
    return raw && raw[key] !== undefined ? raw[key] : r.num_requests ? r[name] : null;
};
const statistics = new Table("Statistics", [["method", "Type"], ["name", "Name"], ["num_requests", "#\u00a0Requests", count],
    ["num_failures", "#\u00a0Fails", count, "bad"], [fine("p50", "median_response_time"), "Median (ms)", ms],
    [fine("p95", "response_time_percentile_0.95"), "95%ile (ms)", ms], [fine("p99", "response_time_percentile_0.99"), "99%ile (ms)", ms],
    ["avg_response_time", "Average (ms)", ms], [fine("min", "min_response_time"), "Min (ms)", ms], [fine("max", "max_response_time"), "Max (ms)", ms], ["avg_content_length", "Average size (bytes)", count], ["current_rps", "Current RPS", rate],
    ["current_fail_per_sec", "Current Failures/s", rate]], {key: rowId, total: true});
const hidden = new Set(JSON.parse(store.get("hiddenColumns") || "[]"));
const columns = el("details", {class: "cols"}, el("summary", {}, "Columns"), el("div", {}, statistics.columns.map(([, name]) =>
    el("label", {class: "tick"}, el("input", {type: "checkbox", checked: !hidden.has(name), onchange: (e) => {
        if (!e.target.checked) hidden.add(name);
        else hidden.delete(name);
        store.set("hiddenColumns", JSON.stringify([...hidden]));
        statistics.hide(hidden);
    }}), " " + name))));
const percentiles = (kind) => ["p50", "p90", "p95", "p99", "p99.9", "max"].map((p) =>
    [(r) => r[kind] && r[kind][p], (kind === "raw" ? "" : "Intended ") + (p === "max" ? "Max" : p.slice(1) + "%ile") + " (ms)", ms]);
const rawTable = new Table("Response times as measured", [["method", "Type"], ["name", "Name"], ["requests", "#\u00a0Requests", count],
    ["unanswered", "Unanswered", count], ...percentiles("raw")], {key: rowId, total: true});
const intendedTable = new Table("Response times from the intended start", [["method", "Type"], ["name", "Name"], ...percentiles("intended")],
    {key: rowId, total: true});
const phaseTable = new Table("Phases of requests", [["method", "Type"], ["name", "Name"], ["phase", "Phase"], ["n", "#\u00a0Requests", count],
    ["p50", "50%ile (ms)", ms], ["p95", "95%ile (ms)", ms], ["p99", "99%ile (ms)", ms], ["max", "Max (ms)", ms]],
{key: (r) => r.method + " " + r.name + " " + r.phase});
const checkTable = new Table("Checks", [["check", "Check"], [(c) => c.ok ? "holds" : "does not hold", "Result"], ["text", "Measured"]]);
const failureTable = new Table("Failures", [["occurrences", "# Failures", count], ["method", "Method"], ["name", "Name"], ["error", "Message"],
    [(f) => new Date(f.first_seen * 1000).toLocaleString(), "First Seen"], [(f) => new Date(f.last_seen * 1000).toLocaleString(), "Last Seen"]]);
const exceptionTable = new Table("Exceptions", [["count", "# occurrences", count], ["msg", "Message"], ["traceback", "Traceback", null, "pre"]]);
const WORKER = [["id", "Worker"], ["state", "State"], ["user_count", "# users", count], ["cpu_usage", "CPU usage", (v) => fixed(v, 0)],
    ["memory_usage", "Memory usage", (v) => bytes(v || 0)]];
let workerTable = new Table("Workers", WORKER);
const section = (heading, ...kids) => el("section", {}, heading && el("h2", {}, heading), kids);
const nothing = (text) => el("p", {class: "empty"}, text);
const live = makeCharts();

const tiles = el("dl", {class: "tiles"});
const arrivalSection = section("Arrivals", tiles), checkSection = section("Checks", checkTable.box);
const intendedSection = section("From The Intended Start", intendedTable.box), phaseSection = section("Phases Of Requests", phaseTable.box);
const failuresNone = nothing("No failures so far."), exceptionsNone = nothing("No exceptions so far.");
const generatorTiles = el("dl", {class: "tiles"}), limitList = el("ul");
const ratioClass = el("div"), ratioTotal = el("div");
const masterLog = el("pre", {class: "log", tabindex: 0, "aria-label": "Master Logs"}), workerLogs = el("div");
const downloads = el("ul");

const TABS = [
    ["stats", "Statistics", [el("section", {}, el("div", {class: "row"}, el("h2", {}, "Request Statistics"), columns), statistics.box),
        checkSection, arrivalSection]],
    ["charts", "Charts", [el("div", {class: "pair"}, [live.rps, live.times, live.users, live.arrivals].map((c) => c.box))]],
    ["latency", "Latency", [el("div", {class: "pair"}, [live.curve, live.heat].map((c) => c.box)),
        section("As Measured", rawTable.box), intendedSection, phaseSection]],
    ["failures", "Failures", [section("Failures", failureTable.box, failuresNone)]],
    ["exceptions", "Exceptions", [section("Exceptions", exceptionTable.box, exceptionsNone)]],
    ["ratios", "Current Ratio", [el("div", {class: "pair"}, section("Ratio Per Class", ratioClass), section("Total Ratio", ratioTotal))]],
    ["reports", "Download Data", [section("Download Data", downloads)]],
    ["logViewer", "Logs", [section("Master Logs", masterLog), workerLogs]],
    ["generator", "Generator", [section("The Generator Itself", generatorTiles, limitList)]],
    ["workers", "Workers", [section("Workers", workerTable.box)]],
].filter(([key]) => key !== "workers" || args.is_distributed);

const bell = el("b", {hidden: true, title: "New warnings"}, "!");
const tabList = el("div", {class: "tabs", role: "tablist", "aria-label": "Views", onkeydown: (e) => {
    const keys = TABS.map((t) => t[0]), now = keys.indexOf(tab);
    const to = {ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: keys.length - 1}[e.key];
    if (to === undefined) return;
    e.preventDefault();
    choose(keys[(to + keys.length) % keys.length]);
    document.getElementById("tab-" + tab).focus();
}}, TABS.map(([key, name]) => el("button", {type: "button", role: "tab", id: "tab-" + key, "aria-controls": "view-" + key,
    onclick: () => choose(key)}, name, key === "logViewer" && bell)));
const views = TABS.map(([key, , kids]) => el("div", {role: "tabpanel", id: "view-" + key, "aria-labelledby": "tab-" + key, hidden: true}, kids));
let tab = new URLSearchParams(location.search).get("tab");
if (!TABS.some(([key]) => key === tab)) tab = "stats";

function choose(key) {
    tab = key;
    TABS.forEach(([other], i) => {
        views[i].hidden = other !== key;
        const button = tabList.children[i];
        button.setAttribute("aria-selected", other === key);
        button.tabIndex = other === key ? 0 : -1;
    });
    const at = document.getElementById("tab-" + key);
    if (at) at.scrollIntoView({block: "nearest", inline: "nearest"});
    const url = new URL(location.href);
    url.searchParams.set("tab", key);
    history.replaceState(null, "", url);
    if (key === "logViewer") bell.hidden = true;
    askTab();
    refreshView();
}

// What is asked for only while its tab is open.
async function askTab() {
    try {
        if (tab === "exceptions") exceptionsNone.hidden = exceptionTable.fill((await get("exceptions")).exceptions) > 0;
        if (tab === "ratios") {
            const tasks = await get("tasks");
            ratioClass.replaceChildren(tree(tasks.per_class));
            ratioTotal.replaceChildren(tree(tasks.total));
        }
    } catch (e) { /* the next beat says that nothing answers */ }
}
function tree(tasks) {
    return el("ul", {class: "tree"}, Object.entries(tasks || {}).map(([name, t]) => el("li", {},
        fixed(100 * t.ratio, 1) + "% " + name, t.tasks && Object.keys(t.tasks).length ? tree(t.tasks) : null)));
}
let warned = 0;
function logLines(lines) {
    return lines.map((line) => el("span", {class: /CRITICAL|ERROR/.test(line) ? "e" : /WARNING/.test(line) ? "w" : /DEBUG/.test(line) ? "d" : ""}, line + "\n"));
}
async function askLogs() {
    try {
        const logs = await get("logs");
        const low = masterLog.scrollTop + masterLog.clientHeight >= masterLog.scrollHeight - 20;
        masterLog.replaceChildren(...(logs.master.length ? logLines(logs.master) : ["No log lines yet."]));
        if (low) masterLog.scrollTop = masterLog.scrollHeight;
        const open = new Set([...workerLogs.querySelectorAll("details[open]")].map((d) => d.dataset.id));
        workerLogs.replaceChildren(...Object.entries(logs.workers || {}).map(([id, lines]) => el("details", {class: "card", "data-id": id, open: open.has(id)},
            el("summary", {}, "Worker " + id), el("pre", {class: "log", tabindex: 0}, logLines(lines)))));
        const bad = [...logs.master, ...Object.values(logs.workers || {}).flat()].filter((l) => /WARNING|ERROR|CRITICAL/.test(l)).length;
        if (bad > warned && tab !== "logViewer") bell.hidden = false;
        warned = bad;
    } catch (e) { /* as above */ }
}
function fillTiles(box, pairs) {
    if (box.children.length !== pairs.length) box.replaceChildren(...pairs.map(([k]) => el("div", {}, el("dt", {}, k), el("dd"))));
    pairs.forEach(([k, v], i) => {
        set(box.children[i].firstChild, k);
        set(box.children[i].lastChild, v);
    });
}
function fillDownloads() {
    const links = [["stats/requests/csv", "Download requests CSV"], args.stats_history_enabled && ["stats/requests_full_history/csv",
        "Download full request statistics history CSV"], ["stats/failures/csv", "Download failures CSV"], ["exceptions/csv", "Download exceptions CSV"]];
    downloads.replaceChildren(...links.filter(Boolean).map(([href, text]) => el("li", {}, el("a", {href, download: true}, text))),
        el("li", {}, el("a", {href: "stats/report?theme=" + root.dataset.theme, target: "_blank", rel: "noopener"}, "Download Report")));
}

// Fills the view that is open.
function refreshView() {
    const rows = state.rows || [], arrivals = state.arrivals;
    if (tab === "stats") {
        finer = new Map(rows.map((r) => [rowId(r), r.raw]));
        statistics.fill(stats.stats);
        statistics.hide(hidden);
        checkSection.hidden = !(state.checks || []).length;
        checkTable.fill(state.checks || []);
        (state.checks || []).forEach((c, i) => { checkTable.rows.get(String(i)).className = c.ok ? "good" : "bad"; });
        arrivalSection.hidden = !arrivals;
        if (arrivals) fillTiles(tiles, [["Rate a second", arrivals.rate == null ? "\u2013" : fixed(arrivals.rate, 1)], ["Scheduled", count(arrivals.scheduled)],
            ["Started", count(arrivals.started)], ["Late", count(arrivals.late)], ["Shed", count(arrivals.shed)],
            ["Unanswered", count(arrivals.unanswered)]]);
    }
    if ((tab === "charts" || tab === "latency") && heat.edges_ms.length) fillCharts(live, series, heat);
    if (tab === "latency") {
        rawTable.fill(rows);
        intendedSection.hidden = !arrivals;
        intendedTable.fill(rows.filter((r) => r.intended));
        phaseSection.hidden = !rows.some((r) => r.phases);
        phaseTable.fill(rows.flatMap((r) => Object.entries(r.phases || {}).filter(([, p]) => p.n)
            .map(([phase, p]) => ({method: r.method, name: r.name, phase, ...p}))));
    }
    if (tab === "failures") failuresNone.hidden = failureTable.fill(stats.errors) > 0;
    if (tab === "reports") fillDownloads();
    if (tab === "generator" && state.generator) {
        const g = state.generator, p = state.process || {}, m = state.machine || {};
        fillTiles(generatorTiles, [["Verdict", g.ok ? "ok" : "limited"], ["CPU of a core", fixed(100 * g.cpu, 0) + " %"],
            ["Memory", bytes(p.memory_bytes || 0)], ["Lateness p50", ms(g.late_p50_ms) + " ms"], ["Lateness p99", ms(g.late_p99_ms) + " ms"],
            ["Longest lateness", ms(g.late_max_ms) + " ms"], ["p50 too high by at most", ms(g.p50_high_ms) + " ms"],
            ["p99 too high by at most", ms(g.p99_high_ms) + " ms"], ["Stood still", fixed(g.stalled_s, 1) + " s"],
            ["Suspended", fixed(g.suspended_s, 1) + " s"], ["Machine", [m.system, m.processor].filter(Boolean).join(" ")], ["Cores", count(m.cores)]]);
        limitList.replaceChildren(...g.limits.map((l) => el("li", {class: "note"}, l)));
    }
    if (tab === "workers") {
        const list = state.workers || stats.workers || [];
        const more = [...new Set(list.flatMap(Object.keys))].filter((k) => !WORKER.some(([known]) => known === k) && list.every((w) => typeof w[k] !== "object" || w[k] === null));
        if (workerTable.columns.length !== WORKER.length + more.length) {
            const next = new Table("Workers", [...WORKER, ...more.map((k) => [k, title(k)])]);
            workerTable.box.replaceWith(next.box);
            workerTable = next;
        }
        workerTable.fill(list);
    }
}

const firstForm = startForm(false);
const begin = el("section", {class: "narrow"}, el("h1", {}, "Start new load test"), firstForm);
const panes = el("div", {}, tabList, views);
function refresh() {
    refreshBar();
    refreshVerdict();
    const ready = stats.state === "ready";
    begin.hidden = !ready;
    panes.hidden = ready;
    if (ready) firstForm.look();
    else refreshView();
    document.title = "Locust" + (ready ? "" : " \u2013 " + stats.state);
}
app.append(el("a", {class: "skip", href: "#main"}, "Skip to content"), el("header", {id: "top"},
    el("div", {id: "bar"}, el("a", {class: "logo", href: "./"}, "Locust"), menu, drawer), verdict),
el("main", {id: "main"}, begin, panes), el("footer", {}, "locust.h " + (state.version || "")), voice);
if (new URLSearchParams(location.search).has("tab")) choose(tab);
else TABS.forEach(([key], i) => {
    views[i].hidden = key !== tab;
    tabList.children[i].setAttribute("aria-selected", key === tab);
    tabList.children[i].tabIndex = key === tab ? 0 : -1;
});
refresh();
beat();
askLogs();
})();
