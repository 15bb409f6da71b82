// @ts-check
// A word with its own shape: nothing is said by colour alone.
import { html } from "../markup.js";
import { when } from "./moments.js";

/** Shape and colour of how grave something is. @type {Record<string, [string, string]>} */
const SHAPES = {
  critical: ["■", "critical"], warning: ["▲", "high"], info: ["◆", "low"], good: ["●", "live"], held: ["❚❚", "low"], over: ["○", "quiet"],
};

/** @param {{tone: string, word: string}} properties */
export function Mark({ tone, word }) {
  const [shape, colour] = SHAPES[tone] ?? SHAPES.info;
  return html`<span class="mark tone-${colour}" data-tone=${tone}><span aria-hidden="true">${shape}</span> ${word}</span>`;
}

/** A time in two pieces that do not break. @param {{at: string | null | undefined}} properties */
export function Moment({ at }) {
  const [date, time] = when(at).split(" ");
  return html`<span class="whole">${date}</span>${time && html` <span class="whole">${time}</span>`}`;
}

/** What is known of something, name by name; a long value takes two places. @param {{rows: ([string, any] | [string, any, "long"] | false | null | undefined)[]}} properties */
export function Known({ rows }) {
  const known = /** @type {[string, any, string | undefined][]} */ (rows.filter(Boolean));
  return html`<dl class="known">${known.map(([name, value, long]) => html`<div class=${long}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
