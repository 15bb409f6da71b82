// @ts-check
// Where the marks of a day's chart lie: strips from top to bottom, time from left to right. Pure: it is given how wide
// it may be, and what things are called. Everything that is a mark is placed; what lies far outside stands at an edge.
import { chartedFields, pressures } from "./audit_marks.js";
import { box, outline } from "./mark_shapes.js";

/** @typedef {import("./audit_marks.js").Mark} Mark */
/** @typedef {{mark: Mark, path: string, x: number, y: number, label?: string, labelX?: number, labelY?: number, letter?: string}} Placed */
/** @typedef {{name: string, title: string, unit: string, top: number, height: number, levels: {y: number, text: string}[], placed: Placed[], lines: string[], framed: boolean, told: {said: Told, x: number, width: number, y: number}[]}} Strip */
/** @typedef {import("./audit_lanes.js").Told} Told */
/** @typedef {{first: number, last: number}} Axis */

export const LEFT = 136;
export const RIGHT = 16;
const MINUTE_MS = 60000;
const HOUR_MS = 3600000;
const EDGE_MS = 10 * MINUTE_MS;
const LATEST_MS = 12 * HOUR_MS;
const GAP = 10;
const HIGH = 116;
const LOW = 46;
const RATE = 56;
const ROW = 26;
const ROOM = 42;
const ROWS_MAX = 6;
const HOUR_PX = 64;
const CHARTED = new Set(["pressure", "pulse", "spo2", "respiration", "temperature", "sign", "unrecordable", "rate", "pause", "symptom"]);

/** From the first to the last of what is charted, and to when the last of it was received, on full minutes. @param {Mark[]} marks @param {any[]} entries @returns {Axis} */
export function axisOf(marks, entries) {
  const charted = marks.filter((mark) => CHARTED.has(mark.kind));
  const core = (charted.length ? charted : marks).flatMap((mark) => [mark.at, ...(mark.until ? [mark.until] : [])]);
  if (core.length === 0) core.push(...entries.map((entry) => Date.parse(entry.occurred_at ?? entry.rcv)));
  if (core.length === 0) core.push(0);
  const [first, last] = [Math.min(...core), Math.max(...core)];
  const near = [...marks.map((mark) => mark.at).filter((at) => at >= first - HOUR_MS && at <= last + HOUR_MS),
    ...entries.filter((entry) => entry.kind !== "access").map((entry) => Date.parse(entry.rcv)).filter((at) => at >= first - HOUR_MS && at <= last + LATEST_MS)];
  return {
    first: Math.floor((Math.min(first, ...near) - EDGE_MS) / MINUTE_MS) * MINUTE_MS,
    last: Math.ceil((Math.max(last, ...near) + EDGE_MS) / MINUTE_MS) * MINUTE_MS,
  };
}

/** Where a moment lies. @param {Axis} axis @param {number} width @param {number | null} at null: the end */
export function xOf({ first, last }, width, at) {
  const inside = at === null ? last : Math.min(last, Math.max(first, at));
  return LEFT + ((inside - first) / (last - first)) * (width - LEFT - RIGHT);
}

/** Full hours, no more than fit. @param {Axis} axis @param {number} width @returns {number[]} */
export function hoursOf({ first, last }, width) {
  const most = Math.max(1, Math.floor((width - LEFT - RIGHT) / HOUR_PX));
  const every = Math.max(1, Math.ceil((last - first) / HOUR_MS / most)) * HOUR_MS;
  const from = Math.ceil(first / HOUR_MS) * HOUR_MS;
  return Array.from({ length: Math.max(0, Math.floor((last - from) / every) + 1) }, (_, place) => from + place * every);
}

/** Round levels that enclose the values: a step of 1, 2 or 5 times a power of ten. @param {number[]} values @param {number} about */
export function levelsOf(values, about) {
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (low === high) return [low - 1, low + 1];
  const wanted = Math.max((high - low) / about, 0.5);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((each) => each >= wanted - 1e-9) ?? 10 * power;
  const first = Math.floor(low / step + 1e-9) * step;
  const levels = [first];
  while (levels[levels.length - 1] < high - 1e-9 || levels.length === 1) levels.push(first + levels.length * step);
  return levels;
}

