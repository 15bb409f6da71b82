// @ts-check
// A full set of vital signs on one screen, by keypad. Nothing is filled in beforehand; a value that is odd is asked
// about where it stands.
import { useState } from "preact/hooks";
import { doubtsAbout, fieldErrors, reasonsOf, record } from "./charting.js";
import { html } from "./markup.js";
import { person } from "./people.js";
import { meant, scoresOf, signsOf, workflow } from "./protocol.js";
import { StopButton } from "./stop.js";
import { SIGNS, T, code, fieldName, unitOf } from "./strings.js";
import { clockTime, serviceNow } from "./times.js";
import { Trend, arrow, pointsOf } from "./trend.js";
import { back, entries, go, said, view } from "./ward_state.js";

/** Signs in the order of a round; a product's own come after them. */
const ROUND = Object.keys(SIGNS);
/** What is said beside a sign, where the file asks for it. */
const OXYGEN = "on_oxygen";
const EARLIER = 2;
const AGO_MIN = [0, 5, 10, 15, 30];
const MINUTE_MS = 60000;

/** The digits of a field as its value: 368 is 36.8 where the field has one decimal. @param {any} field @param {string} digits */
const valueOf = (field, digits) => Number(digits) / 10 ** field.scale;

/** The highest a sign can be. @param {any} field */
const highest = (field) => Number(field.hard?.[1] ?? field.at_most ?? Infinity);

/** Whether no further digit can follow within the field's range. @param {any} field @param {string} digits */
const isFull = (field, digits) => Number(digits) * 10 > highest(field) * 10 ** field.scale;

/** @param {string} sign */
const nameOfSign = (sign) => SIGNS[/** @type {keyof SIGNS} */ (sign)] ?? fieldName(sign);

/** The measured signs by rows: those that are charted together stand together. @param {any} fact @param {string[]} signs @returns {string[][]} */
function rowsOf(fact, signs) {
  const row = (/** @type {string} */ sign) => fact.together.find((/** @type {string[]} */ each) => each.includes(sign))?.filter((/** @type {string} */ each) => signs.includes(each)) ?? [sign];
  return signs.map(row).filter((each, place) => each[0] === signs[place]);
}

/** @param {any} field @param {string} digits */
function shown(field, digits) {
  if (!field.scale || digits.length <= field.scale) return digits;
  return `${digits.slice(0, -field.scale)}.${digits.slice(-field.scale)}`;
}

/** Every time a sign was charted, the latest first, without what was struck. @param {string} sign */
function earlier(sign) {
  const struck = new Set(view.value.struck);
  return entries.value.filter((entry) => entry.type === meant("vital_signs") && entry.kind === "fact" && !struck.has(entry.entry_id) && sign in entry.data)
    .sort((one, other) => other.occurred_at.localeCompare(one.occurred_at))
    .slice(0, EARLIER).map((entry) => ({ value: entry.data[sign], at: entry.occurred_at }));
}

