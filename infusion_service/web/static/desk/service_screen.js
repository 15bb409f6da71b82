// @ts-check
// How the service fares: what needs somebody's eye first, each with what to do; then the figures behind it.
import { useState } from "preact/hooks";
import { html } from "../markup.js";
import { SEVERITIES } from "../strings.js";
import { Refusal } from "./frame.js";
import { Known, Mark } from "./marks.js";
import { between, size, span, when } from "./moments.js";
import { FINDINGS, O, RUNBOOK } from "./operations_strings.js";
import { Freshness, usePolled } from "./polling.js";
import { reaches } from "./reach.js";
import { askDesk, sendDesk } from "./service.js";
import { F } from "./strings.js";
import { addressOf } from "./where.js";
import { who } from "./who.js";

const HOUR_MS = 3600000;
const DAY_MS = 24 * HOUR_MS;
const ENTRIES_MIN = 1000;
/** A checkpoint that is behind for longer cannot be written. */
const WRITTEN_MS = 60000;

/** The status, with the names of the endpoints it speaks of. @returns {Promise<import("./service.js").Answer>} */
async function load() {
  const [status, endpoints] = await Promise.all([askDesk("/v1/status"), reaches("endpoints") ? askDesk("/v1/endpoints") : null]);
  if (status.status !== 200) return status;
  const named = endpoints?.status === 200 ? endpoints.body.endpoints : [];
  return { status: 200, body: { ...status.body, endpoints: Object.fromEntries(named.map((/** @type {any} */ each) => [each.id, each.name])) } };
}

export function Service() {
  const seen = usePolled(load, "status");
  const status = seen.shown?.status === 200 ? seen.shown.body : null;
  return html`<main><h2>${O.service}</h2><${Freshness} seen=${seen} asOf=${status?.as_of} />
    ${seen.shown ? html`<${Refusal} answer=${seen.shown} />` : !seen.failed && html`<p>${F.loading}</p>`}
    ${status && html`<${Findings} status=${status} again=${seen.again} /><${Wards} status=${status} /><div class="halves"><${LogAndDisk} status=${status} /><${Trust} status=${status} /></div><${Missing} />`}</main>`;
}

/** @param {{status: any, again: () => void}} properties */
function Findings({ status, again }) {
  if (status.findings.length === 0) return html`<p id="calm"><${Mark} tone="good" word=${O.calm} /></p>`;
  return html`<ul class="findings">${status.findings.map((/** @type {any} */ each) => html`<${Finding} key=${`${each.rule} ${each.endpoint} ${each.ward}`} found=${each} status=${status} again=${again} />`)}</ul>`;
}

/** @param {{found: any, status: any, again: () => void}} properties */
function Finding({ found, status, again }) {
  const [says, todo] = FINDINGS[found.rule] ?? [found.rule, ""];
  const about = found.endpoint ? status.endpoints[found.endpoint] ?? found.endpoint : found.ward;
  return html`<li class="card" data-rule=${found.rule} data-severity=${found.severity}><h3><${Mark} tone=${found.severity} word=${O.severityOf[found.severity]} /> ${about ? `${about}: ` : ""}${says}</h3>
    <p class="todo">${todo} ${found.endpoint && reaches("endpoints") && html`<a href=${addressOf("endpoints", [found.endpoint])}>${O.lookAtEndpoint}</a>`} <span class="quiet runbook">${O.runbook} <code>${RUNBOOK[found.rule]}</code></span></p>
    ${found.rule === "InfusionClockInDoubt" && html`<${ClockDoubt} doubt=${status.clock_doubt} again=${again} />`}</li>`;
}

/** @param {{doubt: string, again: () => void}} properties */
function ClockDoubt({ doubt, again }) {
  const [refused, setRefused] = useState(/** @type {import("./service.js").Answer | null} */ (null));
  const confirm = async () => {
    setRefused(await sendDesk("/v1/clock/confirm"));
    again();
  };
  return html`<p>${doubt}</p>${reaches("administration") && html`<p><button id="confirm-clock" onClick=${confirm}>${O.confirmClock}</button></p>`}<${Refusal} answer=${refused} />`;
}

