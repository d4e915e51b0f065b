// Walks the lesson, the lesson on a web host, a watched training run and the playground in a browser: each chapter's main action, with the keyboard alone, in dark
// mode, 375 pixels wide, with reduced motion, and an accessibility check of every state.
//
//     node check.mjs PROGRAM MODEL CHROMIUM MODULE [FOLDER for screenshots]
//
// Without a MODULE, an empty name, the lesson on a web host is left out.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const [program, model, browserPath, module, shots] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
const children = [];
/** What went wrong in pages: their errors, and requests to anywhere else. */
const errors = [];
process.on("exit", () => children.forEach((child) => child.kill()));

/** Starts a command of the program; the address that it prints. */
function start(...args) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  const began = performance.now();
  return new Promise((resolve, reject) => {
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => {
      text += data;
      const address = text.match(/http:\/\/\S+/);
      if (address) resolve({ address: address[0], child, took: performance.now() - began });
    });
    child.on("exit", (code) => reject(new Error(args.join(" ") + " ended with " + code + ": " + text)));
  });
}

async function shot(page, name) {
  if (shots) await page.screenshot({ path: join(shots, name + ".png"), fullPage: true });
}

/** No violation of the WCAG rules that can be checked by a machine. */
async function accessible(page, name) {
  await page.addScriptTag({ content: axe }).catch(() => page.evaluate(axe));
  const found = await page.evaluate(() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
  const wrong = found.violations.map((it) => it.id + ": " + it.nodes.map((node) => node.target.join(" ")).slice(0, 5).join(", "));
  assert.deepEqual(wrong, [], "accessibility of " + name);
}

/** Nothing sticks out to the right. */
async function fits(page, name) {
  const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= width, name + " is " + content + " pixels wide in a window of " + width);
}

/** A page whose errors, and requests to anywhere else, are kept. */
async function open(browser, address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 800 }, bypassCSP: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("request", (request) => {
    const own = new URL(request.url()).origin === new URL(address).origin || request.url().startsWith("data:");
    if (!own) errors.push("a request to " + request.url());
  });
  await page.goto(address);
  return page;
}

const text = (page, selector) => page.locator(selector).innerText();
const until = (page, check, what, value) => page.waitForFunction(check, value, { timeout: 60000 }).catch(async () => {
  const said = await page.locator("[role=alert], [role=status]").allInnerTexts();
  throw new Error("never: " + what + "; the page says: " + said.join(" | "));
});
const chapter = (page, name) => page.locator("#chapters a", { hasText: name }).click();

