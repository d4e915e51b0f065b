// Chapter 5: why reversing helps.

import { $, make, percent, short, call, trying, setup, onOpen } from "./base.js";
import { ensure, lanes, pollOnce } from "./training.js";

export function barTable(table, names, rows) {
  table.replaceChildren();
  const head = make("tr", make("thead", table));
  for (const name of names) make("th", head, name).scope = "col";
  const body = make("tbody", table);
  for (const [name, ...shares] of rows) {
    const row = make("tr", body);
    make("th", row, name).scope = "row";
    for (const share of shares) {
      const cell = make("td", row, undefined, "bar");
      if (share === null || share === undefined) { cell.textContent = "\u2013"; continue; }
      make("span", cell).style.width = (90 * share).toFixed(1) + "px";
      cell.append(percent(share));
    }
  }
}

const explainWhy = trying(async () => {
  await ensure();
  const [written, reversed] = await Promise.all([lanes.written, lanes.reversed].map((lane) => call("api/runs/" + lane.run + "/positions")));
  await pollOnce();
  const point = lanes.reversed.points[lanes.reversed.points.length - 1];
  $("why-state").textContent = point && point.batches > 0 ? "After " + short(point.epoch) + " epochs, on 200 questions that are not in training."
    : "Nothing has been learned yet: start the runs in chapter 3, then come back.";
  const places = written.accuracy.map((_, place) => place);
  const names = ["place", "as written", "reversed"];
  barTable($("by-position"), names, places.map((place) => [place === 0 ? "1 (given)" : String(place + 1), written.accuracy[place], reversed.accuracy[place]]));
  const symbols = written.gradient || reversed.gradient;
  if (symbols) {
    const width = setup.terms * (setup.digits + 1) - 1;
    const name = (place) => (place + 1) % (setup.digits + 1) === 0 ? "+" : "digit " + ((place % (setup.digits + 1)) + 1) + " of term " + (Math.floor(place / (setup.digits + 1)) + 1);
    barTable($("by-symbol"), ["symbol", "as written", "reversed"], Array.from({ length: width }, (_, place) => [name(place), written.gradient && written.gradient[place], reversed.gradient && reversed.gradient[place]]));
  } else {
    $("by-symbol").replaceChildren(make("caption", null, "With attention, or another width of the decoder, the gradient has other ways, too."));
  }
  showDistances();
});

function showDistances() {
  const { terms, digits } = setup;
  const width = terms * (digits + 1) - 1;
  const answer = String((10 ** digits - 1) * terms).length;
  const names = ["ones", "tens", "hundreds", "thousands", "ten thousands", "hundred thousands"];
  const table = $("distances");
  table.replaceChildren();
  const head = make("tr", make("thead", table));
  for (const name of ["digit", "as written", "reversed"]) make("th", head, name).scope = "col";
  const body = make("tbody", table);
  const sums = [0, 0];
  for (let place = digits - 1; place >= 0; place--) {
    for (let term = 0; term < terms; term++) {
      const read = term * (digits + 1) + digits - 1 - place;
      const wrote = width + answer - 1 - place;
      const distances = [wrote - read, wrote - (width - 1 - read)];
      const row = make("tr", body);
      make("th", row, names[place] + " of term " + (term + 1)).scope = "row";
      distances.forEach((distance, at) => { make("td", row, String(distance)); sums[at] += distance; });
    }
  }
  const count = terms * digits;
  $("distance-text").textContent = "On average " + (sums[0] / count).toFixed(1) + " steps as written and " + (sums[1] / count).toFixed(1)
    + " reversed: the same. What changes is where the short ways are. Reversed, the question ends with the highest digit of the "
    + "first term, right before the answer begins with the symbol that it decides; as written, that digit is read first of all.";
}

$("why-look").addEventListener("click", () => explainWhy());
onOpen.why = explainWhy;
