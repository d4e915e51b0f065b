// Follows one training run: curves, sample answers and the figures of each epoch. It can change nothing.

import { $, make, percent, whole } from "./elements.js";
import { chart, legend } from "./chart.js";

const BETWEEN = 1000;
/** Epochs that the table shows, the last first. */
const ROWS = 50;
let epochs = [];

async function look() {
  const response = await fetch("api/run?since=" + epochs.length);
  const run = await response.json();
  if (!response.ok) throw new Error(run.error.message);
  epochs = epochs.concat(run.epochs);
  show(run);
  return run.ended;
}

function show(run) {
  $("name").textContent = "Training run " + run.name;
  document.title = run.name + ": training run";
  const { now } = run;
  const length = run.last_epoch === null ? "" : " of " + run.last_epoch;
  $("state").textContent = run.ended ? "Training has ended."
    : now ? "Epoch " + now.epoch + length + ", batch " + now.batch + " of " + now.batches + "." : "Training begins.";
  $("now").textContent = now ? "Loss " + now.loss.toFixed(4) + ", accuracy " + percent(now.accuracy) + ", " + whole(now.pairs_per_second) + " pairs a second" : "";
  if (run.epochs.length > 0) { showCurves(); showEpochs(); }
  showAnswers(run.answered);
}

function showCurves() {
  const points = (value) => epochs.map((epoch) => [epoch.epoch, value(epoch)]).filter(([, value]) => value !== undefined);
  const training = (value) => ({ name: "written", points: points(value) });
  const validation = (value, name) => ({ name: "reversed" + (name || ""), points: points((epoch) => epoch.validation ? value(epoch.validation) : undefined) });
  const grid = make("div", null, undefined, "charts");
  const below = ". The figures are in the table below.";
  chart(grid, "Accuracy, and whole answers right", below, [training((it) => it.accuracy), validation((it) => it.accuracy), validation((it) => it.exact_match, " free")], percent, 1);
  chart(grid, "Loss, nats a symbol", below, [training((it) => it.loss), validation((it) => it.loss)], (value) => value.toFixed(1));
  $("curves").replaceChildren(grid, legend([
    ["training, teacher-forced", "written"], ["validation, teacher-forced", "reversed"], ["validation, whole answers", "reversed free"],
  ]));
}

function table(place, names) {
  place.replaceChildren();
  const head = make("tr", make("thead", place));
  for (const name of names) make("th", head, name).scope = "col";
  return make("tbody", place);
}

function showEpochs() {
  const body = table($("epochs"), ["epoch", "loss", "accuracy", "pairs/s", "dev: loss", "accuracy", "exact match", "symbol errors", "best"]);
  for (const epoch of epochs.slice(-ROWS).reverse()) {
    const row = make("tr", body);
    make("th", row, String(epoch.epoch)).scope = "row";
    const dev = epoch.validation;
    const cells = [epoch.loss.toFixed(4), epoch.accuracy.toFixed(4), whole(epoch.pairs_per_second)];
    if (dev) cells.push(dev.loss.toFixed(4), dev.accuracy.toFixed(4), dev.exact_match.toFixed(4), dev.symbol_error_rate.toFixed(4), dev.best ? "best" : "");
    for (const cell of cells) make("td", row, cell);
  }
}

function showAnswers(answered) {
  const body = table($("answers"), ["question", "right answer", "the model's", "it is"]);
  for (const { source, target, answer } of answered) {
    const row = make("tr", body);
    for (const text of [source, target, answer]) make("td", row, text, "text");
    make("td", row, answer === target ? "\u2713 right" : "\u2717 wrong");
  }
}

async function follow() {
  let failures = 0;
  for (;;) {
    try {
      if (await look()) return;
      failures = 0;
    } catch {
      failures += 1;
      if (failures === 3) {
        $("problem").textContent = "The run does not answer any more: it has ended. These are its last figures.";
        $("problem").hidden = false;
        return;
      }
    }
    await new Promise((done) => setTimeout(done, BETWEEN));
  }
}

follow();