/**
 * All strips of a day.
 * @param {{marks: Mark[], axis: Axis, file: any, width: number, numberOf: (entry: string) => string, volumes: {at: number, ml: number}[], scores: {name: string, told: Told[]}[], bags: Told[],
 *   words: {sign: (name: string) => [string, string], check: (name: string) => string, score: (name: string) => string, bags: string, alerts: string, pressure: string, rate: string, rateUnit: string, drugs: string, symptoms: string}}} given
 * @returns {{strips: Strip[], height: number, volume: string, beyond: number}}
 */
export function layoutOf({ marks, axis, file, width, numberOf, volumes, scores, bags, words }) {
  /** @type {Strip[]} */
  const strips = [];
  let top = 4;
  const x = (/** @type {number | null} */ at) => xOf(axis, width, at);
  const ofKind = (/** @type {string[]} */ ...kinds) => marks.filter((mark) => kinds.includes(mark.kind));
  /** @param {string} name @param {string} title @param {string} unit @param {number} height @param {boolean} framed @returns {Strip} */
  const add = (name, title, unit, height, framed = true) => {
    const strip = { name, title, unit, top, height, levels: [], placed: [], lines: [], framed, told: [] };
    strips.push(strip);
    top += height + GAP;
    return strip;
  };
  /** Marks with a number beside them, in as many rows as they need. @param {string} name @param {string} title @param {Mark[]} shown */
  const rows = (name, title, shown) => {
    if (shown.length === 0) return;
    /** @type {number[]} */
    const free = [];
    const at = shown.map((mark) => {
      const place = x(mark.at);
      const found = free.findIndex((each) => each <= place);
      const row = Math.min(found === -1 ? free.length : found, ROWS_MAX - 1);
      free[row] = place + ROOM;
      return row;
    });
    const strip = add(name, title, "", free.length * ROW, false);
    shown.forEach((mark, place) => {
      const [px, py] = [x(mark.at), strip.top + ROW * (at[place] + 0.5)];
      const letter = mark.kind === "alert" ? mark.severity.slice(0, 1).toUpperCase() : "";
      strip.placed.push({ mark, path: outline(mark, px, py), x: px, y: py, letter, label: numberOf(mark.entry), labelX: px + 14, labelY: py + 6 });
    });
  };

  rows("alerts", words.alerts, ofKind("alert"));
  for (const signs of groupsOf(marks, file)) placeSigns(signs, marks, file, words, add, x);
  /** What is told of a stretch of time, or of a moment. @param {string} name @param {string} title @param {Told[]} all */
  const lane = (name, title, all) => {
    if (all.length === 0) return;
    const strip = add(name, title, "", ROW - 4, false);
    strip.told = all.map((said) => ({ said, x: x(said.at), width: said.until === undefined ? 0 : Math.max(1, x(said.until) - x(said.at)), y: strip.top + strip.height / 2 }));
  };
  for (const { name, told } of scores) lane(`score-${name}`, words.score(name), told);
  lane("bags", words.bags, bags);
  const volume = placePump(ofKind("rate", "pause"), volumes, words, add, x);
  rows("drugs", words.drugs, ofKind("drug"));
  rows("symptoms", words.symptoms, ofKind("symptom"));
  for (const check of [...new Set(ofKind("check-done", "check-missed").map((mark) => mark.check))]) {
    const strip = add(`check-${check}`, words.check(check), "", ROW - 6, false);
    for (const mark of ofKind("check-done", "check-missed").filter((each) => each.check === check)) {
      const [px, py] = [x(mark.at), strip.top + strip.height / 2];
      strip.placed.push({ mark, path: outline(mark, px, py), x: px, y: py });
    }
  }
  const beyond = marks.filter((mark) => mark.at < axis.first || mark.at > axis.last).length;
  return { strips, height: top, volume, beyond };
}

