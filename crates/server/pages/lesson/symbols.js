// Chapters 1 and 2: symbols and the model.

import { $, make, draw, visible, whole, later, call, trying, setup, onOpen, onChange } from "./base.js";

const encode = later(60, trying(async () => {
  const text = $("question").value;
  const answer = await call("api/encode", { setup, text });
  $("encode-warnings").replaceChildren(...answer.warnings.map((warning) => make("li", null, "Warning: " + warning)));
  const size = answer.vocabulary.length;
  const padded = answer.symbols.length - [...text].length;
  $("onehot-text").textContent = "The vocabulary has " + size + " symbols. "
    + (padded > 0 ? "The question is filled up with " + padded + (padded === 1 ? " blank" : " blanks") + " (\u2423) to one width. " : "")
    + (setup.reversed ? "It is read backwards. " : "It is read as it is written. ")
    + (answer.vectors ? "Each id picks a row of a learned table; here are the rows before training." : "Each id is a row of zeros with a single one: a one-hot vector. All of them are a matrix of " + answer.ids.length + " by " + size + ".");
  const table = $("onehot");
  table.replaceChildren();
  const head = make("tr", make("thead", table));
  for (const name of ["step", "symbol", "id"]) make("th", head, name).scope = "col";
  const columns = answer.vectors ? answer.vectors[0].map((_, place) => String(place)) : answer.vocabulary.map(visible);
  for (const name of columns) make("th", head, name).scope = "col";
  const body = make("tbody", table);
  answer.ids.forEach((id, step) => {
    const row = make("tr", body);
    make("th", row, String(step + 1)).scope = "row";
    make("td", row, visible(answer.vocabulary[id])).className = "text";
    make("td", row, String(id));
    if (answer.vectors) for (const value of answer.vectors[step]) make("td", row, value.toFixed(2));
    else for (let place = 0; place < size; place++) make("td", row, place === id ? "1" : "0", place === id ? "one" : "");
  });
}));


const shapes = later(60, trying(async () => {
  const answer = await call("api/model", setup);
  drawModel(answer);
  const table = $("weights");
  table.replaceChildren();
  const head = make("tr", make("thead", table));
  make("th", head, "weight", "text").scope = "col";
  make("th", head, "shape").scope = "col";
  make("th", head, "numbers").scope = "col";
  const body = make("tbody", table);
  for (const weight of answer.weights) {
    const row = make("tr", body);
    make("td", row, weight.name, "text");
    make("td", row, weight.shape.join(" \u00d7 "));
    make("td", row, whole(weight.count));
  }
  const foot = make("tr", make("tfoot", table));
  make("th", foot, "all", "text").scope = "row";
  make("td", foot, "");
  make("td", foot, whole(answer.total)).id = "total";
}));

function drawModel(answer) {
  const wide = innerWidth > 640;
  const boxes = [
    ["question", answer.longest_source + " symbols", setup.embedding ? "vectors of " + setup.embedding : "one-hot of " + answer.source_symbols],
    ["encoder", setup.cell.toUpperCase(), setup.units + " units"],
    ["state", setup.cell === "lstm" ? "h and c" : "h", (setup.cell === "lstm" ? "2 \u00d7 " : "") + (setup.decoder_units || setup.units) + " numbers"],
    ["decoder", setup.cell.toUpperCase() + (setup.attention === "none" ? "" : " + attention"), (setup.decoder_units || setup.units) + " units"],
    ["softmax", answer.longest_target + " steps", "one of " + answer.target_symbols + " symbols"],
  ];
  const [width, height] = wide ? [860, 120] : [320, 520];
  const svg = draw("svg", null, { viewBox: "0 0 " + width + " " + height, "aria-hidden": "true" });
  boxes.forEach((lines, place) => {
    const [x, y] = wide ? [5 + place * 172, 15] : [70, 5 + place * 104];
    draw("rect", svg, { x, y, width: 148, height: 78, rx: 8, class: "box" });
    lines.forEach((line, at) => draw("text", svg, { x: x + 74, y: y + 24 + at * 20, "text-anchor": "middle", "font-weight": at ? 400 : 700 }, line));
    if (place + 1 < boxes.length) {
      const path = wide ? "M" + (x + 148) + " " + (y + 39) + "h20m-6 -5l6 5l-6 5" : "M" + (x + 74) + " " + (y + 78) + "v22m-5 -6l5 6l5 -6";
      draw("path", svg, { d: path, class: "arrow" });
    }
  });
  if (setup.attention !== "none" && wide) draw("path", svg, { d: "M251 93v15h344v-13m-5 6l5 -6l5 6", class: "arrow" });
  $("drawing").replaceChildren(svg);
  $("drawing-text").textContent = "The encoder reads up to " + answer.longest_source + " symbols. Its last state starts the decoder, which writes up to "
    + answer.longest_target + " symbols" + (setup.attention === "none" ? "; nothing else passes between the two" : " and looks back at every symbol by attention")
    + ". Together they have " + whole(answer.total) + " weights.";
}

onOpen.symbols = onChange.symbols = encode;
onOpen.model = onChange.model = shapes;
