// @ts-check
// One form for every fact, made from what the workflow file says of its fields: types, units, ranges, who enters it.
import { useLayoutEffect, useState } from "preact/hooks";
import { bagOf, compareBand, tell } from "./bands.js";
import { doubtsAbout, fieldErrors, mayWait, reasonsOf, record } from "./charting.js";
import { Field } from "./fields.js";
import { asTyped, readData } from "./field_values.js";
import { Before, Evidence, GuardList } from "./form_context.js";
import { html } from "./markup.js";
import { openPaper } from "./paper.js";
import { person } from "./people.js";
import { answerOfBand, answerOfLabel, workflow } from "./protocol.js";
import { remove } from "./queue.js";
import { takeCodes } from "./scanner.js";
import { endSession, post } from "./service.js";
import { SignInForm } from "./sign_in.js";
import { StopButton } from "./stop.js";
import { ROLES, T, fieldName, word } from "./strings.js";
import { serviceNow, span, ticks } from "./times.js";
import { back, mayPost, reachable } from "./ward_state.js";
import { When, momentOf } from "./when.js";

/**
 * @typedef {{seq?: number, entry?: string, occurred_at: string, was?: string, of?: string}} Instead what a corrected fact stands for: one that was
 *   refused and waits on this tablet (`seq`), or one on the record (`entry`), also of another day (`of`)
 */

/** How long a first entry still waits for the second person. @param {{check: any}} properties */
function Validity({ check }) {
  void ticks.value;
  if (!check.valid_until) return null;
  const left = Date.parse(check.valid_until) - serviceNow();
  return html`<span class="countdown" id="second-valid">${left > 0 ? T.validFor(span(left)) : T.validOver}</span>`;
}

/** @typedef {{batch?: string, expires?: string, patient?: string}} Label what a bag label says */

/** What a label fills in, said aloud; nothing where it is another patient's. @param {any} day @param {string} type @param {Label} label @returns {Record<string, any>} */
function takeLabel(day, type, label) {
  const filled = answerOfLabel(type, label);
  if (Object.keys(filled).length === 0) return {};
  if (label.patient && !compareBand(label.patient)) return {};
  if (label.expires && label.expires < day.date) tell("wrong", T.labelExpired(T.label(label)));
  else tell("right", T.labelTaken(T.label(label)));
  return filled;
}