/** Fields that share a strip: pressures with the pulse, every other sign alone. @param {Mark[]} marks @param {any} file @returns {string[][]} */
function groupsOf(marks, file) {
  const bars = pressures(file);
  const marked = new Set(marks.filter((mark) => mark.sign).map((mark) => mark.sign));
  const pulses = new Set(marks.filter((mark) => mark.kind === "pulse").map((mark) => mark.sign));
  const first = Object.keys(bars).filter((name) => marked.has(name));
  const together = first.length ? [...first, ...Object.keys(chartedFields(file)).filter((name) => pulses.has(name) && !first.includes(name))] : [];
  const shown = new Set([...together, ...first.map((name) => bars[name])]);
  const alone = Object.keys(chartedFields(file)).filter((name) => marked.has(name) && !shown.has(name));
  const halves = Object.values(bars).filter((name) => marked.has(name) && shown.has(name) && !together.includes(name));
  return [...(together.length ? [together] : []), ...[...alone, ...halves].map((name) => [name])];
}

/** @param {string[]} signs @param {Mark[]} marks @param {any} file @param {any} words @param {(name: string, title: string, unit: string, height: number) => Strip} add @param {(at: number) => number} x */
function placeSigns(signs, marks, file, words, add, x) {
  const shown = marks.filter((mark) => signs.includes(mark.sign));
  const values = shown.filter((mark) => mark.value).flatMap((mark) => mark.value.split("/").map(Number));
  const [title, unit] = signs[0] in pressures(file) ? [words.pressure, words.sign(signs[0])[1]] : words.sign(signs[0]);
  const high = signs[0] in pressures(file) && values.length > 0;
  const strip = add(signs[0], title, unit, high ? HIGH : LOW);
  const levels = levelsOf(values, high ? 5 : 1);
  const [low, most] = [levels[0], levels[levels.length - 1]];
  const y = (/** @type {number} */ value) => strip.top + strip.height * (1 - (value - low) / (most - low));
  const told = high ? levels : [low, most];
  if (values.length) strip.levels = told.map((level) => ({ y: y(level), text: String(Math.round(level * 10) / 10) }));
  for (const mark of shown) {
    const px = x(mark.at);
    const [one, other] = mark.value ? mark.value.split("/").map(Number) : [low, undefined];
    if (mark.kind === "unrecordable") strip.placed.push({ mark, path: "", x: px, y: strip.top + strip.height - 8, letter: "?" });
    else if (mark.kind === "pressure") strip.placed.push({ mark, path: box(px - 3, y(one), 6, Math.max(2, y(Number(other)) - y(one))), x: px, y: (y(one) + y(Number(other))) / 2 });
    else strip.placed.push({ mark, path: outline(mark, px, y(one)), x: px, y: y(one) });
  }
  for (const sign of signs) {
    const line = shown.filter((mark) => mark.sign === sign && !mark.struck && !["pressure", "unrecordable"].includes(mark.kind));
    strip.lines.push(line.map((mark) => `${x(mark.at).toFixed(1)},${y(Number(mark.value)).toFixed(1)}`).join(" "));
  }
}

/** Rates and pauses as bands, and the volume given as a line that only rises. @param {Mark[]} marks @param {{at: number, ml: number}[]} volumes @param {any} words @param {(name: string, title: string, unit: string, height: number) => Strip} add @param {(at: number | null) => number} x @returns {string} */
function placePump(marks, volumes, words, add, x) {
  if (marks.length === 0) return "";
  const strip = add("rate", words.rate, words.rateUnit, RATE);
  const foot = strip.top + strip.height;
  const most = Math.max(1, ...marks.map((mark) => Number(mark.value)));
  for (const mark of marks) {
    const [from, until] = [x(mark.at), x(mark.until ?? null)];
    const height = mark.kind === "rate" ? Math.max(2, (strip.height - 22) * (Number(mark.value) / most)) : strip.height - 22;
    const wide = until - from;
    strip.placed.push({ mark, path: box(from, foot - height, Math.max(1.5, wide), height), x: from, y: foot - height / 2, label: wide >= ROOM && mark.kind === "rate" ? mark.value : "", labelX: from + 4, labelY: foot - height - 4 });
  }
  const full = Math.max(1, ...volumes.map((each) => each.ml));
  return volumes.map(({ at, ml }) => `${x(at).toFixed(1)},${(foot - (strip.height - 4) * (ml / full)).toFixed(1)}`).join(" ");
}
