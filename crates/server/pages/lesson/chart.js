// Curves over the epochs.

import { make, draw } from "./elements.js";

/**
 * A chart of lines, each with the name of its style and its points [epoch, value], up to `most` or to the highest value.
 * `shown` writes a value; `elsewhere` says where those who cannot see it find the figures.
 */
export function chart(parent, title, elsewhere, lines, shown, most) {
  const figure = make("figure", parent);
  make("figcaption", figure, title);
  const all = lines.flatMap((line) => line.points);
  const top = most || Math.max(0.5, ...all.map(([, value]) => value));
  const epochs = Math.max(1, ...all.map(([epoch]) => epoch));
  const svg = draw("svg", figure, { viewBox: "0 0 420 200", role: "img", "aria-label": title + elsewhere });
  for (let line = 0; line <= 4; line++) {
    const y = 10 + line * 40;
    draw("line", svg, { x1: 45, x2: 415, y1: y, y2: y, class: "grid" });
    draw("text", svg, { x: 40, y: y + 4, "text-anchor": "end", class: "soft" }, shown(top * (4 - line) / 4).replace(".0 %", " %"));
  }
  draw("text", svg, { x: 415, y: 194, "text-anchor": "end", class: "soft" }, "epoch " + epochs.toFixed(epochs < 10 ? 1 : 0));
  for (const { name, points } of lines) {
    const path = points.map(([epoch, value]) => (45 + 370 * epoch / epochs).toFixed(1) + "," + (170 - 160 * Math.min(1, value / top)).toFixed(1));
    draw("polyline", svg, { points: path.join(" "), class: name });
  }
}

/** What the styles of lines stand for: pairs of label and name of the style. */
export function legend(entries) {
  const list = make("ul", null, undefined, "legend");
  for (const [label, name] of entries) {
    const item = make("li", list);
    const svg = draw("svg", item, { viewBox: "0 0 40 12", "aria-hidden": "true" });
    draw("polyline", svg, { points: "0,6 40,6", class: name });
    item.append(" " + label);
  }
  return list;
}
