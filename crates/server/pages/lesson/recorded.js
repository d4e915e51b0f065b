// Answers what pages ask, without the program: models run in WebAssembly, and training is replayed from the
// models and figures that were recorded along the way.

export const recorded = true;
export const unreachable = "A file of this page cannot be read. Are all of its files on the web host?";

/** Time that a replay shows each moment. */
const SHOWN = 900;

let runs = [];
let library = null;
/** Where the replay of each subject stands. */
const places = new Map();

async function file(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error("The file " + path + " of this page cannot be read: " + response.status + " " + response.statusText);
  return response;
}

export async function prepare() {
  const [recording, module] = await Promise.all([file("recorded/runs.json"), file("lesson.wasm")]);
  runs = (await recording.json()).runs.map((run) => ({ ...run, begun: false, model: null }));
  library = (await WebAssembly.instantiate(await module.arrayBuffer(), {})).instance.exports;
  for (const run of runs) places.set(run.setup.subject, { at: 0, playing: false, from: 0, since: 0, wound: false });
}

/** Puts bytes into the library, and takes what `run` makes of them. */
function exchange(bytes, run) {
  for (const byte of bytes) library.put(byte);
  const worked = run();
  const answer = Uint8Array.from({ length: library.length() }, (_, place) => library.get(place));
  const text = new TextDecoder().decode(answer);
  if (!worked) throw new Error(text);
  return text;
}

/** What the model of a run says at this moment of the replay. */
async function ask(number, question) {
  const run = runs[number];
  const { model } = run.moments[position(run.setup.subject)];
  if (run.model !== model) {
    const bytes = new Uint8Array(await (await file("recorded/" + model)).arrayBuffer());
    exchange(bytes, () => library.load(number));
    run.model = model;
  }
  return JSON.parse(exchange(new TextEncoder().encode(JSON.stringify(question)), () => library.ask(number)));
}

/** Epochs of the moments of a subject. */
export const moments = (subject) => runs.find((run) => run.setup.subject === subject).moments.map((moment) => moment.epoch);

export function position(subject) {
  const place = places.get(subject);
  if (place.playing) {
    const last = moments(subject).length - 1;
    place.at = Math.min(last, place.from + Math.floor((performance.now() - place.since) / SHOWN));
    place.playing = place.at < last;
  }
  return place.at;
}

/** Whether somebody has played the recording, or wound it. */
export const isWound = (subject) => places.get(subject).wound;

export function seek(subject, at) {
  Object.assign(places.get(subject), { at, playing: false, wound: true });
}

function control(subject, action) {
  const at = position(subject);
  const last = moments(subject).length - 1;
  if (action !== "go") return seek(subject, action === "batch" ? Math.min(last, at + 1) : at);
  Object.assign(places.get(subject), { from: at === last ? 0 : at, since: performance.now(), playing: true, wound: true });
}

function begin(setup) {
  const same = ({ setup: other }) => other.subject === setup.subject && other.reversed === setup.reversed && other.attention === setup.attention;
  const run = runs.findIndex(same);
  if (runs[run].begun) seek(setup.subject, 0);
  runs[run].begun = true;
  return { run };
}

function status({ setup, points, moments: all, pairs_per_second }) {
  const at = position(setup.subject);
  const { batches, pairs, answered } = all[at];
  return {
    running: places.get(setup.subject).playing, finished: at === all.length - 1, failed: null, batches, pairs, pairs_per_second,
    answered, points: points.filter((point) => point.batches <= batches),
  };
}

export async function call(path, body, method) {
  const [, what, number, detail] = path.split("?")[0].split("/");
  if (what === "encode") return ask(begun(body.setup), { encode: body.text });
  if (what === "model") return ask(begun(body), "weights");
  if (what === "pairs") throw new Error("Only the program can train on other pairs: seq2seq lesson, or seq2seq train FILE.");
  if (number === undefined) return begin(body);
  const run = runs[Number(number)];
  switch (detail) {
    case undefined: return method === "DELETE" ? {} : status(run);
    case "control": control(run.setup.subject, body.action); return {};
    case "positions": return run.moments[position(run.setup.subject)].positions;
    default: return ask(Number(number), { [detail]: body });
  }
}

/** The run that reads questions as these settings say. */
const begun = (setup) => runs.findIndex((run) => run.setup.subject === setup.subject && run.setup.reversed === setup.reversed);
