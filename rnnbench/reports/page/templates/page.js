"use strict";
// All text is inserted with textContent, because names in the results may contain markup.

const { columns, cells } = JSON.parse(document.getElementById("data").textContent);
const tip = document.getElementById("tip");
const detail = document.getElementById("detail");
const DASH = "–";

const two = (x) => (x === null ? DASH : x.toFixed(Math.abs(x) < 9.995 ? 2 : Math.abs(x) < 99.95 ? 1 : 0)
  .replace(/^-(0\.?0*)$/, "$1").replace("-", "−"));
const four = (x) => (x === null ? DASH : String(Number(x.toPrecision(4))).replace("-", "−"));
const title = (entry) => (entry.first === entry.second ? `${entry.first}, then more of it` : `${entry.first}, then ${entry.second}`);

function element(name, text, attributes = {}) {
  const created = document.createElement(name);
  if (text !== undefined) created.textContent = text;
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  return created;
}

function drawn(name, attributes, text) {
  const created = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  if (text !== undefined) created.textContent = text;
  return created;
}

// The numbers of a matrix entry

function mean(entry, column) {
  const known = entry.rows.filter((row, k) => entry.counted[k] && row[column] !== null).map((row) => row[column]);
  return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
}

function numbers(entry) {
  const [average, sd, low, high] = entry.numbers;
  const [networks, converged, counted] = entry.networks;
  const lines = [
    `interference ${two(average)}${sd === null ? "" : ` ± ${two(sd)} (standard deviation over seeds)`}`,
    ...(low === null ? [] : [`95 % interval over seeds ${two(low)} to ${two(high)}`]),
    `${counted} of ${networks} networks count; ${converged} reached the criterion on A`,
  ];
  if (counted) {
    lines.push(`loss on A: ${four(mean(entry, 2))} untrained, ${four(mean(entry, 3))} learnt, ${four(mean(entry, 4))} after B`);
  }
  return lines;
}

// A tooltip beside the entry that is pointed at or has the focus

let tipButton = null; // the entry whose tooltip is shown

function showTip(button) {
  const entry = cells[Number(button.dataset.cell)];
  tipButton = button;
  tip.replaceChildren(element("b", title(entry)), `\n${[entry.setting, ...numbers(entry)].join("\n")}`);
  tip.hidden = false;
  placeTip();
}

