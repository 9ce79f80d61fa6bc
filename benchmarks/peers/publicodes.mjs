// publicodes: a rule a term with its unit; a situation and an evaluation for each record. The model is parsed once.
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { join } from "node:path";

const [command, folder] = process.argv.slice(2);
const require = createRequire(join(process.env.NODE_PATH, "from.js"));
const Engine = require("publicodes").default;
const said = [];
const logger = { log: () => {}, warn: (m) => said.push(String(m)), error: (m) => said.push(String(m)) };

function model(task) {
  const rules = { kwh: { unité: "kWh" }, r: { unité: "%" }, grid: { valeur: `${task.grid} kg/kWh`, références: { source: task.document } } };
  const terms = [];
  for (const [mode, value] of Object.entries(task.modes)) {
    const name = mode.replaceAll("_", " ");
    rules[name] = { unité: "pkm" };
    rules[`ef ${name}`] = { valeur: `${value} kg/pkm`, références: { source: task.document } };
    terms.push(`${name} * ef ${name}`);
  }
  rules.be = { somme: terms, unité: "kg" };
  rules.pe = { valeur: "kwh * grid", unité: "kg" };
  rules.er = { valeur: "(be - pe) * r", unité: "kg" };
  return new Engine(rules, { logger });
}

function load() {
  const task = JSON.parse(readFileSync(join(folder, "task.json"), "utf8"));
  const [head, ...lines] = readFileSync(join(folder, "rows.csv"), "utf8").trim().split(/\r?\n/);
  const names = head.split(",");
  task.rows = lines.map((line) => Object.fromEntries(line.split(",").map((cell, k) => [names[k], cell])));
  return task;
}

function situation(task, row) {
  const found = { kwh: `${row.kwh} kWh`, r: `${Number(row.r) * 100} %` };
  for (const mode of Object.keys(task.modes)) found[mode.replaceAll("_", " ")] = `${row[mode]} pkm`;
  return found;
}

function ask(work) {
  try {
    const value = work();
    return { refused: false, said: `${value} ${said.join(" ")}`.slice(0, 300) };
  } catch (error) {
    return { refused: true, said: String(error).slice(0, 300) };
  }
}

if (command === "run") {
  const task = load();
  const engine = model(task);
  const start = performance.now();
  const results = task.rows.map((row) => engine.setSituation(situation(task, row)).evaluate("er").nodeValue);
  const seconds = (performance.now() - start) / 1000;
  writeFileSync(join(folder, "er.txt"), results.join("\n"));
  console.log(JSON.stringify({ seconds }));
} else if (command === "explain") {
  const task = load();
  const engine = model(task).setSituation(situation(task, task.rows[7]));
  const seen = new Set();
  const plain = (key, value) => {
    if (typeof value === "object" && value !== null) {
      if (seen.has(value)) return undefined;
      seen.add(value);
    }
    return value;
  };
  const nodes = ["er", "be", "pe"].map((name) => engine.evaluate(name));
  const rules = Object.fromEntries(Object.entries(engine.getParsedRules()).map(([k, v]) => [k, v.rawNode]));
  console.log(JSON.stringify({ text: JSON.stringify([nodes, rules], plain) }));
} else if (command === "units") {
  console.log(JSON.stringify(ask(() => new Engine({ sum: { somme: ["1 kg", "2 kWh"] } }, { logger }).evaluate("sum").nodeValue)));
} else {
  // a factor that applies until the end of 2024, used for 2026
  const rules = {
    day: "01/03/2026",
    factor: { "applicable si": "day <= 31/12/2024", valeur: "0.03546 kg/pkm" },
    be: { valeur: "100 pkm * factor" },
    er: { somme: ["be", "1 kg"] },
  };
  console.log(JSON.stringify(ask(() => new Engine(rules, { logger }).evaluate("er").nodeValue)));
}