/** @param {{day: any, type: string, preset?: Record<string, any>, instead?: Instead, label?: Label}} properties */
export function FactForm({ day, type, preset = {}, instead, label }) {
  const fact = workflow.value.facts[type];
  const [values, setValues] = useState(() => (instead ? asTyped(fact, preset) : preset));
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const [when, setWhen] = useState(/** @type {import("./when.js").Moment} */ ({ ago: 0, typed: "", reason: "" }));
  const [busy, setBusy] = useState(false);
  const [second, setSecond] = useState(/** @type {{staff: string, token: string} | null} */ (null));

  /** @param {Record<string, any>} more */
  const fill = (more) => setValues((before) => ({ ...before, ...more }));
  useLayoutEffect(() => { if (label) fill(takeLabel(day, type, label)); }, []);
  // What is scanned here goes into this form, wherever the cursor is; all else goes on to the page.
  useLayoutEffect(() => takeCodes((code) => {
    if (code.kind === "patient") {
      if (compareBand(code.id)) fill(answerOfBand(type));
      return true;
    }
    if (code.kind !== "bag") return false;
    if (fact.fields.bag?.type === "id" && bagOf(code.batch)) fill({ bag: bagOf(code.batch).entry_id });
    const filled = takeLabel(day, type, code);
    fill(filled);
    return Object.keys(filled).length > 0 || Object.keys(answerOfLabel(type, code)).length > 0;
  }));

  const waiting = fact.second === "independent" ? day.double_checks.find((/** @type {any} */ check) => check.type === type) : null;
  const me = person.value?.staff;
  // Who entered it first signs nothing twice: the second half is under the second person's own session.
  const half = fact.second !== "independent" ? "whole" : !waiting ? "first" : waiting.by === me && !second ? "wait" : "second";
  const permitted = (half === "second" && second !== null) || mayPost(fact.by, person.value?.role) || (!person.value && fact.by.includes("device"));
  const needsConsent = fact.second === "consent" && !second;

  const save = async (more = {}) => {
    const read = readData(fact, values, day.date);
    const moment = momentOf(when, day.date, instead?.occurred_at);
    setErrors(read.errors);
    setProblem(null);
    if (Object.keys(read.errors).length || moment.error) {
      setProblem({ detail: moment.error ?? T.fill });
      return;
    }
    const doubts = doubtsAbout(fact, { ...read.data, ...more }, day.state);
    if (doubts && "confirmed" in fact.fields) {
      setProblem(doubts.code === "needs_confirmation" ? { ...doubts, detail: T.unusual(doubts.fields.map((/** @type {string} */ name) => fieldName(name)).join(", ")) } : doubts);
      return;
    }
    setBusy(true);
    const posted = { type, data: { ...read.data, ...more }, ...(half === "first" ? {} : moment.members), ...(instead?.entry ? { corrects: instead.entry } : {}),
      ...(fact.second === "consent" && second ? { second: { token: second.token } } : {}) };
    const token = half === "second" ? second?.token : undefined;
    const answer = await record(day.day_id, posted, { title: half === "first" ? T.firstHalf(fact.title) : fact.title, token, first: half === "first" });
    setBusy(false);
    if (!answer.ok) {
      setErrors(fieldErrors(answer.problem));
      setProblem(answer.problem ?? { detail: T.unreachable });
      return;
    }
    if (half === "first") {
      setValues({ ...preset });
      return;
    }
    if (second) endSession(second.token);
    if (instead?.seq !== undefined) await remove(instead.seq);
    back();
  };
  /** @param {string} badge @param {string} pin */
  const takeSecond = async (badge, pin) => {
    const { status, body } = await post("/v1/sessions", { badge, pin }, {});
    if (status !== 201) return String(body.detail);
    if (body.staff === (waiting?.by ?? me)) {
      endSession(body.token);
      return T.secondSelf;
    }
    setSecond({ staff: body.staff, token: body.token });
    return "";
  };

  return html`<main class="fact-form" aria-labelledby="form-title" data-type=${type}>
    <h2 id="form-title">${fact.title}</h2>
    <${GuardList} day=${day} type=${type} />
    ${fact.means === "review" && html`<${Evidence} day=${day} />`}
    ${instead && html`<${Before} instead=${instead} />`}
    ${!reachable.value && !mayWait(type, day.day_id) && html`<p class="error" role="alert">${T.needsNetwork} <button data-paper=${type} onClick=${() => openPaper(day, type, preset)}>${T.paper}</button></p>`}
    ${half === "first" && html`<p class="note">${T.firstPerson}</p>`}
    ${half === "second" && html`<p class="note" id="second-note">${T.secondPerson(waiting.by)}</p><p class="note">${second && html`${T.secondWho(second.staff)} · `}<${Validity} check=${waiting} /></p>`}
    ${half === "wait" && html`<section class="note" id="second-note"><p>${T.firstSaved(waiting.by)} <${Validity} check=${waiting} /></p><${SignInForm} take=${takeSecond} label=${T.secondSignIn} prefix="second-" /></section>`}
    ${half !== "wait" && html`
      <div class="fields">${Object.entries(fact.fields).filter(([name]) => name !== "confirmed").map(([name, field]) => html`<${Field} key=${name} name=${name} field=${field}
        day=${day} value=${values[name]} error=${errors[name]} onChange=${(/** @type {any} */ value) => setValues((before) => ({ ...before, [name]: value }))} />`)}</div>
      ${half !== "first" && html`<${When} when=${when} onChange=${setWhen} original=${instead?.occurred_at} />`}
      ${fact.second === "consent" && html`<section class="note"><p>${second ? T.secondWho(second.staff) : T.consent}</p>
        ${!second && html`<${SignInForm} take=${takeSecond} label=${T.secondSignIn} prefix="second-" />`}</section>`}`}
    ${problem && html`<ul class="error" id="form-error" role="alert">${reasonsOf(problem).map((reason) => html`<li>${reason}</li>`)}</ul>`}
    ${problem?.code === "needs_confirmation" && "confirmed" in fact.fields && html`<button onClick=${() => save({ confirmed: true })}>${T.confirmMeasured}</button>`}
    ${!permitted && half !== "wait" && html`<p class="note">${person.value ? T.onlyFor(fact.by.map((/** @type {string} */ role) => word(ROLES, role).toLowerCase()).join(", ")) : T.signInFirst}</p>`}
    <div class="bottom-bar"><button class="plain" id="form-back" onClick=${back}>‹ ${T.cancel}</button>
      ${half !== "wait" && html`<button class="primary big" id="save" disabled=${busy || !permitted || needsConsent} onClick=${() => save()}>${half === "first" ? T.firstSave : T.record}</button>`}
      <${StopButton} day=${day} /></div>
  </main>`;
}
