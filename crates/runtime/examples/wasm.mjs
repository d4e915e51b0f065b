// Answers lines of standard input with a model in WebAssembly, as `seq2seq predict` does:
//   node wasm.mjs wasm.wasm MODEL < LINES > ANSWERS
import { readFileSync } from "node:fs";

const [module, model] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(module), {});
const { put, load, answer, length, get } = instance.exports;

const call = (bytes, run) => {
  for (const byte of bytes) put(byte);
  const worked = run();
  const output = Uint8Array.from({ length: length() }, (_, place) => get(place));
  const text = new TextDecoder().decode(output);
  if (!worked) throw new Error(text);
  return text;
};

call(readFileSync(model), load);
const lines = readFileSync(0, "utf8").split("\n").slice(0, -1);
const begun = performance.now();
const answers = lines.map((line) => call(new TextEncoder().encode(line), answer));
const seconds = (performance.now() - begun) / 1000;
process.stdout.write(answers.map((text) => text + "\n").join(""));
process.stderr.write(`${Math.round(lines.length / seconds)} lines a second\n`);
