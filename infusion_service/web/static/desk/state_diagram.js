// @ts-check
// States and moves of a protocol, drawn by ourselves: states are lines from top to bottom in the order of the
// file, each move is a column from where it may be made (rings) to where it leads (arrow). Nothing crosses a name,
// however many moves there are; a table says the same in words.
import { html } from "../markup.js";
import { O } from "./operations_strings.js";

const ROW = 34;
const COLUMN = 34;
const NAMES = 218;
const STAYS = "=";

/** @typedef {{fact: string, title: string, from: string[], to: string, when: string}} Move `to` "=": it stays where it is */

/** Every move of a definition. @param {any} definition @returns {Move[]} */
export function movesOf(definition) {
  return Object.entries(definition.facts).flatMap(([fact, kind]) => (kind.moves ?? []).map((/** @type {any} */ move) => ({
    fact, title: kind.title || fact, from: move.from ?? [], to: move.to, when: [move.when && conditionOf(move.when), move.same_date && O.sameDate].filter(Boolean).join(", "),
  })));
}

/** @param {any} when */
function conditionOf(when) {
  const values = when.among ?? [when.equals];
  return O.onlyIf(when.field, values.map((/** @type {unknown} */ value) => String(value).replaceAll("_", " ")).join(", "));
}

/** States in the order of the file, which is how its authors tell a day; ends last. @param {any} definition */
export function orderOf(definition) {
  const states = Object.keys(definition.states);
  return [...states.filter((name) => !definition.states[name].terminal), ...states.filter((name) => definition.states[name].terminal)];
}

/** @param {{definition: any}} properties */
export function Diagram({ definition }) {
  const moves = movesOf(definition);
  const order = orderOf(definition);
  const row = (/** @type {string} */ name) => order.indexOf(name);
  const drawn = moves.filter((move) => move.to !== STAYS).map((move) => ({ ...move, top: Math.min(row(move.to), ...move.from.map(row)), bottom: Math.max(row(move.to), ...move.from.map(row)) }));
  drawn.sort((one, other) => one.top - other.top || one.bottom - other.bottom);
  const head = 24 + 9.4 * Math.max(...drawn.map((move) => move.title.length));
  const wide = NAMES + drawn.length * COLUMN + 24;
  const tall = head + order.length * ROW + 8;
  return html`<figure class="diagram"><figcaption>${O.diagramHow}</figcaption>
    <div class="wide" tabindex="0" role="region" aria-label=${O.diagram}><svg width=${wide} height=${tall} viewBox="0 0 ${wide} ${tall}" role="img" aria-label=${O.diagramOf(definition.title)}>
      ${order.map((name, place) => html`<${State} name=${name} state=${definition.states[name]} y=${head + (place + 0.5) * ROW} wide=${wide} />`)}
      ${drawn.map((move, place) => html`<${Column} move=${move} x=${NAMES + (place + 0.5) * COLUMN} head=${head} row=${row} />`)}</svg></div></figure>
    <details><summary>${O.movesTable(moves.length)}</summary><div class="wide" tabindex="0" role="region" aria-label=${O.moves}><table id="moves"><thead><tr><th>${O.move}</th><th>${O.from}</th><th>${O.to}</th><th>${O.condition}</th></tr></thead>
      <tbody>${moves.map((move) => html`<tr><td>${move.title}</td><td>${move.from.map((name) => titleOf(definition, name)).join(", ")}</td><td>${move.to === STAYS ? O.stays : titleOf(definition, move.to)}</td><td>${move.when}</td></tr>`)}</tbody></table></div></details>`;
}

/** @param {any} definition @param {string} name */
const titleOf = (definition, name) => definition.states[name]?.title ?? name;

/** @param {{name: string, state: any, y: number, wide: number}} properties */
const State = ({ name, state, y, wide }) => html`<g data-state=${name} class=${state.terminal ? "end" : state.initial ? "start" : ""}>
  <line x1=${NAMES - 6} x2=${wide} y1=${y} y2=${y} class="lane" /><rect x="2" y=${y - 14} width=${NAMES - 10} height="28" rx=${state.terminal ? 14 : 4} class="box" />
  ${state.terminal && html`<rect x="5" y=${y - 11} width=${NAMES - 16} height="22" rx="11" class="inner" />`}<text x="14" y=${y + 5.5}>${state.title}</text></g>`;

/** @param {{move: any, x: number, head: number, row: (name: string) => number}} properties */
function Column({ move, x, head, row }) {
  const at = (/** @type {number} */ place) => head + (place + 0.5) * ROW;
  const to = row(move.to);
  const down = move.from.some((/** @type {string} */ name) => row(name) < to);
  const up = move.from.some((/** @type {string} */ name) => row(name) > to);
  const tip = at(to);
  const only = !down && !up;
  return html`<g class=${move.when ? "move some" : "move"} data-move=${move.fact}><text transform="rotate(-90 ${x + 5} ${head - 8})" x=${x + 5} y=${head - 8}>${move.title}</text>
    <line x1=${x} x2=${x} y1=${at(move.top)} y2=${at(move.bottom)} />
    ${move.from.map((/** @type {string} */ name) => row(name) !== to && html`<circle cx=${x} cy=${at(row(name))} r="5" />`)}
    ${down && html`<path d="M ${x} ${tip} l -7 -12 h 14 z" />`}${up && html`<path d="M ${x} ${tip} l -7 12 h 14 z" />`}
    ${(only || move.from.includes(move.to)) && html`<path class="loop" d="M ${x} ${tip} c 16 -14 16 14 0 0" />`}</g>`;
}
