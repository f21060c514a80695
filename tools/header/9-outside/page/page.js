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
    all.heat.box.classList.toggle("wide", !open());
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
    if (run.time.length) fillCharts(all, run, state.heat);
    else charts.forEach((c) => c.draw());
    document.title = "Locust - " + (args.profile || args.host || "Load Test Report");
}
if (report) {
    showReport();
    return;
}
/*LIVE*/
})();