/** @param {{day: any}} properties */
export function VitalsScreen({ day }) {
  const type = String(meant("vital_signs"));
  const neuro = meant("neuro_check");
  const fact = workflow.value.facts[type];
  const { measured: order, chosen: named } = signsOf(fact, ROUND);
  const asked = Object.keys(workflow.value.facts[neuro ?? ""]?.fields ?? {});
  const [digits, setDigits] = useState(/** @type {Record<string, string>} */ ({}));
  const [chosen, setChosen] = useState(/** @type {Record<string, any>} */ ({}));
  const [active, setActive] = useState(order[0]);
  const [ago, setAgo] = useState(0);
  const [lateReason, setLateReason] = useState("");
  const [asks, setAsks] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const [scored, setScored] = useState(false);

  /** @param {string} from */
  const advance = (from) => {
    const after = order.slice(order.indexOf(from) + 1);
    setActive(after.find((sign) => !digits[sign]) ?? "");
  };
  /** @param {string} key */
  const press = (key) => {
    if (!active) return;
    setAsks(null);
    setScored(false);
    const before = digits[active] ?? "";
    const now = key === T.erase ? before.slice(0, -1) : isFull(fact.fields[active], before) ? key : before + key;
    setDigits({ ...digits, [active]: now });
    if (now && isFull(fact.fields[active], now)) advance(active);
  };
  /** @param {Record<string, any>} more */
  const choose = (more) => { setAsks(null); setScored(false); setChosen({ ...chosen, ...more }); };

  const signs = order.filter((sign) => digits[sign]);
  const missing = fact.complete_set.filter((/** @type {string} */ sign) => !(digits[sign] || chosen[sign] !== undefined));
  const oxygen = OXYGEN in fact.fields;
  if (oxygen && chosen[OXYGEN] === undefined) missing.push(OXYGEN);
  const empty = signs.length === 0 && Object.values(chosen).every((each) => each === undefined);
  const time = () => (ago ? { occurred_at: new Date(serviceNow() - ago * MINUTE_MS).toISOString(), ...(lateReason ? { late_reason: lateReason } : {}) } : {});

  const save = async (confirmed = false) => {
    const data = { ...Object.fromEntries(signs.map((sign) => [sign, valueOf(fact.fields[sign], digits[sign])])), ...chosen,
      ...(digits.spo2_percent && "spo2_scale" in fact.fields ? { spo2_scale: day.vitals.spo2_scale?.value ?? 1 } : {}),
      ...(fact.fields.source?.of.includes("manual") ? { source: "manual" } : {}), ...(confirmed ? { confirmed: true } : {}) };
    const doubts = doubtsAbout(fact, data, day.state);
    if (doubts) {
      setAsks(doubts);
      return;
    }
    setBusy(true);
    const answer = await record(day.day_id, { type, data, ...time() }, { title: T.vitals });
    setBusy(false);
    if (!answer.ok) {
      setAsks(answer.problem ?? null);
      return;
    }
    setScored(!answer.here && missing.length === 0);
    setDigits({});
    setChosen({});
    setAsks(null);
    setActive(order[0]);
  };
  const noNewSign = async () => {
    setBusy(true);
    const usual = new Set(day.baseline_deficits);
    const data = Object.fromEntries(asked.map((item) => [item, usual.has(item)]));
    await record(day.day_id, { type: String(neuro), data, ...time() }, { title: T.noNewSign });
    setBusy(false);
  };
  const typed = { ...Object.fromEntries(signs.filter((sign) => sign !== active || isFull(fact.fields[sign], digits[sign])).map((sign) => [sign, valueOf(fact.fields[sign], digits[sign])])), ...chosen };
  const points = Object.entries(workflow.value.scores ?? {}).map(([name, score]) => ({ name, of: pointsOf(score, day.vitals, typed) }));
  /** What a sign scores, where any score says so. @param {string} sign */
  const pointsFor = (sign) => (typed[sign] === undefined ? 0 : Math.max(0, ...points.map((each) => each.of[sign] ?? 0)));
  const last = said.value;
  const wrong = asks ? fieldErrors(asks) : {};

  /** @param {string} sign */
  const cell = (sign) => html`<button class="sign" data-sign=${sign} aria-pressed=${active === sign} data-doubt=${sign in wrong ? "yes" : "no"}
    onClick=${() => setActive(sign)}><span>${nameOfSign(sign)}</span>
    <b>${shown(fact.fields[sign], digits[sign] ?? "") || T.unknown}</b> <small>${unitOf(sign)}</small>${pointsFor(sign) > 0 && html`<em class="points" data-points=${pointsFor(sign)}>${T.points(pointsFor(sign))}</em>`}</button>`;
  /** @param {string[]} of */
  const past = (of) => {
    const columns = of.map(earlier);
    const [newest, older] = columns[0].map((each) => Number(each.value));
    return html`<span class="earlier">${Number.isFinite(newest - older) && html`<span class="way" aria-hidden="true">${arrow(newest - older)}</span>`}${columns[0].map((first, place) => html`<span>
      ${columns.map((column) => column[place]?.value ?? T.unknown).join("/")} <small>${clockTime(first.at)}</small></span>`)}</span>`;
  };
  /** @param {string} sign @param {any} value @param {string} text @param {string} label */
  const choice = (sign, value, text, label) => html`<button class="choice" data-choice=${`${sign}:${value}`} aria-pressed=${chosen[sign] === value}
    aria-label=${label} onClick=${() => choose({ [sign]: value })}>${text}${chosen[sign] === value && pointsFor(sign) > 0 && html`<em class="points" data-points=${pointsFor(sign)}>${T.points(pointsFor(sign))}</em>`}</button>`;

  return html`<main class="vitals" aria-label=${T.vitals}>
    <div class="signs">
      ${rowsOf(fact, order).map((row) => html`<div class=${row.length > 1 ? "row pair" : "row"} key=${row[0]}>${row.map(cell)}${row[0] === "spo2_percent" && oxygen && html`${choice(OXYGEN, false, T.air, T.air)}${choice(OXYGEN, true, T.oxygen, T.oxygen)}`}${past(row)}</div>`)}
      ${named.map((sign) => html`<div class="row acvpu" key=${sign} role="group" aria-label=${nameOfSign(sign)}>${fact.fields[sign].of.map((/** @type {string} */ level) => choice(sign, level, level.length > 1 ? code(level) : level, `${level}: ${code(level)}`))}${past([sign])}</div>`)}
      <div class="row when" role="group" aria-label=${T.when}><span>${T.when}</span>${AGO_MIN.map((minutes) => html`<button class="choice" data-ago=${minutes} aria-pressed=${ago === minutes}
        onClick=${() => setAgo(minutes)} aria-label=${minutes ? T.ago(minutes) : T.now}>${minutes ? `−${minutes}` : T.now}</button>`)}
        ${ago > 0 && html`<input class="late" aria-label=${T.lateReason} placeholder=${T.lateReason} value=${lateReason} onInput=${(/** @type {any} */ event) => setLateReason(event.target.value)} />`}</div>
    </div>
    <div class="keypad" role="group" aria-label=${T.keypad}>
      ${["1", "2", "3", "4", "5", "6", "7", "8", "9"].map((key) => html`<button key=${key} data-key=${key} onClick=${() => press(key)}>${key}</button>`)}
      <button data-key="erase" aria-label=${T.eraseLabel} onClick=${() => press(T.erase)}>${T.erase}</button>
      <button data-key="0" onClick=${() => press("0")}>0</button>
      <button data-key="next" onClick=${() => active && advance(active)}>${T.nextSign}</button>
    </div>
    ${neuro && html`<div class="neuro"><span>${T.neuro(asked.map(fieldName))}</span>
      <button class="choice" id="no-new-sign" disabled=${busy || !person.value} onClick=${noNewSign}>${T.noNewSign}</button>
      <button class="choice" id="any-sign" onClick=${() => go(day.day_id, { kind: "fact", type: neuro })}>${T.anySign}</button></div>`}
    <div class="bottom-bar vitals-bar">
      <button class="plain" id="vitals-back" onClick=${back}>‹ ${T.back}</button>
      <button class="primary big" id="save-vitals" disabled=${busy || empty || !person.value} onClick=${() => save()}>${T.saveVitals}</button>
      <div class="vitals-said">${asks
        ? asks.code === "needs_confirmation"
          ? html`<p class="doubt" role="alert">${T.unusual((asks.fields ?? [asks.field]).map((/** @type {string} */ sign) => `${nameOfSign(sign)} ${shown(fact.fields[sign], digits[sign] ?? "")}`).join(", "))}</p>
            <button class="choice" id="confirm" onClick=${() => save(true)}>${T.confirmMeasured}</button>`
          : html`<p class="doubt" role="alert">${reasonsOf(asks).join(" · ")}</p>`
        : last && empty ? html`<p id="said" class="said" role="status" data-kind=${last.kind}>${last.text}</p>
          ${scored && scoresOf(view.value, workflow.value).map((score) => html`<p class="score" key=${score.name} data-score=${score.name}><b>${T.score(score.title, score.total)}</b> <${Trend} by=${score.since_last} /></p>`)}`
        : html`<p>${!person.value ? T.signInFirst : empty ? T.nothingEntered : missing.length ? T.incomplete(missing.map((/** @type {string} */ sign) => sign === OXYGEN ? `${T.air}/${T.oxygen}` : nameOfSign(sign)).join(", ")) : T.complete}</p>`}</div>
      <${StopButton} day=${day} />
    </div>
  </main>`;
}
