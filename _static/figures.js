// Figures to drag: <rnn-steps>, <rnn-curves>, <rnn-sampling>, <rnn-choose>, <rnn-grid>. rnncourse/plot/interactive.py puts them on a page.
//
// Each holds its data in a child <script type="application/json"> and, for readers without JavaScript, a picture.
// What is seen is drawn as SVG, one unit a pixel, at the width there is; its colours are in figures.css.
(() => {
  const HTML = ["div", "span", "label", "input", "output", "select", "option", "button", "p"];
  const make = (tag, attributes = {}, ...children) => {
    const node = HTML.includes(tag)
      ? document.createElement(tag)
      : document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const glyph = (token) => ({ " ": "␣", "\n": "↵" })[token] ?? token;
  const NAMES = { " ": "space", "\n": "end of line", "(": "opening bracket", ")": "closing bracket", "+": "plus" };
  Object.assign(NAMES, { "-": "minus", "*": "times", "·": "dot", "`": "backtick", ".": "full stop", ",": "comma" });
  const spoken = (token) => NAMES[token] ?? token; // screen readers skip most signs
  const number = (value) => {
    const size = Math.abs(value);
    if (Number.isInteger(value) && size < 1e6) return String(value);
    if (size === 0 || (size >= 1e-3 && size < 1e4)) return String(+value.toPrecision(3));
    return value.toExponential(1).replace("e+", "e").replace(".0e", "e");
  };

  class Figure extends HTMLElement {
    connectedCallback() {
      if (this.drawing) return;
      this.data = JSON.parse(this.querySelector("script").textContent);
      this.setAttribute("role", "group");
      this.setAttribute("aria-label", this.data.label);
      this.controls = make("div", { class: "controls" });
      this.drawing = make("div", { class: "drawing" });
      this.status = make("p", { class: "status", "aria-live": "polite" });
      this.build();
      const told = make("p", { class: "visually-hidden", id: `figure-${document.querySelectorAll(".live").length}` });
      told.textContent = this.querySelector("img")?.alt ?? "";
      this.setAttribute("aria-describedby", told.id);
      this.append(told, this.controls, this.status, this.drawing);
      this.classList.add("live");
      new ResizeObserver(() => {
        if (this.drawing.clientWidth && this.drawing.clientWidth !== this.width) {
          this.width = this.drawing.clientWidth;
          this.draw();
        }
      }).observe(this.drawing);
    }

    slider(name, texts, start) {
      const input = make("input", { type: "range", min: 0, max: texts.length - 1, value: start });
      const output = make("output", { "aria-hidden": "true" });
      const control = {
        input,
        texts, // may be replaced
        get: () => +input.value,
        set: (index) => {
          input.max = control.texts.length - 1;
          input.value = index;
          output.textContent = control.texts[input.value];
          input.setAttribute("aria-valuetext", control.texts[input.value]);
          if (this.width) this.draw();
        },
      };
      input.addEventListener("input", () => control.set(input.value));
      control.set(start);
      this.controls.append(make("label", {}, make("span", {}, name), input, output));
      return control;
    }

    choice(name, texts, start) {
      const select = make("select", {}, ...texts.map((text) => make("option", {}, text.replace(/ $/, "␣"))));
      select.selectedIndex = start;
      select.addEventListener("input", () => this.draw());
      this.controls.append(make("label", {}, make("span", {}, name), select));
      return { get: () => select.selectedIndex };
    }

    button(text, name, act) {
      const button = make("button", { type: "button", "aria-label": name }, text);
      button.addEventListener("click", act);
      this.controls.append(button);
      return button;
    }

    show(width, height, parts) {
      this.drawing.replaceChildren(make("svg", { width, height, "aria-hidden": "true" }, ...parts));
      // What scrolls must be within reach of the keyboard, and have a name
      const scrolls = { tabindex: 0, role: "region", "aria-label": "Drawing, scrolls sideways" };
      for (const [name, value] of Object.entries(scrolls))
        if (width > this.drawing.clientWidth) this.drawing.setAttribute(name, value);
        else this.drawing.removeAttribute(name);
    }
  }

  const text = (x, y, content, more = {}) => make("text", { x, y, ...more }, content);
  const line = (x1, y1, x2, y2, name) => make("line", { x1, y1, x2, y2, class: name });
  const box = (x, y, width, height, name) => make("rect", { x, y, width, height, class: name });
  // An arrow along an axis; its head is two strokes
  const arrow = (x1, y1, x2, y2) => {
    const [dx, dy] = [4 * Math.sign(x2 - x1), 4 * Math.sign(y2 - y1)];
    const head = `M${x2 - dx - dy} ${y2 - dy - dx}L${x2} ${y2}L${x2 - dx + dy} ${y2 - dy + dx}`;
    return make("path", { d: `M${x1} ${y1}L${x2} ${y2}${head}`, class: "arrow" });
  };

  // A network unrolled over a sequence: read token by token; what it holds after each step is a column of colours.
  class Steps extends Figure {
    build() {
      const { tokens, start, backward } = this.data;
      const go = (by) => () => this.step.set(this.step.get() + by);
      const walk = backward ? " of the walk back" : "";
      this.before = this.button("◀", backward ? `Next step${walk}` : "One step back", go(-1));
      this.after = this.button("▶", backward ? `Last step${walk}` : "One step on", go(1));
      this.step = this.slider("step", tokens.map((token, t) => `${t + 1} of ${tokens.length}: ${spoken(token)}`), start);
      this.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!by || event.target === this.step.input) return;
        event.preventDefault();
        go(by)();
      });
    }

    draw() {
      const { tokens, panels, cell, backward, notes } = this.data;
      const now = this.step.get();
      const past = (t) => (backward ? t >= now : t <= now);
      const least = Math.max(18, 8 * Math.max(...tokens.map((token) => token.length)));
      const wide = Math.max(least, Math.min(40, this.width / tokens.length));
      const middle = (t) => (t + 0.5) * wide;
      const total = Math.max(this.width, wide * tokens.length);
      const parts = [];
      let y = 0;
      for (const { name, values, scale } of panels) {
        const rows = values[0].length;
        const high = Math.max(6, Math.min(18, 130 / rows));
        parts.push(text(0, y + 13, `${name} (full colour: ${number(scale)})`, { class: "name" }));
        y += 20;
        values.forEach((column, t) =>
          column.forEach((value, k) => {
            const sign = past(t) ? (value < 0 ? "negative" : "positive") : "later";
            const place = box(t * wide, y + k * high, wide - 1, high, sign);
            place.style.setProperty("--amount", `${Math.min(100, Math.round(100 * Math.abs(value)))}%`);
            parts.push(place);
          }),
        );
        parts.push(box(now * wide, y - 1, wide - 1, rows * high + 2, "now"));
        y += rows * high + 12;
      }
      tokens.forEach((token, t) => {
        const group = make("g", { class: past(t) ? "" : "to-come" });
        const side = backward ? -1 : 1;
        group.append(
          backward ? arrow(middle(t), y - 8, middle(t), y + 4) : arrow(middle(t), y + 4, middle(t), y - 8),
          make("rect", { x: t * wide + 3, y: y + 4, width: wide - 7, height: 15, rx: 4, class: t === now ? "cell now" : "cell" }),
          arrow(middle(t), y + 33, middle(t), y + 20),
          text(middle(t), y + 46, glyph(token), { class: t === now ? "token now" : "token" }),
        );
        if (t + side >= 0 && t + side < tokens.length)
          group.append(arrow(middle(t) + side * (wide / 2 - 4), y + 11.5, middle(t + side) - side * (wide / 2 - 4), y + 11.5));
        parts.push(group);
      });
      parts.push(text(0, y + 66, cell, { class: "name small" }));
      const values = panels.flatMap((panel) => panel.values.flat());
      const signs = [["positive", "above 0"], ["negative", "below 0"]].filter(([sign]) =>
        values.some((value) => (sign === "negative" ? value < 0 : value > 0)),
      );
      signs.forEach(([sign, words], k) => {
        const sample = box(0, 0, 12, 12, sign);
        sample.style.setProperty("--amount", "100%");
        const group = make("g", { class: "legend" }, sample, text(17, 11, words, { class: "small" }));
        group.setAttribute("transform", `translate(${k * 80} ${y + 74})`);
        parts.push(group);
      });
      parts.push(text(signs.length * 80, y + 85, "fading out: near 0", { class: "name small" }));
      this.show(total, y + 92, parts);
      this.before.disabled = now === 0;
      this.after.disabled = now === tokens.length - 1;

      const svg = this.drawing.firstChild;
      const at = (event) => Math.floor((event.clientX - svg.getBoundingClientRect().left) / wide);
      svg.addEventListener("click", (event) => {
        this.step.set(Math.min(at(event), tokens.length - 1));
        this.step.input.focus({ preventScroll: true });
      });
      // Names and legend stay in sight when the columns are scrolled; so does the present step
      const names = [...svg.querySelectorAll(".name, .legend")];
      this.drawing.onscroll = () =>
        names.forEach((name) => name.style.setProperty("translate", `${this.drawing.scrollLeft}px`));
      this.drawing.scrollLeft = middle(now) - this.width * (backward ? 1 / 3 : 2 / 3);
      this.drawing.onscroll();
      this.status.textContent = notes.length ? notes[now] : "";
    }
  }

  // Curves, of which sliders and choices pick one set out of those the page has computed.
  class Curves extends Figure {
    build() {
      this.picks = this.data.controls.map(({ name, values, start, slide }) =>
        slide ? this.slider(name, values.map(String), start) : this.choice(name, values.map(String), start),
      );
    }

    draw() {
      const { x, y, controls, series, lines, notes } = this.data;
      const at = this.picks.reduce((sum, pick, k) => sum * controls[k].values.length + pick.get(), 0);
      const [left, top, right, bottom] = [66, 10, this.width - 18, 262];
      const named = typeof x.values[0] === "string";
      const places = x.log ? x.values.map(Math.log10) : named ? x.values.map((_, k) => k) : x.values;
      const room = named ? 0.4 : 0;
      const [first, last] = [Math.min(...places) - room, Math.max(...places) + room];
      const across = (k) => left + ((places[k] - first) / (last - first)) * (right - left);
      const scaled = (value) => (y.log ? Math.log10(value) : value);
      const [low, high] = y.range.map(scaled);
      const up = (value) => bottom - ((scaled(value) - low) / (high - low)) * (bottom - top);
      const inside = (height) => height >= top - 0.5 && height <= bottom + 0.5;
      const parts = [];
      for (const value of y.ticks) {
        parts.push(line(left, up(value), right, up(value), "grid"));
        parts.push(text(left - 6, up(value) + 4, number(value), { class: "right" }));
      }
      // The lines of a place's name; where there is little room, a new one for each capital letter
      const close = named && (right - left) / x.values.length < 80;
      const written = (value) =>
        typeof value === "number" ? [number(value)] : value.split(close ? /\n| (?=[A-Z])/ : "\n");
      x.values.forEach((value, k) => {
        if (!x.ticks.includes(k)) return;
        parts.push(line(across(k), bottom, across(k), bottom + 5, "axis"));
        written(value).forEach((part, n) => parts.push(text(across(k), bottom + 18 + 14 * n, part, { class: "middle" })));
      });
      const under = bottom + 18 + 14 * Math.max(...x.values.map((value) => written(value).length));
      parts.push(line(left, bottom, right, bottom, "axis"));
      parts.push(text((left + right) / 2, under + 5, x.label, { class: "middle" }));
      parts.push(text(0, 0, y.label, { class: "middle", transform: `translate(11 ${(top + bottom) / 2}) rotate(-90)` }));
      for (const { level, name } of lines) {
        parts.push(line(left, up(level), right, up(level), "reference"));
        parts.push(text(right - 4, up(level) - 4, name, { class: "right small" }));
      }
      let place = left;
      let row = under + 26;
      const told = [];
      const clip = make("clipPath", { id: `clip-${this.getAttribute("aria-describedby")}` }, box(left, top, right - left, bottom - top));
      parts.push(clip);
      series.forEach(({ name, values }, index) => {
        const curve = values.length === 1 ? values[0] : values[at];
        const aside = named ? 12 * (index - (series.length - 1) / 2) : 0; // dots of one place stand side by side
        const points = curve.map((value, k) => (value === null ? null : [across(k) + aside, up(value)]));
        const path = points.map((p, k) => (p ? `${k && points[k - 1] ? "L" : "M"}${p[0].toFixed(1)} ${p[1].toFixed(1)}` : "")).join("");
        if (!named) parts.push(make("path", { d: path, class: `curve c${index}`, "clip-path": `url(#${clip.id})` }));
        if (named || curve.length <= 16)
          for (const p of points) if (p && inside(p[1])) parts.push(make("circle", { cx: p[0], cy: p[1], r: named ? 4.5 : 3.5, class: `dot c${index}` }));
        const needs = 40 + 7 * name.length;
        if (place > left && place + needs > right) [place, row] = [left, row + 18];
        if (!named) parts.push(line(place, row - 4, place + 26, row - 4, `curve c${index}`));
        else parts.push(make("circle", { cx: place + 20, cy: row - 4, r: 4.5, class: `dot c${index}` }));
        parts.push(text(place + 32, row, name));
        place += needs;
        told.push(`${name} ${curve.at(-1) === null ? "none" : number(curve.at(-1))}`);
      });
      this.show(this.width, row + 8, parts);
      const end = x.values.at(-1);
      const final = typeof end === "number" ? number(end) : end.replace("\n", " ");
      this.status.textContent = notes.length ? notes[at] : `${x.label} = ${final}: ${told.join("; ")}.`;
    }
  }

  // A distribution over the next token, as temperature and top-k change it.
  class Sampling extends Figure {
    build() {
      const { contexts, tokens } = this.data;
      this.context = this.choice("after", contexts.map(({ text }) => text), 0);
      this.temperatures = Array.from({ length: 29 }, (_, k) => (k + 2) / 10);
      this.temperature = this.slider("temperature", this.temperatures.map((value) => value.toFixed(1)), 8);
      const most = tokens.length;
      this.tops = [...Array.from({ length: 20 }, (_, k) => k + 1), 30, 50].filter((k) => k < most).concat(most);
      this.top = this.slider("top-k", this.tops.map((k) => (k === most ? `all ${k}` : `${k}`)), this.tops.length - 1);
    }

    draw() {
      const { contexts, tokens, bars } = this.data;
      const { logits } = contexts[this.context.get()];
      const heat = this.temperatures[this.temperature.get()];
      const kept = this.tops[this.top.get()];
      const order = logits.map((_, k) => k).sort((a, b) => logits[b] - logits[a]);
      const weights = (heat, kept) => {
        const raw = order.map((k, rank) => (rank < kept ? Math.exp((logits[k] - logits[order[0]]) / heat) : 0));
        const sum = raw.reduce((a, b) => a + b);
        return raw.map((value) => value / sum);
      };
      const [plain, now] = [weights(1, tokens.length), weights(heat, kept)];
      const wide = (this.width - 44) / bars;
      const [top, bottom] = [8, 210];
      const up = (value) => bottom - value * (bottom - top);
      const parts = [];
      for (const value of [0, 0.25, 0.5, 0.75, 1]) {
        parts.push(line(40, up(value), this.width, up(value), "grid"));
        parts.push(text(34, up(value) + 4, number(value), { class: "right" }));
      }
      for (let rank = 0; rank < bars; rank++) {
        const x = 42 + rank * wide;
        parts.push(box(x, up(now[rank]), wide - 3, bottom - up(now[rank]), "bar c0"));
        const looks = plain[rank] < 0.99 * now[rank] ? ["halo", "curve c1"] : ["curve c1"]; // a rim where it crosses the bar
        for (const look of looks) parts.push(line(x - 1, up(plain[rank]), x + wide - 2, up(plain[rank]), look));
        parts.push(text(x + wide / 2 - 1, bottom + 16, glyph(tokens[order[rank]]), { class: rank < kept ? "token" : "token to-come" }));
      }
      parts.push(box(42, bottom + 30, 14, 11, "bar c0"), text(62, bottom + 40, "with these knobs"));
      parts.push(line(184, bottom + 36, 204, bottom + 36, "curve c1"), text(210, bottom + 40, "without them"));
      parts.push(text(44, top + 12, "probability of the next character", { class: "small" }));
      this.show(this.width, bottom + 50, parts);
      const entropy = now.reduce((sum, p) => (p > 0 ? sum - p * Math.log2(p) : sum), 0);
      const rest = now.slice(bars).reduce((a, b) => a + b, 0);
      this.status.textContent =
        `Most likely: ${spoken(tokens[order[0]])}, ${(100 * now[0]).toFixed(1)} %. Entropy ${Math.max(0, entropy).toFixed(2)} bits` +
        (rest > 0.0005 ? `; characters without a bar hold ${(100 * rest).toFixed(1)} %.` : ".");
    }
  }

  // Rows of text with a bar each: those of the state that is picked.
  class Choose extends Figure {
    build() {
      const { name, states, slide } = this.data;
      const texts = states.map((state) => state.text);
      this.pick = slide ? this.slider(name, texts, 0) : this.choice(name, texts, 0);
    }

    draw() {
      const { states, kinds, notes, value } = this.data;
      const { rows } = states[this.pick.get()];
      const everything = states.flatMap((state) => state.rows);
      const start = 8.2 * Math.max(...everything.map(([words]) => [...words].length)) + 10;
      const total = Math.max(this.width, start + 150);
      const most = Math.max(...everything.map((row) => row[1])) || 1;
      const parts = [text(start, 12, value, { class: "small" })];
      rows.forEach(([words, amount, kind], k) => {
        const y = 20 + 22 * k;
        parts.push(text(0, y + 14, [...words].map(glyph).join(""), { class: "row" }));
        const wide = (amount / most) * (total - start - 52);
        parts.push(box(start, y + 3, Math.max(1, wide), 14, `bar c${kind}`));
        parts.push(text(start + wide + 6, y + 15, number(amount), { class: "small" }));
      });
      let [place, row] = [0, 20 + 22 * Math.max(...states.map((state) => state.rows.length)) + 8];
      kinds.forEach((kind, k) => {
        const needs = 34 + 7.5 * kind.length;
        if (place > 0 && place + needs > this.width) [place, row] = [0, row + 20];
        parts.push(box(place, row, 14, 12, `bar c${k}`), text(place + 20, row + 11, kind, { class: "small" }));
        place += needs;
      });
      this.show(total, row + 20, parts);
      const shown = rows.map(([words, amount, kind]) => `${words}: ${number(amount)}, ${kinds[kind]}`).join("; ");
      this.status.textContent = notes.length ? notes[this.pick.get()] : `${value}: ${shown}.`;
    }
  }

  // A table of colours, an alignment or a lattice: rows by columns, of the state that is picked; a row is read out.
  class Grid extends Figure {
    build() {
      const { name, states, slide, row } = this.data;
      const texts = states.map((state) => state.text);
      if (states.length > 1) this.pick = slide ? this.slider(name, texts, 0) : this.choice(name, texts, 0);
      this.row = this.slider(row, states[0].rows.map(spoken), 0);
    }

    draw() {
      const { states, scale, value, row, column, notes } = this.data;
      const state = this.pick ? this.pick.get() : 0;
      const { rows, columns, values, path } = states[state];
      if (this.shown !== state) {
        this.shown = state;
        this.row.texts = rows.map(spoken);
        return this.row.set(Math.min(this.row.get(), rows.length - 1)); // draws
      }
      const now = this.row.get();
      const longest = (texts) => Math.max(...texts.map((words) => [...words].length));
      const left = 8.2 * Math.max(longest(rows), 3) + 10;
      const wide = Math.max(16, Math.min(44, (this.width - left - 4) / columns.length));
      const high = 20;
      const flat = 8.2 * longest(columns) < wide; // names of columns that fit stand upright
      const top = 44 + (flat ? 18 : 8 * longest(columns));
      const across = (c) => left + (c + 0.5) * wide;
      const down = (r) => top + (r + 0.5) * high;
      const total = Math.max(this.width, left + wide * columns.length + 2);
      const signs = states.some((one) => one.values.flat().some((v) => v < 0)) ? "; orange above 0, blue below" : "";
      const parts = [text(0, 13, `${value} (full colour: ${number(scale)}${signs})`, { class: "name small" })];
      parts.push(text(0, 32, `${row} ↓, ${column} →`, { class: "name small" }));
      columns.forEach((words, c) => {
        const turned = { class: "row", transform: `translate(${across(c) + 4} ${top - 6}) rotate(-90)` };
        if (flat) parts.push(text(across(c), top - 6, glyph(words), { class: "token" }));
        else parts.push(text(0, 0, [...words].map(glyph).join(""), turned));
      });
      rows.forEach((words, r) => {
        const look = r === now ? "row now" : "row";
        parts.push(text(0, down(r) + 4, [...words].map(glyph).join(""), { class: look }));
        values[r].forEach((amount, c) => {
          const place = box(left + c * wide, top + r * high, wide - 1, high - 1, amount < 0 ? "negative" : "positive");
          place.style.setProperty("--amount", `${Math.min(100, Math.round(100 * Math.abs(amount)))}%`);
          parts.push(place);
        });
      });
      parts.push(box(left - 1, top + now * high - 1, wide * columns.length + 1, high + 1, "now"));
      const places = path.map(([r, c]) => `${across(c)} ${down(r)}`);
      if (path.length) parts.push(make("path", { d: `M${places.join("L")}`, class: "path" }));
      for (const [r, c] of path) parts.push(make("circle", { cx: across(c), cy: down(r), r: 3, class: "path" }));
      this.show(total, top + rows.length * high + 4, parts);
      const svg = this.drawing.firstChild;
      svg.addEventListener("click", (event) => {
        const r = Math.floor((event.clientY - svg.getBoundingClientRect().top - top) / high);
        if (r >= 0 && r < rows.length) this.row.set(r);
      });
      const order = columns.map((_, c) => c).sort((a, b) => Math.abs(values[now][b]) - Math.abs(values[now][a]));
      const named = (c) => spoken(columns[c] || String(c)); // a column without a text has its number, from 0
      const told = order.slice(0, 3).map((c) => `${named(c)} (${number(values[now][c] * scale)})`);
      const read = `${row} ${spoken(rows[now])}: largest at ${column} ${told.join(", ")}.`;
      this.status.textContent = notes.length ? `${notes[state]} ${read[0].toUpperCase()}${read.slice(1)}` : read;
    }
  }

  // Not before the page is read: an element's data come after its start
  document.addEventListener("DOMContentLoaded", () => {
    customElements.define("rnn-steps", Steps);
    customElements.define("rnn-curves", Curves);
    customElements.define("rnn-sampling", Sampling);
    customElements.define("rnn-choose", Choose);
    customElements.define("rnn-grid", Grid);
  });
})();
