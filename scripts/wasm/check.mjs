// Decodes every golden archive with the WebAssembly module and compares the hash of its values:
// node check.mjs MODULE.wasm FOLDER
import { readFileSync, existsSync } from "node:fs";

const [module, folder] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(module), {});
const { room, decode, answer, memory } = instance.exports;

const give = (which, bytes) => {
    const at = room(which, bytes.length);
    new Uint8Array(memory.buffer, at, bytes.length).set(bytes);
};
const decoded = () => {
    const length = decode(); // first: memory may move, and the answer with it
    return new TextDecoder().decode(new Uint8Array(memory.buffer, answer(), length));
};

const models = new Map();
let failed = 0;
const lines = readFileSync(`${folder}/golden.txt`, "utf8").split("\n").filter((line) => line && !line.startsWith("#"));
for (const line of lines) {
    const [name, expected] = line.split(/\s+/);
    give(0, readFileSync(`${folder}/${name}.bale`));
    // A model that the archive does not name is not looked at; the error names the hash of the one that it needs.
    give(1, new Uint8Array());
    let found = decoded();
    for (const stem of ["conv2d", "conv3d", "dense", "dense_log", "dense_order", "predictive", "table", "table_log"]) {
        if (!found.startsWith("expected the model with")) break;
        const path = `${folder}/${stem}.balm`;
        if (!models.has(stem)) models.set(stem, existsSync(path) ? readFileSync(path) : new Uint8Array());
        give(1, models.get(stem));
        const other = decoded();
        if (!other.startsWith("expected the model with")) found = other;
    }
    if (found !== expected) {
        console.error(`${name}: expected ${expected}, found ${found}`);
        failed += 1;
    }
}
if (lines.length === 0) throw new Error("no golden files are listed");
console.log(`${lines.length - failed} of ${lines.length} golden archives decode to the same values`);
process.exit(failed ? 1 : 0);
