// @ts-check
// The operator's page: starts everything and names its screens.
import { render } from "preact";
import { html } from "../markup.js";
import { Endpoints } from "./endpoints.js";
import { Frame } from "./frame.js";
import { O } from "./operations_strings.js";

const SCREENS = {
  endpoints: { title: O.endpoints, show: Endpoints },
};

render(html`<${Frame} page="operations" roles=${["admin", "integration"]} screens=${SCREENS} />`, /** @type {HTMLElement} */ (document.getElementById("desk")));