async function lesson(browser, address) {
  const page = await open(browser, address);
  // 1. Symbols.
  await page.locator("#question").fill("7+85");
  const told = /filled up with 3 blanks.*read backwards.*8 by 13/;
  await until(page, (told) => new RegExp(told).test(document.querySelector("#onehot-text").textContent), "7 symbols and the end mark", told.source);
  assert.equal(await page.locator("#onehot td.one").count(), 8);
  await page.locator("#question").fill("1234+5678");
  await until(page, () => document.querySelector("#encode-warnings").textContent.includes("longest in training had 7"), "a warning");
  await page.locator("#question").fill("<img src=x onerror=alert(1)>");
  await until(page, () => document.querySelector("#encode-warnings").textContent.includes("does not know"), "a warning of unknown symbols");
  assert.equal(await page.locator("main img").count(), 0);
  await page.locator("#question").fill("12+34");
  await page.locator("#embedding").selectOption("8");
  await until(page, () => document.querySelectorAll("#onehot thead th").length === 11, "vectors of 8");
  await page.locator("#embedding").selectOption("0");
  await until(page, () => document.querySelectorAll("#onehot td.one").length === 8, "one-hot again");
  await accessible(page, "chapter 1");
  await shot(page, "lesson-1");

  // 2. The model.
  await chapter(page, "The model");
  await until(page, () => document.querySelector("#total")?.textContent === "147,085", "the notebook's 147,085 weights");
  await page.locator("#attention").selectOption("general");
  await until(page, () => document.querySelector("#drawing-text").textContent.includes("attention"), "attention");
  await page.locator("#cell").selectOption("gru");
  await until(page, () => document.querySelector("#drawing").textContent.includes("GRU"), "a GRU");
  await page.locator("#model .notebook").click();
  await until(page, () => document.querySelector("#total")?.textContent === "147,085", "147,085 again");
  await accessible(page, "chapter 2");
  await shot(page, "lesson-2");

  // 3. Training: the small experiment makes the discovery in seconds.
  await chapter(page, "Training");
  await page.locator("#training .quick").click();
  await until(page, () => document.querySelectorAll(".lane table tbody tr").length === 20, "ten questions a run");
  await page.locator("#batch").click();
  await until(page, () => document.querySelector("#lane-reversed").textContent.includes("batch 1,"), "one batch");
  await page.locator("#reset").click();
  await until(page, () => document.querySelector("#lane-reversed").textContent.includes("batch 0,"), "the same weights as before");
  await page.locator("#go").click();
  await until(page, () => document.querySelector("#go").textContent === "Pause both", "running");
  await page.waitForTimeout(1500);
  await shot(page, "lesson-3-running");
  const began = performance.now();
  await page.waitForFunction(() => document.querySelector("#training-state").textContent.startsWith("Both runs are done"), undefined, { timeout: 240000 });
  console.log("the small experiment took " + ((performance.now() - began) / 1000 + 1.5).toFixed(0) + " s");
  const [written, reversed] = [...(await text(page, "#training-state")).matchAll(/([\d.]+) %/g)].map((it) => Number(it[1]));
  assert.ok(reversed > written + 8, "reversed " + reversed + " against as written " + written);
  await accessible(page, "chapter 3");
  await shot(page, "lesson-3");

  // 4. Inside one answer.
  await chapter(page, "Inside");
  await page.locator("#inside-question").fill("12+34");
  await until(page, () => /"12.34".* writes "/.test(document.querySelector("#inside-state").textContent), "an answer");
  await until(page, () => document.querySelectorAll("#strips canvas").length >= 8, "strips of states");
  assert.ok(await page.locator("#gates tbody tr").count() >= 2);
  await page.locator("#softmax .step button:not([disabled])").nth(1).click();
  await until(page, () => document.querySelector("#softmax").textContent.includes("forced"), "a forced symbol");
  await page.locator("#inside-release").click();
  await until(page, () => !document.querySelector("#softmax").textContent.includes("forced"), "its own choices");
  await page.locator("#feeding").selectOption("true");
  await until(page, () => document.querySelector("#softmax").textContent.includes("true symbol"), "teacher forcing");
  await page.locator("#feeding").selectOption("own");
  await page.locator("#sampled").check();
  await page.locator("#draw").click();
  await until(page, () => document.querySelectorAll("#tree li").length >= 1, "drawn answers");
  await accessible(page, "chapter 4");
  await shot(page, "lesson-4");

  // 5. Why reversing helps.
  await chapter(page, "Why");
  await until(page, () => document.querySelectorAll("#by-position tbody tr").length === 3, "three places of an answer");
  assert.equal(await page.locator("#by-symbol tbody tr").count(), 5);
  assert.equal(await page.locator("#distances tbody tr").count(), 4);
  await accessible(page, "chapter 5");
  await shot(page, "lesson-5");

  // 6. Attention: a moment of training is enough to see it look.
  await chapter(page, "Attention");
  await until(page, () => document.querySelectorAll("#heat tbody tr").length > 0, "a heat map");
  await page.locator("#dates-go").click();
  await until(page, () => /batch [1-9]/.test(document.querySelector("#lane-attention").textContent), "dates are learned");
  await page.locator("#dates-go").click();
  await until(page, () => document.querySelector("#dates-go").textContent === "Start both", "paused");
  await until(page, () => document.querySelectorAll("#by-length tbody tr").length > 0, "lengths");
  await page.locator("#date").fill("sunday, february 11, 2018");
  await until(page, () => document.querySelectorAll("#heat thead th").length === 25, "25 columns");
  await fits(page, "chapter 6");
  await accessible(page, "chapter 6");
  await shot(page, "lesson-6");

  // 7. Own pairs.
  await chapter(page, "Your own");
  await page.locator("#own-pairs").fill("ab\tb\ncd\n");
  await page.locator("#own-go").click();
  await until(page, () => document.querySelector("#problem").textContent.includes("line 2"), "what is wrong with line 2");
  const pairs = Array.from({ length: 300 }, (_, n) => n + "\t" + [...String(n)].reverse().join("")).join("\n");
  await page.locator("#own-pairs").fill(pairs);
  await page.locator("#own-input").fill("123");
  await page.locator("#own-go").click();
  await until(page, () => document.querySelectorAll("#own-answers li").length > 0, "answers");
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#own-download").click()]);
  assert.equal(download.suggestedFilename(), "model.safetensors");
  const file = join(profile, "model.safetensors");
  await download.saveAs(file);
  const answered = execFileSync(program, ["predict", file], { input: "123\n" });
  assert.equal(String(answered).split("\n").length, 2, "one line for one input");
  await page.locator("#own-pause").click();
  await accessible(page, "chapter 7");
  await shot(page, "lesson-7");
  await chapter(page, "Inside");

  // What is set is in the address.
  const copied = page.url();
  assert.match(copied, /#inside\?.*digits=2/);
  const other = await open(browser, copied);
  assert.equal(await other.locator("#inside-question").inputValue(), "12+34");
  assert.equal(await other.locator("#digits").inputValue(), "2");
  await other.context().close();
  await page.context().close();
}

async function keyboardAlone(browser, address) {
  const page = await open(browser, address, { reducedMotion: "reduce" });
  await until(page, () => document.querySelectorAll("#onehot tbody tr").length > 0, "chapter 1");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  const press = async (id) => {
    for (let presses = 0; presses < 60; presses++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((id) => document.activeElement.matches(id), id)) return;
    }
    throw new Error("no way to " + id + " with the keyboard");
  };
  await press("#chapters li:nth-child(3) a");
  await page.keyboard.press("Enter");
  await until(page, () => !document.querySelector("#training").hidden, "chapter 3 by keyboard");
  await press(".quick");
  await page.keyboard.press("Enter");
  await page.keyboard.down("Shift");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.up("Shift");
  assert.equal(await page.evaluate(() => document.activeElement.id), "go");
  await until(page, () => document.querySelector("#epochs").value === "40", "the small experiment");
  await page.waitForTimeout(800);
  await page.keyboard.press("Space");
  await until(page, () => document.querySelector("#go").textContent === "Pause both", "running by keyboard");
  const outline = await page.evaluate(() => getComputedStyle(document.querySelector("#go")).outlineStyle);
  assert.equal(outline, "solid", "the focus can be seen");
  await page.keyboard.press("Space");
  await until(page, () => document.querySelector("#go").textContent === "Start both", "paused by keyboard");
  await page.context().close();
}

async function everyLook(browser, address, names, prefix = "") {
  for (const [look, options] of [
    ["dark", { colorScheme: "dark" }],
    ["phone", { viewport: { width: 375, height: 740 } }],
    ["phone-dark", { viewport: { width: 375, height: 740 }, colorScheme: "dark" }],
  ]) {
    for (const name of names) {
      const page = await open(browser, address + name, options);
      await page.waitForTimeout(1200);
      await fits(page, look + " " + name);
      await accessible(page, look + " " + name);
      await shot(page, prefix + look + "-" + (name.replace(/\W+/g, "") || "page"));
      await page.context().close();
    }
  }
}

/** Serves the files of a folder as a web host does, below a path of its own. */
function host(folder) {
  const kinds = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json" };
  let sent = 0;
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://host").pathname.replace(/^\/some\/place\//, "");
    try {
      const body = readFileSync(join(folder, normalize(path || "index.html")));
      sent += body.length;
      response.writeHead(200, { "Content-Type": kinds[extname(path || "index.html")] || "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => {
    done({ address: "http://127.0.0.1:" + server.address().port + "/some/place/", sent: () => sent, close: () => server.close() });
  }));
}

/** The page's own Content-Security-Policy lets it work, WebAssembly included. */
async function underItsPolicy(browser, address) {
  const page = await open(browser, address, { bypassCSP: false });
  page.on("console", (message) => {
    if (message.type() === "error" && !message.location().url.endsWith("/favicon.ico")) errors.push(message.text());
  });
  await page.locator("#question").fill("1+2");
  await page.locator("#onehot-text", { hasText: "filled up with 2 blanks" }).waitFor();
  await page.locator("#chapters a", { hasText: "Inside" }).click();
  await page.locator("#inside-state", { hasText: "writes" }).waitFor();
  await page.context().close();
}

/** The lesson as files: WebAssembly answers, and training is replayed. */
async function lessonOnHost(browser) {
  const folder = join(profile, "site");
  const began = performance.now();
  const said = String(execFileSync(program, ["lesson", "--export", folder, "--wasm", module, "--quick"], { stdio: ["ignore", "pipe", "ignore"] }));
  console.log(said.trim().replace(folder, "the folder") + "; recorded in " + ((performance.now() - began) / 1000).toFixed(0) + " s");
  const site = await host(folder);
  await underItsPolicy(browser, site.address);
  const before = site.sent();
  const page = await open(browser, site.address);
  // 1. The library reads in WebAssembly what the program reads.
  await page.locator("#question").fill("7+85");
  await until(page, () => /filled up with 1 blank .*read backwards.*6 by 13/.test(document.querySelector("#onehot-text").textContent), "5 symbols and the end mark");
  console.log("page weight until the first chapter answers: " + Math.round((site.sent() - before) / 1000) + " kB, a model of "
    + Math.round(statSync(join(folder, "recorded", "sums-reversed-0.safetensors")).size / 1000) + " kB included");
  await page.locator("#reversed").uncheck();
  await until(page, () => document.querySelector("#onehot-text").textContent.includes("as it is written"), "the other direction");
  await page.locator("#reversed").check();
  await page.locator("#question").fill("1234+5");
  await until(page, () => document.querySelector("#encode-warnings").textContent.includes("the longest in training had 2"), "a warning");
  assert.ok(await page.locator("#digits").isDisabled(), "what was recorded cannot be set");
  // 2. The model.
  await chapter(page, "The model");
  await until(page, () => document.querySelectorAll("#weights tbody tr").length > 5, "weights");
  // 3. Training is replayed.
  await chapter(page, "Training");
  await until(page, () => document.querySelectorAll(".lane table tbody tr").length === 20, "ten questions a run");
  assert.ok((await text(page, "#lane-reversed")).includes("batch 0,"));
  await page.locator("#batch").click();
  await until(page, () => /after epoch [1-9]/.test(document.querySelector("#training .replay output").textContent), "one moment on");
  await page.locator("#go").click();
  await until(page, () => document.querySelector("#go").textContent === "Pause both", "a replay");
  await until(page, () => document.querySelector("#training-state").textContent.startsWith("Both runs are done"), "its end");
  const [written, reversed] = [...(await text(page, "#training-state")).matchAll(/([\d.]+) %/g)].map((it) => Number(it[1]));
  assert.ok(reversed > written + 8, "reversed " + reversed + " against as written " + written);
  await shot(page, "host-3");
  await page.locator("#training input[type=range]").focus();
  await page.keyboard.press("Home");
  await until(page, () => document.querySelector("#lane-reversed").textContent.includes("batch 0,"), "the beginning, by keyboard");
  await page.keyboard.press("End");
  // 4. WebAssembly answers as the program does.
  await chapter(page, "Inside");
  const last = readdirSync(join(folder, "recorded")).filter((name) => /^sums-reversed-40\./.test(name))[0];
  for (const question of ["12+34", "9+9", "77+5", "50+50"]) {
    await page.locator("#inside-question").fill(question);
    await page.waitForFunction((asked) => document.querySelector("#inside-state").textContent.startsWith("Question " + JSON.stringify(asked)), question);
    const answered = (await text(page, "#inside-state")).match(/writes "(.*?)"/)[1];
    const expected = String(execFileSync(program, ["predict", join(folder, "recorded", last), "--text", question, "--beam", "1"], { stdio: ["ignore", "pipe", "ignore"] }));
    assert.equal(answered, expected.replace(/\n$/, ""), question);
  }
  await page.locator("#softmax .step button:not([disabled])").nth(1).click();
  await until(page, () => document.querySelector("#softmax").textContent.includes("forced"), "a forced symbol");
  await page.locator("#sampled").check();
  await page.locator("#draw").click();
  await until(page, () => document.querySelectorAll("#tree li").length >= 1, "drawn answers");
  await accessible(page, "chapter 4 on a web host");
  await shot(page, "host-4");
  // 5. Why.
  await chapter(page, "Why");
  await until(page, () => document.querySelectorAll("#by-position tbody tr").length === 3, "three places of an answer");
  // 6. Dates.
  await chapter(page, "Attention");
  await page.locator("#dates-go").click();
  await until(page, () => document.querySelector("#dates-state").textContent.startsWith("Both runs are done"), "the end of the dates");
  await page.locator("#date").fill("sunday, february 11, 2018");
  await until(page, () => document.querySelectorAll("#heat thead th").length === 25, "25 columns");
  await shot(page, "host-6");
  // 7. What it cannot do is said.
  await chapter(page, "Your own");
  assert.ok(await page.locator("#own-go").isDisabled());
  assert.match(await text(page, "#own .note"), /needs the program/);
  await page.context().close();
  await everyLook(browser, site.address, ["#symbols", "#training", "#inside"], "host-");
  site.close();
}

/** A training run that is watched while it goes on. */
async function watched(browser) {
  const pairs = ["train.tsv", "dev.tsv"].map((name) => join(process.cwd(), "data/g2p_cmudict_sample", name));
  const run = join(profile, "watched");
  const flags = ["train", pairs[0], "--dev", pairs[1], "--out", run, "--watch=127.0.0.1:0", "--set", "training.epochs=3", "--set", "model.encoder_units=16", "--set", "training.batch_size=64"];
  const { address, child } = await start(...flags);
  const page = await open(browser, address);
  await until(page, () => document.querySelectorAll("#answers tbody tr").length === 10, "ten sample answers");
  await until(page, () => document.querySelectorAll("#epochs tbody tr").length >= 1, "an epoch");
  await accessible(page, "a watched run");
  await fits(page, "a watched run");
  await until(page, () => document.querySelector("#state").textContent === "Training has ended.", "the end");
  assert.equal(await page.locator("#epochs tbody tr").count(), 3);
  await shot(page, "watched");
  await new Promise((done) => child.exitCode === null ? child.on("exit", done) : done());
  assert.equal(child.exitCode, 0, "training ends though it is watched");
  await page.context().close();
}

async function playground(browser, address) {
  const page = await open(browser, address);
  await page.locator("#input").fill("seashell");
  await until(page, () => document.querySelectorAll("#answers li").length === 5, "five answers");
  const best = await text(page, "#answers li:first-child .text");
  assert.ok(best.length > 3, best);
  await until(page, () => document.querySelectorAll("#steps tr").length > 3, "steps");
  await page.locator("#steps tr:nth-child(1) button:not([disabled])").nth(1).click();
  await until(page, () => document.querySelector("#state").textContent.startsWith("With your choices"), "a forced choice");
  await page.locator("#release").click();
  await page.locator("#input").fill("<b>na\u00efve</b>");
  await until(page, () => document.querySelector("#warnings").textContent.includes("does not know"), "warnings");
  assert.equal(await page.locator("main b").count(), 0);
  await accessible(page, "playground");
  await shot(page, "playground");
  await page.context().close();
}

const profile = mkdtempSync(join(tmpdir(), "seq2seq-browser-"));
let browser;
try {
  const [own, service] = await Promise.all([
    start("lesson", "--address", "127.0.0.1:0"),
    start("serve", model, "--address", "127.0.0.1:0"),
  ]);
  console.log("from the command to a page that can be used: " + own.took.toFixed(0) + " ms");
  browser = await chromium.launch({ executablePath: browserPath, args: [...FLAGS, "--disk-cache-dir=" + profile] });
  await lesson(browser, own.address);
  await keyboardAlone(browser, own.address);
  await everyLook(browser, own.address, ["#symbols", "#model", "#training", "#inside", "#why", "#attending", "#own"]);
  await playground(browser, service.address);
  await everyLook(browser, service.address, ["#input=hello"]);
  await watched(browser);
  if (module) await lessonOnHost(browser);
  else console.log("the lesson on a web host: skipped, since there is no WebAssembly module");
  assert.deepEqual(errors, []);
  console.log("browser: all checks passed");
} finally {
  if (errors.length) console.log("errors of pages: " + errors.join("; "));
  if (browser) await browser.close();
  for (const child of children) { child.removeAllListeners("exit"); child.kill(); }
  rmSync(profile, { recursive: true, force: true });
}
