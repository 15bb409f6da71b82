// @ts-check
// The auditor's page: starts everything and names its screens.
import { render } from "preact";
import { html } from "../markup.js";
import { Days } from "./days.js";
import { Frame } from "./frame.js";
import { A } from "./audit_strings.js";

const SCREENS = {
  days: { title: A.days, show: Days },
};

render(html`<${Frame} page="audit" roles=${["auditor"]} screens=${SCREENS} />`, /** @type {HTMLElement} */ (document.getElementById("desk")));
