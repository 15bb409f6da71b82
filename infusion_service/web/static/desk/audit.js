// @ts-check
// The auditor's page: starts everything and names its screens.
import { render } from "preact";
import { html } from "../markup.js";
import { A } from "./audit_strings.js";
import { DayScreen } from "./day_screen.js";
import { Days } from "./days.js";
import { Frame } from "./frame.js";
import { Questions } from "./questions.js";
import { goTo } from "./where.js";

const toDay = (/** @type {string} */ day, /** @type {number | undefined} */ seq) => goTo("day", [day], seq === undefined ? {} : { entry: String(seq) });

const SCREENS = {
  days: { title: A.days, show: Days },
  day: { title: A.day, show: DayScreen, under: "days" },
  questions: { title: A.questions, show: () => html`<main><${Questions} openDay=${toDay} /></main>` },
};

render(html`<${Frame} page="audit" roles=${["auditor"]} screens=${SCREENS} />`, /** @type {HTMLElement} */ (document.getElementById("desk")));
