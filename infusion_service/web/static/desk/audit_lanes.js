// @ts-check
// What stands on the chart beside its marks: scores of the complete sets, bags with the time they may be used, the phases,
// and the volume given. None of it is an entry of its own; each is known from when the entry was that tells it. Pure.
import { pointsOf } from "../trend.js";

const HOUR_MS = 3600000;

/** @typedef {{entry: string, at: number, until?: number, known: number, text: string}} Told something said of a moment or a stretch of time */

/** Every score of every complete set that counts. @param {any[]} entries @param {any} view @param {any} file @returns {{name: string, told: Told[]}[]} */
export function scoresOf(entries, view, file) {
  const sets = entries.filter((entry) => entry.kind === "fact" && entry.data && file.facts[entry.type]?.means === "vital_signs" && !view.struck.includes(entry.entry_id));
  return Object.entries(file.scores ?? {}).map(([name, score]) => ({
    name,
    told: sets.flatMap((entry) => {
      const { fields } = file.facts[entry.type];
      const values = Object.fromEntries(Object.entries(entry.data).map(([sign, value]) => [sign, fields[sign]?.type === "decimal" ? Number(value) : value]));
      const points = pointsOf(score, {}, values);
      if (!score.parts.every((/** @type {any} */ part) => part.sign in points)) return [];
      const total = Object.values(points).reduce((sum, each) => sum + each, 0);
      return [{ entry: entry.entry_id, at: Date.parse(entry.occurred_at), known: Date.parse(entry.rcv), text: String(total) }];
    }),
  })).filter(({ told }) => told.length > 0);
}

/** Bags from their making to the end of their use. @param {any[]} entries @param {any} view @param {any} file @returns {Told[]} */
export function bagsOf(entries, view, file) {
  const hours = file.guards.find((/** @type {any} */ guard) => guard.valid_h)?.valid_h;
  return entries.filter((entry) => entry.kind === "fact" && entry.data?.prepared_at && file.facts[entry.type]?.means === "bag_prepared" && !view.struck.includes(entry.entry_id)).map((entry) => {
    const at = Date.parse(entry.data.prepared_at);
    return { entry: entry.entry_id, at, until: hours ? at + Number(hours) * HOUR_MS : undefined, known: Date.parse(entry.rcv), text: String(entry.data.batch ?? "") };
  });
}

/** The volume given, as its computed course: rate times time, moment by moment where the rate changes, and at the end. @param {{from: string, to: string | null, rate_ml_per_h: string}[]} segments @param {number} until where a running pump is looked at @returns {{at: number, ml: number}[]} */
export function volumesOf(segments, until) {
  let ml = 0;
  const points = [];
  for (const each of segments) {
    const [from, to] = [Date.parse(each.from), each.to ? Date.parse(each.to) : Math.max(until, Date.parse(each.from))];
    points.push({ at: from, ml });
    ml += (Number(each.rate_ml_per_h) * (to - from)) / HOUR_MS;
    points.push({ at: to, ml });
  }
  return points;
}

/** The states a day went through, as its entries moved it. @param {any[]} entries @param {number} until @returns {{state: string, from: number, until: number, known: number}[]} */
export function phasesOf(entries, until) {
  const moves = entries.filter((entry) => entry.outcome?.state_to)
    .map((entry) => ({ state: entry.outcome.state_to, from: Date.parse(entry.occurred_at), known: Date.parse(entry.rcv) })).sort((one, other) => one.from - other.from);
  return moves.map((move, place) => ({ ...move, until: moves[place + 1]?.from ?? Math.max(until, move.from) }));
}
