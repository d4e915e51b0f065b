// Chapter 4: inside one answer.

import { $, make, visible, percent, short, later, remember, call, trying, setup, onOpen } from "./base.js";
import { ensure, lanes } from "./training.js";

let forced = [];
const lane = () => lanes[$("inside-lane").value];

function rightAnswer(question) {
  const terms = question.trim().split("+");
  if (terms.length < 2 || terms.some((term) => !/^[0-9]+$/.test(term))) return null;
  const width = String((10 ** setup.digits - 1) * setup.terms).length;
  return String(terms.reduce((sum, term) => sum + Number(term), 0)).padStart(width);
}

const lookInside = trying(async () => {
  await ensure();
  const input = $("inside-question").value;
  const ask = { input, forced };
  if ($("feeding").value === "true") {
    ask.teacher = rightAnswer(input);
    if (ask.teacher === null) throw new Error("The true symbols are those of the sum: type a question such as 12+345.");
    ask.forced = [];
  }
  const answer = await call("api/runs/" + lane().run + "/trace", ask);
  const status = await call("api/runs/" + lane().run + "?since=0");
  const point = status.points[status.points.length - 1];
  $("inside-state").textContent = "Question " + JSON.stringify(input) + ": after " + (point ? short(point.epoch) : "0") + " epochs the model writes " + JSON.stringify(answer.text)
    + (forced.length ? " with your choice." : ".") + (answer.warnings.length ? " Warning: " + answer.warnings.join("; ") : "")
    + (status.batches === 0 ? " It has learned nothing yet: train it in chapter 3." : "");
  showSoftmax(answer);
  showStrips(answer);
  showGates(answer);
  await searchAnswers();
});

function showSoftmax(answer) {
  const given = answer.first === null ? [] : [answer.first];
  const teacher = $("feeding").value === "true";
  $("softmax").replaceChildren();
  if (answer.first !== null) {
    const first = make("div", $("softmax"), undefined, "step given");
    make("h4", first, "given");
    make("span", first, visible(answer.first), "symbol");
    make("p", first, "This model is given the first symbol; of all it takes the one that leads to the likeliest answer.").className = "soft";
  }
  answer.steps.forEach((step, place) => {
    const box = make("div", $("softmax"), undefined, "step");
    make("h4", box, "step " + (place + 1) + (step.forced ? (teacher ? ", true symbol" : ", forced") : ""));
    for (const choice of step.choices.slice(0, 6)) {
      const button = make("button", box);
      button.type = "button";
      make("span", button, visible(choice.symbol), "symbol");
      const bar = make("span", button, "", "bar");
      bar.style.width = Math.max(1, 100 * choice.probability) + "%";
      make("span", button, (100 * choice.probability).toFixed(1) + " %", "share");
      button.setAttribute("aria-pressed", String(choice.symbol === step.symbol));
      button.disabled = teacher || choice.symbol === null;
      button.addEventListener("click", () => {
        forced = [...given, ...answer.steps.slice(0, place).map((earlier) => earlier.symbol), choice.symbol];
        lookInside();
      });
    }
  });
  $("inside-release").hidden = forced.length === 0;
}

function colour(value) {
  const style = getComputedStyle(document.documentElement);
  const strength = Math.min(1, Math.abs(value));
  return "rgb(" + style.getPropertyValue(value < 0 ? "--low" : "--high").trim() + " / " + strength + ")";
}

function strip(parent, label, values) {
  const row = make("div", parent, undefined, "strip");
  make("span", row, label, "label");
  const canvas = make("canvas", row);
  canvas.width = values.length;
  canvas.height = 1;
  canvas.style.width = Math.max(120, values.length * 6) + "px";
  const paint = canvas.getContext("2d");
  values.forEach((value, unit) => { paint.fillStyle = colour(value); paint.fillRect(unit, 0, 1, 1); });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label + ": " + values.length + " units from " + Math.min(...values).toFixed(2) + " to " + Math.max(...values).toFixed(2));
}

function showStrips(answer) {
  $("strips").replaceChildren();
  answer.encoder.forEach((h, place) => strip($("strips"), "encoder reads " + visible(answer.read[place].symbol), h));
  const reads = [answer.first, ...answer.steps.map((step) => step.symbol)];
  answer.steps.forEach((step, place) => { if (step.state) strip($("strips"), "decoder reads " + visible(reads[place] === null ? "\u2205" : reads[place]), step.state.h); });
  const states = answer.encoder;
  if (states.length > 1) {
    const change = states[states.length - 1].map((value, unit) => [Math.abs(value - states[states.length - 2][unit]), unit]);
    change.sort((a, b) => b[0] - a[0]);
    $("state-text").textContent = "The last symbol that the encoder read changed these units most: "
      + change.slice(0, 5).map(([by, unit]) => "unit " + unit + " by " + by.toFixed(2)).join(", ") + ".";
  }
}

function showGates(answer) {
  const table = $("gates");
  table.replaceChildren();
  const gated = answer.steps.filter((step) => step.gates);
  if (gated.length === 0) { make("caption", table, "This cell has no LSTM gates."); return; }
  const head = make("tr", make("thead", table));
  for (const name of ["step", "input gate: lets new values in", "forget gate: keeps the old", "output gate: shows the cell"]) make("th", head, name).scope = "col";
  const body = make("tbody", table);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  gated.forEach((step, place) => {
    const row = make("tr", body);
    make("th", row, String(place + 1)).scope = "row";
    for (const gate of [step.gates.input, step.gates.forget, step.gates.output]) {
      const open = gate.filter((value) => value > 0.5).length;
      make("td", row, "mean " + mean(gate).toFixed(2) + ", open in " + open + " of " + gate.length + " units");
    }
  });
}

async function searchAnswers() {
  const ask = { input: $("inside-question").value, beam: Number($("beam").value) };
  if ($("sampled").checked) Object.assign(ask, { temperature: Number($("temperature").value), seed: Math.floor(Math.random() * 1e6) });
  const { hypotheses } = await call("api/runs/" + lane().run + "/search", ask);
  // Answers that begin alike share a branch.
  const root = { children: new Map(), leaf: null };
  for (const hypothesis of hypotheses) {
    let node = root;
    for (const symbol of hypothesis.text) {
      if (!node.children.has(symbol)) node.children.set(symbol, { children: new Map(), leaf: null });
      node = node.children.get(symbol);
    }
    node.leaf = node.leaf || hypothesis;
  }
  const branch = (node, parent) => {
    const list = make("ul", parent);
    for (let [symbol, child] of node.children) {
      let path = visible(symbol);
      while (child.children.size === 1 && child.leaf === null) {
        const [[next, only]] = child.children;
        path += visible(next);
        child = only;
      }
      const item = make("li", list);
      make("span", item, path, "symbol");
      if (child.leaf) make("span", item, "  \u2192 " + JSON.stringify(child.leaf.text) + ", probability " + percent(Math.exp(child.leaf.log_probability)));
      if (child.children.size) branch(child, item);
    }
  };
  $("tree").replaceChildren();
  branch(root, $("tree"));
}

const lookSoon = later(150, () => lookInside());
const insideSoon = () => { forced = []; lookSoon(); };
$("inside-question").addEventListener("input", () => { $("question").value = $("inside-question").value; remember(); insideSoon(); });
$("inside-lane").addEventListener("change", insideSoon);
$("feeding").addEventListener("change", insideSoon);
$("look").addEventListener("click", () => lookInside());
$("inside-release").addEventListener("click", () => { forced = []; lookInside(); $("look").focus(); });
$("draw").addEventListener("click", trying(searchAnswers));
onOpen.inside = lookInside;
