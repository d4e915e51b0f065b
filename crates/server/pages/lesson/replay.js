// What a recorded lesson has besides: sliders over the moments of training, and settings that stay as they are.

import { $, make, onOpen, chapter, later, trying } from "./base.js";
import { isWound, moments, position, recorded, seek } from "./backend.js";

/** Chapters that show what was learned: there the replay begins at its end. */
const OF_TRAINED = ["inside", "why"];

export function showReplays() {
  if (!recorded) return;
  for (const input of document.querySelectorAll("[data-setup]")) input.disabled = input.dataset.setup !== "reversed";
  for (const control of document.querySelectorAll("#own button, #own input, #own textarea")) control.disabled = true;
  $("batch").textContent = "Next moment";
  const sliders = [...document.querySelectorAll(".replay")].map(slider);
  for (const name of OF_TRAINED) {
    const open = onOpen[name];
    onOpen[name] = () => {
      if (!isWound("addition")) seek("addition", moments("addition").length - 1);
      open();
    };
  }
  setInterval(() => sliders.forEach((follow) => follow()), 200);
}

/** Fills a place with a slider; what makes it follow the replay. */
function slider(place, number) {
  const { subject } = place.dataset;
  const epochs = moments(subject);
  const label = make("label", place, "Moment of the recording");
  const input = make("input", place);
  label.htmlFor = input.id = "moment-" + number;
  Object.assign(input, { type: "range", min: 0, max: epochs.length - 1, step: 1 });
  const shown = make("output", place);
  shown.htmlFor = input.id;
  const open = later(60, trying(async () => { await onOpen[chapter]?.(); }));
  input.addEventListener("input", () => { seek(subject, Number(input.value)); open(); });
  return () => {
    const at = position(subject);
    const words = "after epoch " + epochs[at] + " of " + epochs[epochs.length - 1];
    if (shown.textContent === words) return;
    input.value = String(at);
    input.setAttribute("aria-valuetext", words);
    shown.textContent = words;
  };
}
