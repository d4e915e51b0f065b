"use strict";
// Asks the service as you type. Text from the model and from people is only ever set as text.

const $ = (id) => document.getElementById(id);
const make = (name, text, parent) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
};
const visible = (symbol) => symbol === null ? "end" : symbol === " " ? "\u2423" : symbol === "" ? "\u2205" : symbol;
const percent = (share) => (100 * share).toFixed(share < 0.0995 ? 1 : 0);

let forced = [];
let asked = 0;
let timer = 0;
let running = null;

function remember() {
  const state = new URLSearchParams({ model: $("model").value, input: $("input").value, beam: $("beam").value });
  history.replaceState(null, "", "#" + state);
}

async function call(path, body, signal) {
  const headers = {};
  if ($("token").value) headers.Authorization = "Bearer " + $("token").value;
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal });
  const answer = await response.json();
  if (response.status === 401) $("token-row").hidden = false;
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}

async function update() {
  remember();
  const turn = ++asked;
  if (running) running.abort();
  running = new AbortController();
  const beam = Number($("beam").value);
  const ask = { model: $("model").value, inputs: [$("input").value], beam, n_best: Math.min(beam, 5) };
  const explain = { model: $("model").value, input: $("input").value, forced, top: 5 };
  try {
    const [answer, steps] = await Promise.all([
      call("/v1/predict", ask, running.signal),
      call("/v1/explain", explain, running.signal),
    ]);
    if (turn !== asked) return;
    showAnswers(answer.outputs[0]);
    showSteps(steps);
    showAttention(steps);
    $("state").textContent = forced.length ? "With your choices the answer is " + JSON.stringify(steps.text) + "." : "";
  } catch (error) {
    if (turn === asked && error.name !== "AbortError") $("state").textContent = error.message;
  }
}

function showAnswers(output) {
  $("answers").replaceChildren(...output.hypotheses.map((hypothesis) => {
    const item = make("li");
    make("span", hypothesis.text === "" ? "(nothing)" : hypothesis.text, item).className = "text";
    const sure = hypothesis.confidence === null ? "" : "confidence " + percent(hypothesis.confidence) + " %, ";
    const figures = output.source === "lexicon" ? "from the lexicon" : sure + "score " + hypothesis.score.toFixed(3) + (hypothesis.finished ? "" : ", cut at the length limit");
    make("span", figures, item).className = "figures";
    return item;
  }));
  $("warnings").replaceChildren(...output.warnings.map((warning) => make("li", "Warning: " + warning)));
}

function showSteps(answer) {
  const given = answer.first === null ? [] : [answer.first];
  $("steps").replaceChildren(...answer.steps.map((step, place) => {
    const row = make("tr");
    make("th", String(place + 1), row).scope = "row";
    for (const choice of step.choices) {
      const button = make("button", undefined, make("td", undefined, row));
      button.type = "button";
      make("span", visible(choice.symbol), button).className = "symbol";
      make("span", percent(choice.probability) + " %", button);
      const meter = make("meter", undefined, button);
      meter.value = choice.probability;
      meter.setAttribute("aria-hidden", "true");
      const chosen = choice.symbol === step.symbol;
      button.setAttribute("aria-pressed", String(chosen));
      if (choice.symbol === null) button.disabled = true;
      button.addEventListener("click", () => {
        const before = answer.steps.slice(0, place).map((earlier) => earlier.symbol);
        forced = [...given, ...before, choice.symbol];
        update();
      });
    }
    return row;
  }));
  $("release").hidden = forced.length === 0;
}

function showAttention(answer) {
  const written = answer.steps.filter((step) => step.attention !== null && step.symbol !== null);
  $("attention-section").hidden = written.length === 0;
  if (written.length === 0) return;
  const head = make("tr");
  make("td", "", head);
  for (const symbol of answer.symbols) make("th", visible(symbol), head).scope = "col";
  $("attention").replaceChildren(head, ...written.map((step) => {
    const row = make("tr");
    make("th", visible(step.symbol), row).scope = "row";
    for (const weight of step.attention) {
      const cell = make("td", percent(weight), row);
      cell.className = "heat";
      cell.style.backgroundColor = "color-mix(in srgb, var(--bar) " + percent(weight) + "%, transparent)";
    }
    return row;
  }));
}

function soon() {
  forced = [];
  clearTimeout(timer);
  timer = setTimeout(update, 120);
}

async function start() {
  const state = new URLSearchParams(location.hash.slice(1));
  try {
    const { models } = await call("/v1/models");
    $("model").replaceChildren(...models.map((model) => {
      const option = make("option", model.name);
      option.value = model.name;
      return option;
    }));
    if (models.some((model) => model.name === state.get("model"))) $("model").value = state.get("model");
    $("state").textContent = "";
  } catch (error) {
    $("state").textContent = error.message;
    return;
  }
  if (state.has("input")) $("input").value = state.get("input");
  if (state.has("beam")) $("beam").value = state.get("beam");
  $("beam-shown").value = $("beam").value;
  update();
}

$("form").addEventListener("submit", (event) => event.preventDefault());
$("token").addEventListener("change", start);
$("model").addEventListener("change", soon);
$("input").addEventListener("input", soon);
$("beam").addEventListener("input", () => { $("beam-shown").value = $("beam").value; soon(); });
$("release").addEventListener("click", () => { forced = []; update(); $("input").focus(); });
start();
