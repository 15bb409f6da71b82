// @ts-check
// The operator's page: starts everything and names its screens, those the credential reaches.
import { render } from "preact";
import { html } from "../markup.js";
import { Devices } from "./devices.js";
import { Endpoints } from "./endpoints.js";
import { Frame } from "./frame.js";
import { O } from "./operations_strings.js";
import { reaches } from "./reach.js";
import { Service } from "./service_screen.js";
import { Staff } from "./staff.js";
import { Tokens } from "./tokens.js";
import { Workflows } from "./workflows.js";

/** @type {[string, string, import("./frame.js").Screen][]} name, the group of routes it asks, what it is */
const SCREENS = [
  ["service", "", { title: O.service, show: Service }],
  ["endpoints", "endpoints", { title: O.endpoints, show: Endpoints }],
  ["workflows", "workflows", { title: O.workflows, show: Workflows }],
  ["devices", "administration", { title: O.devices, show: Devices }],
  ["staff", "administration", { title: O.staff, show: Staff }],
  ["tokens", "administration", { title: O.tokens, show: Tokens }],
];

function Operations() {
  const reached = SCREENS.filter(([, group]) => !group || reaches(group)).map(([name, , screen]) => [name, screen]);
  return html`<${Frame} page="operations" roles=${["admin", "integration"]} screens=${Object.fromEntries(reached)} />`;
}

render(html`<${Operations} />`, /** @type {HTMLElement} */ (document.getElementById("desk")));
