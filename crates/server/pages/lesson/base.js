// What all chapters use: elements, the state of the page and questions to the server. Text is only ever set as text.

export const $ = (id) => document.getElementById(id);
export function make(name, parent, text, className) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  if (parent) parent.append(element);
  return element;
}
const SVG = "http://www.w3.org/2000/svg";
export function draw(name, parent, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}
export const visible = (symbol) => symbol === null ? "end" : symbol === " " ? "\u2423" : symbol === "\n" ? "\u21b5" : symbol;
export const percent = (share) => (100 * share).toFixed(1) + " %";
export const whole = (number) => Math.round(number).toLocaleString("en");
export const later = (wait, work) => { let timer = 0; return () => { clearTimeout(timer); timer = setTimeout(work, wait); }; };


export const NOTEBOOK = {
  subject: "addition", terms: 2, digits: 3, pairs: 5000, reversed: true, cell: "lstm", units: 128, decoder_units: 0,
  attention: "none", embedding: 0, seed: 1, epochs: 200, batch_size: 128, learning_rate: 0.001, optimizer: "adam", teacher_forcing: 1,
};
export const QUICK = { ...NOTEBOOK, digits: 2, pairs: 3000, units: 48, epochs: 40, batch_size: 32, learning_rate: 0.005 };
const CHAPTERS = [...document.querySelectorAll(".chapter")].map((section) => section.id);
export let setup = { ...NOTEBOOK };
export let chapter = CHAPTERS[0];
/** What chapters do when they are opened, and when a setting changes while they are. */
export const [onOpen, onChange] = [{}, {}];

export function remember() {
  const state = new URLSearchParams();
  for (const [key, value] of Object.entries(setup)) if (value !== NOTEBOOK[key]) state.set(key, value);
  state.set("question", $("question").value);
  history.replaceState(null, "", "#" + chapter + "?" + state);
}

export function recall() {
  const [name, query] = location.hash.slice(1).split("?");
  chapter = CHAPTERS.includes(name) ? name : CHAPTERS[0];
  const state = new URLSearchParams(query || "");
  for (const [key, usual] of Object.entries(NOTEBOOK)) {
    const value = state.get(key);
    if (value === null) setup[key] = usual;
    else if (typeof usual === "number") setup[key] = Number.isFinite(Number(value)) ? Number(value) : usual;
    else if (typeof usual === "boolean") setup[key] = value === "true";
    else setup[key] = value;
  }
  $("question").value = state.get("question") || "12+345";
  $("inside-question").value = $("question").value;
  showSettings();
}

export function showSettings() {
  for (const input of document.querySelectorAll("[data-setup]")) {
    const value = setup[input.dataset.setup];
    if (input.type === "checkbox") input.checked = value; else input.value = String(value);
  }
}

export function settingChanged(event) {
  const input = event.target;
  const usual = NOTEBOOK[input.dataset.setup];
  if (input.type === "checkbox") setup[input.dataset.setup] = input.checked;
  else if (typeof usual === "number") setup[input.dataset.setup] = Number(input.value);
  else setup[input.dataset.setup] = input.value;
  changed();
}

/** Called after a change of the settings. */
export function changed() {
  remember();
  onChange[chapter]?.();
}

/** Takes other settings, but for the direction of reading. */
export function takeSetup(other) {
  setup = { ...other, reversed: setup.reversed };
  showSettings();
  changed();
}

export async function call(path, body, method) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const response = await fetch(path, { method: method || (body === undefined ? "GET" : "POST"), headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  problem("");
  return answer;
}

export function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = text === "";
}

export function trying(work) {
  return async (...values) => {
    try {
      await work(...values);
    } catch (error) {
      problem(error instanceof TypeError && /fetch/i.test(error.message) ? "The lesson's program does not answer. Is it still running?" : error.message);
    }
  };
}


export function showChapters() {
  $("chapters").replaceChildren(...CHAPTERS.map((name) => {
    const item = make("li");
    const link = make("a", item, $(name + "-title").textContent);
    link.href = "#" + name;
    link.addEventListener("click", (event) => { event.preventDefault(); openChapter(name, true); });
    return item;
  }));
}

export function openChapter(name, focus) {
  chapter = name;
  for (const other of CHAPTERS) $(other).hidden = other !== name;
  [...$("chapters").querySelectorAll("a")].forEach((link, place) => {
    if (CHAPTERS[place] === name) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  });
  document.title = $(name + "-title").textContent + " \u2013 Learning seq2seq";
  remember();
  if (focus) { $("main").focus({ preventScroll: true }); scrollTo(0, 0); }
  onOpen[name]?.();
}

/** Does work again and again while `goOn`, with a pause in between. One failure is forgiven, five in a row are not. */
export async function repeat(pause, work, goOn) {
  let failures = 0;
  do {
    try {
      await work();
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures === 5) throw error;
    }
    await new Promise((done) => setTimeout(done, pause));
  } while (failures > 0 || goOn());
}
