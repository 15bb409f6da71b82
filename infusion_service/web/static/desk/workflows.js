// @ts-check
// The protocols: every version with its hash and since when it is in force, its states and moves, what changed.
import { useEffect, useState } from "preact/hooks";
import { html } from "../markup.js";
import { Refusal } from "./frame.js";
import { Known } from "./marks.js";
import { when } from "./moments.js";
import { O, PARTS } from "./operations_strings.js";
import { readsSite } from "./reach.js";
import { askDesk } from "./service.js";
import { Diagram } from "./state_diagram.js";
import { F } from "./strings.js";
import { addressOf, goTo, where } from "./where.js";

/** @typedef {import("./service.js").Answer} Answer */

/** An answer of a path, asked for once. @param {string | null} path @returns {Answer | null} */
function useAnswer(path) {
  const [answer, setAnswer] = useState(/** @type {{path: string, answer: Answer} | null} */ (null));
  useEffect(() => {
    if (path) void askDesk(path).then((found) => setAnswer({ path, answer: found }));
  }, [path]);
  return answer && answer.path === path ? answer.answer : null;
}

export function Workflows() {
  const [name, version] = where.value.rest;
  const list = useAnswer("/v1/workflows");
  const adopted = useAnswer(readsSite() ? "/v1/log?type=workflow.adopted" : null);
  if (list?.status !== 200) return html`<main><h2>${O.workflows}</h2>${list ? html`<${Refusal} answer=${list} />` : html`<p>${F.loading}</p>`}</main>`;
  const versions = list.body.workflows;
  const since = Object.fromEntries((adopted?.status === 200 ? adopted.body.entries : []).map((/** @type {any} */ entry) => [entry.data.hash, entry]));
  const chosen = versions.find((/** @type {any} */ each) => each.name === name && String(each.version) === version);
  return html`<main><h2>${O.workflows}</h2><p class="quiet">${O.workflowsHow}</p>
    <div class="wide" tabindex="0" role="region" aria-label=${O.workflows}><table id="workflows"><thead><tr><th>${O.workflow}</th><th>${O.version}</th>${readsSite() && html`<th>${O.inForceSince}</th>`}<th>${O.hash}</th></tr></thead>
      <tbody>${[...versions].reverse().map((/** @type {any} */ each) => html`<tr data-version="${each.name}@${each.version}" aria-current=${each === chosen ? "true" : undefined}><td><a href=${addressOf("workflows", [each.name, each.version])}>${each.title}</a></td>
        <td>${each.version}${isNewest(each, versions) && ` ${O.newest}`}</td>${readsSite() && html`<td>${since[each.hash] ? O.adoptedAs(when(since[each.hash].rcv), since[each.hash].seq) : F.loading}</td>`}<td><code class="hash">${each.hash}</code></td></tr>`)}</tbody></table></div>
    ${chosen && html`<${Version} key=${chosen.hash} chosen=${chosen} versions=${versions.filter((/** @type {any} */ each) => each.name === chosen.name)} />`}</main>`;
}

/** @param {any} each @param {any[]} versions */
const isNewest = (each, versions) => versions.every((other) => other.name !== each.name || other.version <= each.version);

/** @param {{chosen: any, versions: any[]}} properties */
function Version({ chosen, versions }) {
  const definition = useAnswer(`/v1/workflows/${chosen.name}/${chosen.version}`);
  const earlier = versions.filter((each) => each.version !== chosen.version);
  const before = where.value.asked.get("from") ?? String(earlier.filter((each) => each.version < chosen.version).at(-1)?.version ?? earlier[0]?.version ?? "");
  const difference = useAnswer(before ? `/v1/workflows/${chosen.name}/${chosen.version}/diff?from_version=${before}` : null);
  const compare = (/** @type {any} */ event) => goTo("workflows", [chosen.name, chosen.version], { from: event.target.value });
  return html`<section><h3>${O.versionOf(chosen.title, chosen.version)}</h3>
    ${before ? html`<p><label>${O.comparedWith} <select id="compare" value=${before} onChange=${compare}>${earlier.map((each) => html`<option value=${each.version} selected=${String(each.version) === before}>${O.versionNumber(each.version)}</option>`)}</select></label></p>
      ${difference ? html`<${Refusal} answer=${difference} />` : html`<p>${F.loading}</p>`}${difference?.status === 200 && html`<${Changes} changes=${difference.body.changes} />`}` : html`<p class="quiet">${O.onlyVersion}</p>`}
    ${definition ? html`<${Refusal} answer=${definition} />` : html`<p>${F.loading}</p>`}
    ${definition?.status === 200 && html`<${Known} rows=${[[O.states, Object.keys(definition.body.states).length], [O.facts, Object.keys(definition.body.facts).length], [O.guards, definition.body.guards.length], [O.alertRules, definition.body.alerts.length]]} />
      <${Diagram} definition=${definition.body} />`}</section>`;
}

/** @param {{changes: any[]}} properties */
function Changes({ changes }) {
  if (changes.length === 0) return html`<p id="no-changes">${O.sameRules}</p>`;
  return html`<div class="wide" tabindex="0" role="region" aria-label=${O.changes(changes.length)}><table id="changes"><caption>${O.changes(changes.length)}</caption><thead><tr><th>${O.part}</th><th>${O.key}</th><th>${O.becameOf}</th></tr></thead>
    <tbody>${changes.map((each) => html`<tr><td>${PARTS[each.part] ?? each.part}</td><td><code>${each.key}</code></td><td>${each.change}</td></tr>`)}</tbody></table></div>`;
}
