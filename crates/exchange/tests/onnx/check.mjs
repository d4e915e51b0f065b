// Answers words with exported models in onnxruntime-web and holds them against the answers of our own
// runtime: node check.mjs FOLDER. The code that answers is that of the exported README.
import * as ort from "onnxruntime-web";
import fs from "node:fs";
import path from "node:path";

ort.env.wasm.numThreads = 1;
for (const name of fs.readdirSync(process.argv[2]).sort()) {
  const folder = path.join(process.argv[2], name);
  const read = (file) => fs.readFileSync(path.join(folder, file));
  const stored = JSON.parse(read("answers.json"));
  const code = read("README.md").toString().match(/```javascript\n([\s\S]*?)```/)[1];
  const answer = new Function(`${code}; return answer;`)();
  const sessions = [];
  for (const file of ["encoder.onnx", "step.onnx"])
    sessions.push(await ort.InferenceSession.create(new Uint8Array(read(file))));
  const meta = { ...JSON.parse(read("metadata.json")), longest_output: stored.limit };
  // The last words have letters that nobody knows, where the model copies.
  const words = [...stored.answers.slice(0, 180), ...stored.answers.slice(-20)];
  for (const [word, symbols] of words) {
    const written = await answer(ort, ...sessions, meta, word);
    if (JSON.stringify(written) !== JSON.stringify(symbols))
      throw new Error(`${name}: ${word}: ${written} instead of ${symbols}`);
  }
  console.log(`${name}: 200 words agree`);
}
