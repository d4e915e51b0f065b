// Chapter 3: two runs, live.

import { $, make, percent, short, whole, later, call, problem, trying, repeat, setup, onOpen, onChange } from "./base.js";
import { recorded } from "./backend.js";
import { chart, legend } from "./chart.js";

export const lanes = {
  written: { name: "As written", reversed: false, run: null, points: [], batches: -1, status: null },
  reversed: { name: "Reversed", reversed: true, run: null, points: [], batches: -1, status: null },
};
let runsSetup = "";
const setupOfRuns = () => JSON.stringify({ ...setup, reversed: false });
/** Starts runs of the present settings, unless there are some. */
export async function ensure() {
  if (runsSetup !== setupOfRuns() || lanes.written.run === null) await startRuns();
}
let polling = false;
const anyRunning = () => Object.values(lanes).some((lane) => lane.status && lane.status.running);

const beingPrepared = () => Object.values(lanes).some((lane) => lane.run !== null && lane.points.length === 0 && !(lane.status && lane.status.failed));

let starting = Promise.resolve();

/** One start after the other, so that both lanes always have runs of the same settings. */
function startRuns() {
  starting = starting.then(startBoth, startBoth);
  return starting;
}

async function startBoth() {
  runsSetup = setupOfRuns();
  for (const lane of Object.values(lanes)) {
    if (lane.run !== null) call("api/runs/" + lane.run, undefined, "DELETE").catch(() => {});
    lane.run = null;
    const { run } = await call("api/runs", { ...setup, reversed: lane.reversed });
    Object.assign(lane, { run, points: [], batches: -1, status: null });
  }
}

const resetRuns = trying(async () => {
  await startRuns();
  $("training-state").textContent = "";
  await pollOnce();
  poll();
});
const resetSoon = later(400, resetRuns);

const ensureRuns = trying(async () => {
  await ensure();
  await pollOnce();
  poll();
});

export async function pollOnce() {
  for (const lane of Object.values(lanes)) {
    const { run } = lane;
    if (run === null) continue;
    const status = await call("api/runs/" + run + "?since=0").catch((error) => {
      // It has been reset in the meantime.
      if (lane.run === run) throw error;
    });
    if (lane.run !== run) return pollOnce();
    lane.status = status;
    lane.points = status.points;
  }
  showRuns();
}

async function poll() {
  if (polling) return;
  polling = true;
  try {
    // Somebody may start them again while the last figures are fetched.
    do {
      await repeat(400, pollOnce, () => anyRunning() || beingPrepared());
      await pollOnce();
    } while (anyRunning());
  } catch (error) {
    problem(error.message);
  }
  polling = false;
}

async function control(action) {
  await ensure();
  await Promise.all(Object.values(lanes).map((lane) => call("api/runs/" + lane.run + "/control", { action })));
}

function showRuns() {
  const running = anyRunning();
  const done = Object.values(lanes).every((lane) => lane.status && lane.status.finished);
  $("go").textContent = running ? "Pause both" : "Start both";
  $("go").disabled = done && !recorded;
  $("batch").disabled = running || done;
  for (const [key, lane] of Object.entries(lanes)) showLane($("lane-" + key), lane);
  const last = (lane) => lane.points[lane.points.length - 1];
  const [written, reversed] = [last(lanes.written), last(lanes.reversed)];
  if (written && reversed && (done || !running)) {
    if (reversed.batches === 0 && written.batches === 0) $("training-state").textContent = "Ready. Nothing has been learned yet: answers are guesses.";
    else $("training-state").textContent = (done ? "Both runs are done. " : "Paused after epoch " + short(reversed.epoch) + ". ")
      + "As written: accuracy " + percent(written.accuracy) + "; reversed: " + percent(reversed.accuracy) + ".";
  }
  showCurves();
}

export function showLane(place, lane) {
  const { status } = lane;
  if (!status) return;
  const point = lane.points[lane.points.length - 1];
  place.replaceChildren();
  make("h3", place, lane.name);
  if (status.failed) make("p", place, status.failed);
  if (!point) { make("p", place, "The run is being prepared."); return; }
  const forced = make("p", place, "Accuracy, teacher-forced: ", "figures");
  make("b", forced, percent(point.accuracy));
  const free = make("p", place, "Whole answers right, free-running: ", "figures");
  make("b", free, percent(point.exact_match));
  make("p", place, "Epoch " + short(point.epoch) + ", batch " + whole(point.batches) + ", loss " + point.loss.toFixed(3)
    + (status.pairs_per_second ? ", " + whole(status.pairs_per_second) + " questions a second" : ""));
  const region = make("div", place, undefined, "scroll");
  region.tabIndex = 0;
  region.setAttribute("role", "region");
  region.setAttribute("aria-label", "Questions and answers: " + lane.name);
  const table = make("table", region);
  const head = make("tr", make("thead", table));
  for (const name of ["question", "right answer", "the model's", "it is"]) make("th", head, name, "text").scope = "col";
  const body = make("tbody", table);
  for (const { source, target, answer } of status.answered) {
    const row = make("tr", body);
    make("td", row, source.trim(), "text");
    make("td", row, target.trim(), "text");
    make("td", row, answer.trim(), "text");
    make("td", row, answer.trim() === target.trim() ? "\u2713 right" : "\u2717 wrong");
  }
}

function showCurves() {
  const lines = (values) => Object.entries(lanes).flatMap(([key, lane]) => values.map((value, which) => ({
    name: key + (which ? " free" : ""), points: lane.points.map((point) => [point.epoch, value(point)]),
  })));
  const grid = make("div", null, undefined, "charts");
  const beside = ". The figures are beside each run below.";
  chart(grid, "Accuracy on 200 questions that are not in training", beside, lines([(point) => point.accuracy, (point) => point.exact_match]), percent, 1);
  chart(grid, "Teacher-forced loss on them, nats a symbol", beside, lines([(point) => point.loss]), (value) => value.toFixed(1));
  $("curves").replaceChildren(grid, legend([
    ["as written, teacher-forced", "written"], ["as written, whole answers", "written free"],
    ["reversed, teacher-forced", "reversed"], ["reversed, whole answers", "reversed free"],
  ]));
}

$("go").addEventListener("click", trying(async () => {
  await control(anyRunning() ? "pause" : "go");
  $("training-state").textContent = "";
  await pollOnce();
  poll();
}));
$("batch").addEventListener("click", trying(async () => { await control("batch"); poll(); }));
$("reset").addEventListener("click", resetRuns);
onOpen.training = ensureRuns;
onChange.training = resetSoon;