/** @param {{status: any}} properties */
function Wards({ status }) {
  const most = status.alerts_per_patient_hour_max;
  return html`<section><h3>${O.alarmBudget}</h3><p class="quiet">${O.alarmBudgetHow(most, when(status.started_at))}</p>
    <div class="wide" tabindex="0" role="region" aria-label=${O.alarmBudget}><table id="alarm-budget"><thead><tr><th>${O.ward}</th><th>${O.alertsPerHour}</th><th>${O.budget}</th><th>${O.patientHours}</th><th>${O.alerts}</th></tr></thead>
      <tbody>${status.wards.map((/** @type {any} */ each) => html`<tr data-ward=${each.ward}><td>${each.name ? `${each.ward}: ${each.name}` : each.ward}</td><td>${each.alerts_per_patient_hour === null ? "–" : each.alerts_per_patient_hour.toFixed(2)}</td>
        <td>${each.alerts_per_patient_hour === null ? O.nobodyYet : html`<${Mark} tone=${each.alerts_per_patient_hour > most ? "warning" : "good"} word=${each.alerts_per_patient_hour > most ? O.over : O.within} />`}</td>
        <td>${each.patient_hours.toFixed(1)}</td><td>${Object.entries(each.alerts).map(([severity, count]) => `${count} ${/** @type {any} */ (SEVERITIES)[severity] ?? severity}`).join(", ") || O.none}</td></tr>`)}</tbody></table></div></section>`;
}

/** How fast the log grows, and how long the room lasts; nothing in the first hour, or of a log that is hardly more than its tables. @param {any} status @returns {string | null} */
function growth(status) {
  const lived = between(status.started_at, status.as_of);
  if (lived < HOUR_MS || !status.log.entries_since_start || status.log.entries < ENTRIES_MIN) return null;
  const perDay = (status.log.entries_since_start / lived) * DAY_MS * (status.log.database_bytes / status.log.entries);
  const days = Math.max(status.disk.free_bytes - status.disk.reserve_bytes, 0) / perDay;
  return O.growthIs(size(perDay), days > 3650 ? O.manyYears : days > 730 ? O.years(Math.floor(days / 365)) : O.days(Math.floor(days)));
}

/** @param {{status: any}} properties */
function LogAndDisk({ status }) {
  const { log, disk, commits } = status;
  const mark = (/** @type {boolean} */ good, /** @type {string} */ said) => html`<${Mark} tone=${good ? "good" : "warning"} word=${said} />`;
  return html`<section id="log-and-disk"><h3>${O.logAndDisk}</h3><${Known} rows=${[
    [O.takesFacts, html`<${Mark} tone=${status.taking_facts ? "good" : "critical"} word=${status.taking_facts ? O.yes : O.no} />`],
    [O.room, mark(disk.free_bytes >= disk.reserve_bytes, O.roomIs(size(disk.free_bytes), size(disk.reserve_bytes)))],
    [O.logSize, O.entries(log.entries)], [O.database, size(log.database_bytes)], [O.wal, size(log.wal_bytes)], growth(status) && [O.growth, growth(status)],
    [O.commits, commits.mean_ms === null ? O.none : O.commitsAre(commits.commits, commits.mean_ms)], [O.queue, commits.queue], [O.storageFull, commits.storage_full], [O.watch, status.watch_lateness_s ? span(status.watch_lateness_s * 1000) : O.onTime],
  ]} /></section>`;
}

/** What the last verification found. @param {any} found @returns {string} */
function verified(found) {
  const moment = when(found.verified_at);
  if (!found.sound) return O.unsoundAt(moment, found.first_bad_seq);
  return found.tables_sound ? O.soundAt(moment, found.entries) : O.tablesUnsound(moment);
}

/** @param {{status: any}} properties */
function Trust({ status }) {
  const { checkpoint, verification } = status;
  const mark = (/** @type {boolean} */ good, /** @type {string} */ said) => html`<${Mark} tone=${good ? "good" : "warning"} word=${said} />`;
  return html`<section id="trust"><h3>${O.trust}</h3><${Known} rows=${[
    [O.checkpoint, checkpoint ? mark(checkpoint.behind === 0 || between(checkpoint.written_at, status.machine_time) < WRITTEN_MS, O.checkpointIs(checkpoint.entries, checkpoint.behind)) : mark(false, O.noCheckpoint)],
    checkpoint && [O.written, O.ago(when(checkpoint.written_at), span(between(checkpoint.written_at, status.machine_time)))],
    checkpoint && [O.outside, checkpoint.on_another_disk ? mark(true, O.otherDisk) : mark(false, O.sameDisk)],
    [O.verified, verification ? mark(verification.sound && verification.tables_sound, verified(verification)) : O.notVerified(status.verify_at)],
    [O.clock, status.clock_doubt ? mark(false, O.doubted) : status.clock.simulated ? O.simulated(status.clock.speed) : O.believed], [O.streams, status.streams],
    [O.software, O.softwareIs(status.version, status.python)], [O.startedAt, O.ago(when(status.started_at), span(between(status.started_at, status.as_of)))],
  ]} /><p class="quiet">${O.more} <code>infusion doctor</code></p></section>`;
}

/** What this role does not get to see, said rather than left to be wondered about. */
function Missing() {
  const somebody = who.value;
  const missing = ["endpoints", "administration"].filter((group) => !reaches(group));
  if (!somebody || missing.length === 0) return null;
  return html`<p class="quiet" id="not-shown">${O.notShown(missing.map((group) => O.groups[group]).join(", "))}</p>`;
}
