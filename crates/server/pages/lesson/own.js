// Chapter 7: pairs of your own.

import { $, make, percent, later, call, trying } from "./base.js";
import { showLane } from "./training.js";

const LARGEST_FILE = 20 * 1024 * 1024;
const own = { name: "Your pairs", run: null, points: [], status: null };

const trainOwn = trying(async () => {
  const text = $("own-pairs").value;
  if (text.length > LARGEST_FILE) throw new Error("That is too much for a page (" + Math.round(text.length / 1048576) + " MB; at most 20): use seq2seq train FILE.");
  $("own-state").textContent = "Reading the pairs.";
  if (own.run !== null) call("api/runs/" + own.run, undefined, "DELETE").catch(() => {});
  own.run = null;
  const started = await call("api/pairs", { text }).catch((error) => { $("own-state").textContent = ""; throw error; });
  own.run = started.run;
  $("own-recipe").textContent = started.recipe;
  $("own-state").textContent = started.pairs + " pairs to train on, " + started.held_out + " held out for the figures.";
  await call("api/runs/" + own.run + "/control", { action: "go" });
  pollOwn();
});

const pollOwn = trying(async () => {
  do {
    own.status = await call("api/runs/" + own.run + "?since=0");
    own.points = own.status.points;
    showLane($("lane-own"), own);
    $("own-pause").disabled = own.status.finished || Boolean(own.status.failed);
    $("own-pause").textContent = own.status.running ? "Pause" : "Go on";
    $("own-download").hidden = own.points.length === 0;
    $("own-download").href = "api/runs/" + own.run + "/model.safetensors";
    if (own.points.length) await tryOwn();
    await new Promise((done) => setTimeout(done, 600));
  } while (own.status.running);
  if (own.status.finished) $("own-state").textContent = "Done: the model can be downloaded.";
});

async function tryOwn() {
  const input = $("own-input").value;
  if (own.run === null || input === "") return;
  const { hypotheses } = await call("api/runs/" + own.run + "/search", { input, beam: 3 });
  $("own-answers").replaceChildren(...hypotheses.map((found) => make("li", null, found.text + "  (probability " + percent(Math.exp(found.log_probability)) + ")")));
}

const takeFile = trying(async (file) => {
  if (file.size > LARGEST_FILE) throw new Error(file.name + " has " + Math.round(file.size / 1048576) + " MB, and this page takes at most 20: use seq2seq train FILE.");
  $("own-pairs").value = await file.text();
});

$("own-go").addEventListener("click", trainOwn);
$("own-pause").addEventListener("click", trying(async () => {
  await call("api/runs/" + own.run + "/control", { action: own.status.running ? "pause" : "go" });
  pollOwn();
}));
$("own-input").addEventListener("input", later(150, trying(tryOwn)));
$("own-file").addEventListener("change", () => { if ($("own-file").files.length) takeFile($("own-file").files[0]); });
$("own").addEventListener("dragover", (event) => { event.preventDefault(); $("own").classList.add("over"); });
$("own").addEventListener("dragleave", () => $("own").classList.remove("over"));
$("own").addEventListener("drop", (event) => {
  event.preventDefault();
  $("own").classList.remove("over");
  if (event.dataTransfer.files.length) takeFile(event.dataTransfer.files[0]);
});
