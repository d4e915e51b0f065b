// Opens the page: chapters, settings and what the address holds.

import { $, recall, settingChanged, showChapters, openChapter, problem, trying, chapter, changed, takeSetup } from "./base.js";
import { prepare } from "./backend.js";
import { showReplays } from "./replay.js";
import { NOTEBOOK, QUICK } from "./setups.js";
import "./symbols.js";
import "./training.js";
import "./inside.js";
import "./why.js";
import "./attention.js";
import "./own.js";

for (const input of document.querySelectorAll("[data-setup]")) input.addEventListener("change", settingChanged);
$("question").addEventListener("input", () => { $("inside-question").value = $("question").value; changed(); });
for (const button of document.querySelectorAll(".notebook")) button.addEventListener("click", () => takeSetup(NOTEBOOK));
for (const button of document.querySelectorAll(".quick")) button.addEventListener("click", () => takeSetup(QUICK));
addEventListener("hashchange", () => { recall(); openChapter(chapter, true); });
await trying(async () => {
  await prepare();
  problem("");
  showReplays();
  showChapters();
  recall();
  openChapter(chapter, false);
})();
