// What all chapters use: elements, the state of the page and questions to the library.

import { $, make } from "./elements.js";
import { call as ask, recorded, unreachable } from "./backend.js";
import { USUAL } from "./setups.js";

export * from "./elements.js";

const CHAPTERS = [...document.querySelectorAll(".chapter")].map((section) => section.id);
export let setup = { ...USUAL };
export let chapter = CHAPTERS[0];
/** What chapters do when they are opened, and when a setting changes while they are. */
export const [onOpen, onChange] = [{}, {}];

export function remember() {
  const state = new URLSearchParams();
  for (const [key, value] of Object.entries(setup)) if (value !== USUAL[key]) state.set(key, value);
  state.set("question", $("question").value);
  history.replaceState(null, "", "#" + chapter + "?" + state);
}

export function recall() {
  const [name, query] = location.hash.slice(1).split("?");
  chapter = CHAPTERS.includes(name) ? name : CHAPTERS[0];
  const state = new URLSearchParams(query || "");
  for (const [key, usual] of Object.entries(USUAL)) {
    // What was recorded has settings of its own, but for the direction of reading.
    const value = recorded && key !== "reversed" ? null : state.get(key);
    if (value === null) setup[key] = usual;
    else if (typeof usual === "number") setup[key] = Number.isFinite(Number(value)) ? Number(value) : usual;
    else if (typeof usual === "boolean") setup[key] = value === "true";
    else setup[key] = value;
  }
  $("question").value = state.get("question") || (USUAL.digits < 3 ? "12+34" : "12+345");
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
  const usual = USUAL[input.dataset.setup];
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
  const answer = await ask(path, body, method);
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
      problem(error instanceof TypeError && /fetch/i.test(error.message) ? unreachable : error.message);
    }
  };
}


/** The title of a chapter, without what only the program can do where there is none. */
function title(name) {
  const heading = $(name + "-title").cloneNode(true);
  if (recorded) for (const part of heading.querySelectorAll(".live-only")) part.remove();
  return heading.textContent;
}

export function showChapters() {
  $("chapters").replaceChildren(...CHAPTERS.map((name) => {
    const item = make("li");
    const link = make("a", item, title(name));
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
  document.title = title(name) + " \u2013 Learning seq2seq";
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
