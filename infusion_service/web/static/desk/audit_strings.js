// @ts-check
// Words of the auditor's screens.
const plural = (/** @type {number} */ count, /** @type {string} */ one, /** @type {string} */ many) => `${count} ${count === 1 ? one : many}`;

export const A = {
  days: "Days", questions: "Questions", day: "Day", noDays: "No day is on record.", noneSuch: "No day is like this.", ward: "Ward", date: "Date", state: "State", patient: "Patient", chair: "Chair",
  find: "Find", open: "Open", more: "Next page", before: "Page before", anew: "All days", noDate: "no date", first: "First page", findTitle: "Find a day", anyState: "any", openOnly: "still open", allDates: "Any date",
  patientId: "Patient's pseudonym", family: "Family name begins", from: "From", to: "To", course: "Course",
  courseDay: (/** @type {number} */ course, /** @type {number} */ day) => `${course}, day ${day}`,
  searched: (/** @type {number} */ days, /** @type {boolean} */ more) => `${plural(days, "day", "days")}${more ? " so far; there may be more on the next page" : ""}`,
  noName: "Who a patient is never stands in the address of this page.", page: (/** @type {number} */ page) => `Page ${page}`,

  reading: "Reading…", back: "All days", again: "Read again", notFound: "There is no such day, or none that you may see.",
  grown: "As it was when this page was opened.", record: "Printable record",
  born: (/** @type {string} */ date) => `born ${date}`, onWard: (/** @type {string} */ ward, /** @type {string} */ chair) => `${ward}${chair ? `, chair ${chair}` : ""}`,
  workflow: (/** @type {string} */ name, /** @type {number} */ version) => `workflow ${name} ${version}`, times: (/** @type {string} */ zone) => `times: ${zone}`,

  replay: "Replay", known: "Recorded by", knownHow: "What had reached the record by this moment", at: "Happened by", atHow: "The moment that is looked at",
  together: "Both together", goTo: "Go to", go: "Go", goToHow: "a time of the day in 24 h, as 11:05", speeds: "Play", play: (/** @type {number} */ times) => `Play, ${times} times as fast as the day went`, stop: "Stop",
  previous: "Previous entry", next: "Next entry", nextAlert: "Next alert", nextLate: "Next late entry", whole: "Whole day", link: "Link to this moment", copied: "copied",
  arrived: (/** @type {number} */ count, /** @type {string} */ time) => `${plural(count, "entry", "entries")} recorded at ${time}:`,
  nothingYet: "Nothing was recorded by then.", lastBefore: (/** @type {string} */ time) => `Last recorded before, at ${time}:`, andMore: (/** @type {number} */ count) => `and ${count} more`,
  happenedAt: (/** @type {string} */ time) => `happened ${time}`,
  unknownYet: (/** @type {number} */ count) => count === 0 ? "Everything that had happened by then was on record." : `${plural(count, "entry", "entries")} of what had happened by then ${count === 1 ? "was" : "were"} not yet on record.`,

  chart: "Chart of the day", chartKey: "Filled: recorded in time. Hollow: came late. Crossed out: struck. Dashed: not yet known at the moment looked at. Left of the line: what had happened by then; a dashed line: by when it was recorded.",
  chartLabel: (/** @type {number} */ marks, /** @type {number} */ ghosts) => `Chart with ${plural(marks, "mark", "marks")}, ${ghosts} of them not yet known at the moment looked at. The same stands in the table below it.`,
  table: "The chart as a table", strips: { alerts: "Alerts", pressure: "Pressure", rate: "Rate", rateUnit: "mL/h", drugs: "Other drugs", bags: "Bag", symptoms: "Symptoms", phases: "Phase" },
  given: (/** @type {string} */ ml) => `given: ${ml} mL`, beyond: (/** @type {number} */ count) => `${plural(count, "mark lies", "marks lie")} outside this stretch of time and ${count === 1 ? "stands" : "stand"} at its edge.`,
  rulerTitle: { occurred: "happened", recorded: "recorded" },
  column: { what: "What", at: "Happened", value: "Value", known: "Recorded", marks: "Marks", entry: "Entry" },
  kinds: {
    pressure: "Blood pressure", unrecordable: "could not be measured", rate: "Infusion rate", pause: "Pump stood", drug: "Drug", symptom: "Symptom", alert: "Alert", "check-done": "Check done", "check-missed": "Check missed",
  },
  late: "late", struck: "struck", notYet: "not yet known", ahead: "still ahead", doubt: { unusual: "unusual", implausible: "implausible" }, until: (/** @type {string} */ time) => `until ${time}`, missed: (/** @type {string} */ count) => `missed ${count}`,

  compare: "Then and now", comparison: "Comparison", saw: "What the ward saw", sawHow: (/** @type {string} */ at, /** @type {string} */ known) => at === known ? `at ${at}` : `of ${at}, as recorded by ${known}`,
  know: "What we know now", knowHow: (/** @type {string} */ at) => `of ${at}`, noDayYet: "The day was not on record yet.",
  same: "Nothing differs: the ward knew of this moment all that is known now.", differs: (/** @type {string[]} */ what) => `Different: ${what.join(", ")}`, different: "different", onlyHere: "only here",
  rows: { state: "State", pump: "Pump", dose: "Given", end: "Planned end", checks: "Checks", alerts: "Open alerts", steps: "Possible steps", blocked: "Blocked steps", overrides: "Overrides", flags: "Course", unconfirmed: "To be confirmed", struck: "Struck out", observation: "Observed until" },
  noneOf: "none", pumpAt: (/** @type {string} */ status, /** @type {string} */ rate) => `${status}, ${rate} mL/h`,
  dose: (/** @type {string} */ ml, /** @type {string} */ mg, /** @type {string | null} */ planned) => `${ml} mL, ${mg}${planned ? ` of ${planned}` : ""} mg`,
  sign: (/** @type {string} */ value, /** @type {string} */ time) => `${value} at ${time}`, scoreChange: (/** @type {number} */ by) => by > 0 ? `up ${by}` : `down ${-by}`, score: (/** @type {number} */ total, /** @type {string} */ change) => `${total}${change}`,
  check: { red: "overdue", due: "due", amber: "due", ahead: "ahead" }, checkOf: (/** @type {string} */ what, /** @type {string} */ how, /** @type {string} */ time) => `${what}, ${how} ${time}`,
  alertOf: (/** @type {string} */ severity, /** @type {string} */ says, /** @type {string} */ since) => `${severity}: ${says}, since ${since}`, acknowledged: (/** @type {string} */ who) => `acknowledged by ${who}`,
  overrideOf: (/** @type {string} */ guard, /** @type {string} */ by, /** @type {string} */ reason) => `${guard} by ${by}: ${reason}`, stepOf: (/** @type {string} */ title, /** @type {string} */ why) => `${title}: ${why}`,
  common: (/** @type {number} */ count) => `${count} in both`, entriesOf: (/** @type {number} */ count) => plural(count, "entry", "entries"),

  entries: "Entries", listOfEntries: "List of entries", entriesHow: "In the order they were recorded. Choose one to see all of it and to verify it.", shownOf: (/** @type {number} */ shown, /** @type {number} */ all) => `${shown} of ${all}`,
  no: "No.", seq: "Log", occurred: "Happened", recorded: "Recorded", delay: "Delay", what: "What", who: "Who", device: "Device", marks: "Marks",
  filterKind: "Show", filterKinds: { all: "Everything but readings", fact: "What people and devices recorded", derived: "What the service derived", refused: "What was refused", access: "Who read this day" },
  onlyLate: "Late only", onlyStruck: "Struck only", search: "Containing", corrects: (/** @type {string} */ no) => `corrects ${no}`, struckByNo: (/** @type {string} */ no) => `struck by ${no}`, withSecond: (/** @type {string} */ who) => `with ${who}`,
  how: { session: "signed in", session_expired: "signed in, session since expired", offline_badge: "by badge, without network", device: "device, nobody signed in", token: "by token", service: "the service" },
  allNo: (/** @type {number} */ count) => `${count} × no`,
  withheld: "withheld until both people have entered it", erased: "erased: the content was destroyed, the leaf remains",
  entry: (/** @type {string} */ no) => `Entry ${no}`, close: "Close", seenAs: "See the day as of this entry", group: "All or none with", claimed: "Said to be", deviceSeq: (/** @type {number} */ seq) => `its fact ${seq}`, lateReason: "Why late", second: "Second person", evidence: "Evidence", evidenceOf: "Evidence of", cause: "Follows from", caused: "Brought about", correctsLabel: "Corrects", struckLabel: "Struck by", otherDay: "an entry of another day", sent: "Sent", charted: "Charted on the device", seqOf: (/** @type {number} */ seq, /** @type {number} */ n) => `entry ${n} of the day, ${seq} of the log`,
  raw: "As the service shows it", data: "Content", leaf: "Leaf hash", fields: { id: "Id", type: "Type", kind: "Kind", session: "Session", outcome: "Moved the day" }, moved: (/** @type {string} */ from, /** @type {string} */ to) => from ? `${from} → ${to}` : to,
  evidenceTitle: "Evidence",
  seconds: (/** @type {number} */ seconds) => `${seconds} s`, minutes: (/** @type {number} */ minutes) => `${minutes} min`, hours: (/** @type {number} */ hours, /** @type {number} */ minutes) => `${hours} h ${minutes} min`,
};
