// Chapter 6: attention, on dates.

import { $, make, visible, percent, later, call, problem, trying, repeat, onOpen } from "./base.js";
import { recorded } from "./backend.js";
import { DATES } from "./setups.js";
import { showLane } from "./training.js";
import { barTable } from "./why.js";

const dates = {
  plain: { name: "Without attention", attention: "none", run: null, points: [], status: null },
  attention: { name: "With attention", attention: "general", run: null, points: [], status: null },
};
let datesPolling = false;

/** The last start of both runs; none before the first, and after one that failed. */
let starting = null;

/** One start after the other. */
function startDates() {
  starting = Promise.resolve(starting).then(startBoth).then(() => { if (dates.attention.run === null) starting = null; });
  return starting;
}

const ensureDates = () => starting || startDates();

const startBoth = trying(async () => {
  for (const lane of Object.values(dates)) {
    if (lane.run !== null) call("api/runs/" + lane.run, undefined, "DELETE").catch(() => {});
    const { run } = await call("api/runs", { ...DATES, attention: lane.attention });
    Object.assign(lane, { run, points: [], status: null });
  }
  $("dates-state").textContent = "";
  pollDates();
});

const datesRunning = () => Object.values(dates).some((lane) => lane.status && lane.status.running);

async function lookAtDates() {
  for (const [key, lane] of Object.entries(dates)) {
    if (lane.run === null) continue;
    lane.status = await call("api/runs/" + lane.run + "?since=0");
    lane.points = lane.status.points;
    showLane($("lane-" + key), lane);
  }
  const running = datesRunning();
  const done = Object.values(dates).every((lane) => lane.status && lane.status.finished);
  $("dates-go").textContent = running ? "Pause both" : "Start both";
  $("dates-go").disabled = done && !recorded;
  const last = (lane) => lane.points[lane.points.length - 1];
  if ((done || !running) && last(dates.plain) && last(dates.attention)) {
    $("dates-state").textContent = (done ? "Both runs are done. " : "Paused. ") + "Whole answers right: without attention "
      + percent(last(dates.plain).exact_match) + ", with attention " + percent(last(dates.attention).exact_match) + ".";
  }
  await showHeat();
}

async function showHeat() {
  if (dates.attention.run === null) return;
  const input = $("date").value;
  const [answer, plain] = await Promise.all(["attention", "plain"].map((key) => call("api/runs/" + dates[key].run + "/trace", { input })));
  $("date-answer").textContent = "With attention: " + JSON.stringify(answer.text) + "; without: " + JSON.stringify(plain.text) + "."
    + (answer.warnings.length ? " Warning: " + answer.warnings.join("; ") : "");
  const table = $("heat");
  table.replaceChildren();
  const head = make("tr", make("thead", table));
  make("td", head, "");
  for (const symbol of answer.symbols) make("th", head, visible(symbol)).scope = "col";
  const body = make("tbody", table);
  for (const step of answer.steps) {
    if (step.attention === null || step.symbol === null) continue;
    const row = make("tr", body);
    make("th", row, visible(step.symbol)).scope = "row";
    for (const weight of step.attention) {
      const cell = make("td", row, String(Math.round(100 * weight)), "heat");
      cell.style.backgroundColor = "color-mix(in srgb, var(--bar) " + Math.round(100 * weight) + "%, transparent)";
    }
  }
}

async function showLengths() {
  const [plain, attention] = await Promise.all(["plain", "attention"].map((key) => call("api/runs/" + dates[key].run + "/positions")));
  const share = (found) => found && found.questions ? found.right / found.questions : null;
  barTable($("by-length"), ["symbols", "without attention", "with attention"], plain.by_length.map((group, place) => [group.from + " to " + group.to + " (" + group.questions + ")", share(group), share(attention.by_length[place])]));
}

async function pollDates() {
  if (datesPolling) return;
  datesPolling = true;
  try {
    // Somebody may start them again while the last figures are fetched.
    do {
      await repeat(700, lookAtDates, () => datesRunning() || Object.values(dates).some((lane) => lane.points.length === 0));
      await lookAtDates();
      await showLengths();
    } while (datesRunning());
  } catch (error) {
    problem(error.message);
  }
  datesPolling = false;
}

$("dates-go").addEventListener("click", trying(async () => {
  await ensureDates();
  const action = datesRunning() ? "pause" : "go";
  await Promise.all(Object.values(dates).map((lane) => call("api/runs/" + lane.run + "/control", { action })));
  $("dates-state").textContent = "";
  pollDates();
}));
$("dates-reset").addEventListener("click", startDates);
$("date").addEventListener("input", later(150, trying(showHeat)));
onOpen.attending = trying(async () => { await ensureDates(); pollDates(); });
