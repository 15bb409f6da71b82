// @ts-check
// The day as a picture: infusion rate below, pressure, pulse and oxygen above, time from left to right. Drawn as marks
// of the document, so that it prints; the numbers stand in the timeline beside it.
import { html } from "./markup.js";
import { means, workflow } from "./protocol.js";
import { T } from "./strings.js";
import { clockTime, serviceNow } from "./times.js";
import { entries, view } from "./ward_state.js";

const WIDTH = 600;
const HEIGHT = 190;
const LEFT = 40;
const PLOT_BOTTOM = 130;
const RATE_TOP = 142;
const RATE_BOTTOM = 166;
const LEAST = 40;
const MOST = 200;
const HOUR_MS = 3600000;
/** More times than these run into each other. */
const HOURS_SHOWN = 7;
const LINES = [50, 100, 150];

/** Signs that are a pulse, as files call it. */
const PULSES = ["heart_rate_per_min", "pulse_per_min"];

/** The two pressures of a set, as the file tells which is the higher; and its pulse. */
function drawnSigns() {
  const kinds = Object.values(workflow.value.facts).filter((fact) => fact.means === "vital_signs");
  const { higher = "", lower = "" } = kinds.flatMap((fact) => fact.greater)[0] ?? {};
  return { higher, lower, pulse: PULSES.find((name) => kinds.some((fact) => name in fact.fields)) ?? "" };
}

/** @param {{day: any}} properties */
export function DayChart({ day }) {
  const struck = new Set(view.value.struck);
  const sets = entries.value.filter((entry) => means(entry.type, ["vital_signs"]) && entry.kind === "fact" && !struck.has(entry.entry_id))
    .map((entry) => ({ at: Date.parse(entry.occurred_at), ...entry.data })).sort((one, other) => one.at - other.at);
  const segments = day.dose.segments;
  if (sets.length === 0 && segments.length === 0) return null;
  const now = serviceNow();
  const { higher, lower, pulse } = drawnSigns();
  const starts = [...sets.map((set) => set.at), ...segments.map((/** @type {any} */ each) => Date.parse(each.from)), now - HOUR_MS];
  const from = Math.floor(Math.min(...starts) / HOUR_MS) * HOUR_MS;
  const until = Math.max(from + HOUR_MS, Math.ceil(now / HOUR_MS) * HOUR_MS);
  const x = (/** @type {number} */ at) => LEFT + ((at - from) / (until - from)) * (WIDTH - LEFT - 6);
  const y = (/** @type {number} */ value) => PLOT_BOTTOM - ((Math.min(MOST, Math.max(LEAST, value)) - LEAST) / (MOST - LEAST)) * (PLOT_BOTTOM - 8);
  const fastest = Math.max(1, ...segments.map((/** @type {any} */ each) => Number(each.rate_ml_per_h)));
  const hours = Array.from({ length: Math.round((until - from) / HOUR_MS) + 1 }, (_, hour) => from + hour * HOUR_MS);
  const every = Math.ceil(hours.length / HOURS_SHOWN);
  return html`<figure class="chart"><svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${T.chartLabel}>
    ${LINES.map((line) => html`<line class="grid" x1=${LEFT} x2=${WIDTH} y1=${y(line)} y2=${y(line)} /><text x="0" y=${y(line) + 5}>${line}</text>`)}
    ${hours.filter((_, place) => place % every === 0).map((hour) => html`<line class="grid" x1=${x(hour)} x2=${x(hour)} y1="4" y2=${RATE_BOTTOM} /><text x=${Math.min(x(hour) - 4, WIDTH - 50)} y=${HEIGHT - 6}>${clockTime(hour)}</text>`)}
    ${segments.map((/** @type {any} */ each) => { const height = (Number(each.rate_ml_per_h) / fastest) * (RATE_BOTTOM - RATE_TOP); const end = each.to ? Date.parse(each.to) : now;
      return html`<rect class="rate" x=${x(Date.parse(each.from))} y=${RATE_BOTTOM - height} width=${Math.max(1, x(end) - x(Date.parse(each.from)))} height=${height} />`; })}
    ${sets.map((set) => html`${set[higher] && html`<line class="pressure" x1=${x(set.at)} x2=${x(set.at)} y1=${y(set[higher])} y2=${y(set[lower])} />`}
      ${set[pulse] && html`<circle class="pulse" cx=${x(set.at)} cy=${y(set[pulse])} r="3.5" />`}`)}
    <line class="now" x1=${x(now)} x2=${x(now)} y1="4" y2=${RATE_BOTTOM} />
  </svg><figcaption>${T.chartKey}</figcaption></figure>`;
}