function placeTip() {
  if (!tipButton) return;
  const at = tipButton.getBoundingClientRect();
  const left = Math.min(at.left + at.width / 2 - tip.offsetWidth / 2, innerWidth - tip.offsetWidth - 8);
  const below = at.bottom + 8 + tip.offsetHeight < innerHeight;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${below ? at.bottom + 8 : Math.max(8, at.top - tip.offsetHeight - 8)}px`;
}

function hideTip() {
  tip.hidden = true;
  tipButton = null;
}

const entryAt = (event) => (event.target instanceof Element ? event.target.closest("button.cell") : null);

document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch") return;
  const button = entryAt(event);
  if (button) showTip(button); else hideTip();
});
document.addEventListener("focusin", (event) => {
  const button = entryAt(event);
  if (button && button.matches(":focus-visible")) showTip(button); else hideTip();
});
document.addEventListener("focusout", hideTip);
addEventListener("scroll", placeTip, { passive: true, capture: true });

// Arrow keys move from entry to entry

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hideTip();
  const button = entryAt(event);
  const step = STEPS[event.key];
  if (!button || !step || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const table = button.closest("table");
  let row = button.closest("tr").rowIndex;
  let column = button.closest("td").cellIndex;
  for (;;) { // skip empty positions
    row += step[0];
    column += step[1];
    const field = table.rows[row]?.cells[column];
    if (!field) return;
    const next = field.querySelector("button.cell");
    if (next) {
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
      showTip(next);
      return;
    }
  }
});

// The networks of an entry and their curves

document.addEventListener("click", (event) => {
  const button = entryAt(event);
  if (button) open(cells[Number(button.dataset.cell)]);
  if (event.target === detail) detail.close(); // a click outside the dialog
});

function open(entry) {
  hideTip();
  document.getElementById("detail-title").textContent = title(entry);
  document.getElementById("detail-setting").textContent = entry.setting;
  const body = document.getElementById("detail-body");
  body.replaceChildren(...numbers(entry).map((line) => element("p", line)));
  if (entry.curves.length) body.append(curvesOf(entry));
  else body.append(element("p", "These results contain no curves."));
  body.append(networksOf(entry));
  detail.showModal();
  detail.scrollTop = 0;
}

function networksOf(entry) {
  const box = element("div", undefined, { class: "scroll", tabindex: "0", role: "region", "aria-label": "Networks, table" });
  const table = element("table", undefined, { class: "plain" });
  const head = table.createTHead().insertRow();
  for (const name of [...columns, "counts"]) head.append(element("th", name, { scope: "col" }));
  const rows = table.createTBody();
  entry.rows.forEach((values, k) => {
    const row = rows.insertRow();
    values.forEach((value, n) => row.append(n ? element("td", four(value)) : element("th", four(value), { scope: "row" })));
    row.append(element("td", entry.counted[k] ? "yes" : entry.failures[k] ? `no: ${entry.failures[k]}` : "no"));
  });
  box.append(table);
  return box;
}

function curvesOf(entry) {
  const box = element("div", undefined, { class: "curves" });
  const untrained = mean(entry, 2);
  const name = entry.first === entry.second ? "A again" : "B";
  box.append(plot(entry, 1, `loss on A (${entry.first}) while ${name} was learnt`, untrained));
  if (entry.first !== entry.second) box.append(plot(entry, 2, `loss on B (${entry.second})`, null));
  return box;
}

function plot(entry, which, name, reference) {
  const [width, height, left, right, top, bottom] = [innerWidth < 500 ? 340 : 480, 300, 64, 20, 12, 46];
  const lines = entry.curves
    .map((curve, k) => ({ counted: entry.counted[k], points: curve.length ? curve[0].map((u, n) => [u, curve[which][n]]) : [] }))
    .map((line) => ({ ...line, points: line.points.filter(([, y]) => y !== null && y > 0) }))
    .filter((line) => line.points.length);
  const figure = element("figure", undefined);
  figure.append(element("h3", name));
  if (!lines.length) {
    figure.append(element("p", "There is no finite loss to draw."));
    return figure;
  }
  const every = lines.flatMap((line) => line.points);
  const ys = [...every.map((p) => p[1]), ...(reference > 0 ? [reference] : [])];
  const last = Math.max(1, ...every.map((p) => p[0]));
  const low = Math.log10(Math.min(...ys)) - 0.05;
  const high = Math.max(Math.log10(Math.max(...ys)) + 0.05, low + 0.2);
  const x = (u) => left + (u / last) * (width - left - right);
  const y = (loss) => top + ((high - Math.log10(loss)) / (high - low)) * (height - top - bottom);
  const range = `from ${four(Math.min(...every.map((p) => p[1])))} to ${four(Math.max(...every.map((p) => p[1])))}`;
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${name}: ${lines.length} networks, ${range}` });
  for (const tick of logTicks(low, high)) {
    svg.append(drawn("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
    svg.append(drawn("text", { x: left - 6, y: y(tick) + 5, "text-anchor": "end" }, String(tick)));
  }
  for (const tick of ticks(last)) {
    svg.append(drawn("line", { class: "axis", x1: x(tick), x2: x(tick), y1: height - bottom, y2: height - bottom + 5 }));
    svg.append(drawn("text", { x: x(tick), y: height - bottom + 20, "text-anchor": "middle" }, String(tick)));
  }
  svg.append(drawn("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, "updates"));
  if (reference > 0) {
    svg.append(drawn("line", { x1: left, x2: width - right, y1: y(reference), y2: y(reference), stroke: "#595959", "stroke-dasharray": "2 4", "stroke-width": 2 }));
  }
  for (const line of lines) {
    const path = line.points.map(([u, loss]) => `${x(u).toFixed(1)} ${y(loss).toFixed(1)}`);
    const look = line.counted ? { stroke: "#00538a" } : { stroke: "#a33f00", "stroke-dasharray": "7 4" };
    svg.append(drawn("path", { d: `M${path.join("L")}`, fill: "none", "stroke-width": 1.6, "stroke-opacity": 0.85, ...look }));
  }
  figure.append(svg);
  const legend = ["solid: networks that count", ...(lines.every((line) => line.counted) ? [] : ["dashed: those that do not"])];
  if (reference > 0) legend.push("dotted: untrained");
  figure.append(element("figcaption", `${legend.join("; ")}. Logarithmic scale.`));
  return figure;
}

function logTicks(low, high) {
  const all = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power += 1) {
    for (const factor of high - low > 2 ? [1] : [1, 2, 5]) all.push(Number((factor * 10 ** power).toPrecision(1)));
  }
  const inside = all.filter((tick) => Math.log10(tick) >= low && Math.log10(tick) <= high);
  const skip = Math.ceil(inside.length / 8);
  return inside.filter((_, k) => k % skip === 0);
}

function ticks(last) {
  const raw = last / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(1, [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw));
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, k) => Number((k * step).toPrecision(6)));
}

// Open all collapsed parts for printing

let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((one) => { one.open = true; });
});
addEventListener("afterprint", () => folded.forEach((one) => { one.open = false; }));
