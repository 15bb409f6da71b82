// @ts-check
// Every word of the page. What a workflow file names (titles of facts, what an alert says) comes from the service.

export const PUMP = { idle: "not started", running: "running", halted: "halted" };

export const SEVERITIES = { critical: "CRITICAL", high: "HIGH", medium: "MEDIUM", low: "LOW" };

export const ROLES = {
  nurse: "nurse", charge_nurse: "charge nurse", prescriber: "prescriber", pharmacist: "pharmacist", device: "tablet",
  auditor: "auditor", admin: "administrator", integration: "integration", service: "service",
};

export const FIELDS = {
  heart_rate_per_min: "Pulse", systolic_mmhg: "Systolic", diastolic_mmhg: "Diastolic", spo2_percent: "SpO₂",
  on_oxygen: "On oxygen", spo2_scale: "SpO₂ scale", respiratory_rate_per_min: "Breathing rate",
  temperature_celsius: "Temperature", consciousness: "Consciousness", identity_check: "Identity checked by",
  items: "Checklist", rate_per_min: "Rate", st_change: "ST segment", changed_from_baseline: "Changed from baseline",
  analyte: "What was measured", sampled_at: "Sample taken", reference_high: "Upper limit of normal", class: "Kind",
  dose_mg: "Dose", started_at: "Started", ended_at: "Ended", vial_expires_on: "Vial expires", prepared_at: "Prepared at",
  volume_ml: "Volume", rate_ml_per_h: "Rate", volume_delivered_ml: "Volume given (if known)", flow_stopped: "Flow stopped",
  onset_at: "Began", ctcae_grade: "Grade (1 to 5)", alerts: "Alerts looked at", alert: "Alert",
  authorises_resume: "May be resumed", symptoms_resolved: "Symptoms are gone", deficits: "Always present in this patient",
  handover_to: "Handed over to", alert_card_given: "Alert card given", proposed_date: "Proposed date", guard: "What is set aside",
  valid_minutes: "Valid for", entry: "Entry", severe_headache: "Severe headache", neck_pain: "Neck pain",
  permanent: "Permanent", st_elevation: "ST elevation", evidence_on: "Evidence of", bag: "Bag", fact_of: "of",
};

export const UNITS = {
  _mmhg: "mmHg", _ml_per_h: "mL/h", _mmol_per_l: "mmol/L", _per_min: "/min", _percent: "%", _celsius: "°C", _ml: "mL", _mg: "mg",
  _minutes: "min",
};

export const CODES = {
  iv: "IV", hiv: "HIV", t_wave: "T wave", A: "Alert", C: "Confused", V: "Voice", P: "Pain", U: "Unresponsive",
  hypersensitivity: "Hypersensitivity to the drug", angina_or_mi_history: "Angina or infarction in the past",
  intensive_care_access: "Intensive care within reach", labs_in_window: "Laboratory results in their window",
  sodium_chloride_0_9: "Sodium chloride 0.9 %", glucose_5: "Glucose 5 %", clear: "Clear", present: "Present",
  not_applicable: "Not applicable", two_identifiers: "Two identifiers", wristband_scan: "Wristband scan",
  clinical: "Clinical", technical: "Technical", patient: "Patient's wish", stroke_sign: "Stroke sign",
  dissection_sign: "Neck artery sign", cardiac_evidence: "Chest pain or ECG", haemoptysis: "Coughing blood",
  bleeding: "Bleeding", anaphylaxis: "Anaphylaxis", reaction: "Infusion reaction", blood_pressure: "Blood pressure",
  other_clinical: "Other clinical", bag_expired: "Bag expired", line_lost: "Line lost", patient_choice: "Patient's choice",
};

/** What a guard asks for, by its kind; one of a kind that is not here is called by its own id. */
export const GUARD_KINDS = {
  checklist: "Checklist complete, nothing present", recorded_today: "Everything of today recorded", reading_below: "Blood pressure low enough",
  medication_given: "Medicine given", bag_identified: "Bag identified", bag_in_date: "Bag in date", second_person: "Second person",
  course_open: "Course not on hold", complete_set_within: "Fresh vital signs", no_open_alert: "No grave alert open", rate_within_plan: "Rate within the plan",
  resume_authorised: "Resume authorised", volume_delivered: "Volume delivered", observed_for: "Observed long enough",
  sampled_after_infusion: "Sample drawn where wanted", review_says: "Review says so where wanted", field_true: "Asked and done",
};

export const SIGNS = {
  respiratory_rate_per_min: "Breathing", spo2_percent: "SpO₂", systolic_mmhg: "BP sys", diastolic_mmhg: "dia",
  heart_rate_per_min: "Pulse", temperature_celsius: "Temp", consciousness: "ACVPU",
};

export const SCORES = { news2: "NEWS2" };

/** What a bag label says. @param {{batch?: string, expires?: string}} label */
const label = ({ batch, expires }) => [batch && `batch ${batch}`, expires && `use by ${expires}`].filter(Boolean).join(", ");

export const T = {
  unknown: "–", title: "Infusion ward", zone: (/** @type {string} */ zone) => `times: ${zone}`,
  simulation: (/** @type {number} */ speed) => speed
    ? `SIMULATION ×${speed}: no real patients` : "SIMULATION: time stands still, no real patients",
  live: "live", noAnswer: "NO ANSWER: trying again", connecting: "connecting", notHeard: (/** @type {string} */ age) => `NOT LIVE: last heard ${age} ago`,
  beds: "Beds", empty: "No infusion day is open or scheduled for today.", chair: (/** @type {string} */ name) => `Chair ${name}`,
  noChair: "no chair", open: "Open", backToWard: "Ward", back: "Back",
  courseDay: (/** @type {any} */ day) => `course ${day.course}, day ${day.day}`,
  born: (/** @type {string} */ date, /** @type {number} */ age) => `born ${date} (${age}y)`,
  lockedPatient: "name hidden: nobody is signed in", flags: { hold_pending_review: "Course on hold", permanent_stop: "Stopped for ever" },
  baseline: (/** @type {string} */ what) => `always present: ${what}`,

  notEnrolled: "This tablet is not enrolled yet",
  enrolHow: "Open the link that the demonstration printed, or type the token that the enrolment showed once.",
  token: "Tablet token", enrol: "Enrol", unknownToken: "The service does not know this token.",
  signIn: "Sign in", signOut: "Sign out", badge: "Badge", pin: "PIN", nobody: "Nobody signed in",
  signInFirst: "Sign in to chart. Stop works without.", signedInAs: (/** @type {string} */ who, /** @type {string} */ role) => `${who}, ${role}`,
  sessionEnded: "Your session has ended. Sign in again; what you entered is still here.",

  infused: "Infused", left: "Left", rate: "Rate", infusedMl: "Given mL", leftMl: "Left mL", rateMlh: "mL/h", ends: "Ends", observedUntil: "Observed until", until: "Until", mL: "mL", mLh: "mL/h",
  timeLeft: "Time left", overBy: (/** @type {string} */ span) => `over by ${span}`, since: (/** @type {string} */ time) => `since ${time}`,
  inTime: (/** @type {string} */ span) => `in ${span}`, overdue: (/** @type {string} */ span) => `overdue ${span}`,
  next: (/** @type {string} */ what) => what, nextChecks: "Next checks", noChecks: "Nothing is due in this phase.",
  missed: (/** @type {number} */ times) => `${times} missed`, checkNow: "Do it",
  numbers: "Numbers", bag: "Bag", bagExpires: (/** @type {string} */ time) => `use by ${time}`,

  alerts: "Alerts", noAlerts: "No open alert.", acknowledge: "Acknowledge",
  acknowledgedBy: (/** @type {string} */ who) => `acknowledged by ${who}`, answerBy: (/** @type {string} */ time) => `answer by ${time}`,
  raised: (/** @type {string} */ time) => `since ${time}`, retrospective: "seen afterwards", told: (/** @type {string} */ who) => `told: ${who}`,
  doStop: "Stop the infusion", doReview: "Review", doVitals: "Recheck vital signs",

  steps: "Next step", chart: "Chart", blocked: "Not yet", onlyFor: (/** @type {string} */ roles) => `for ${roles}`,
  mayOverride: (/** @type {string} */ roles) => `may be set aside by ${roles}`, setAside: "Set aside…", noSteps: "No further step.",
  waitsForSecond: (/** @type {string} */ who) => `entered by ${who}: waits for a second person`,

  record: "Save", saving: "Sending…", cancel: "Back without saving", required: "is needed", optional: "optional",
  fill: "Fill in what is marked.", recorded: (/** @type {string} */ what, /** @type {string} */ time) => `On the record: ${what}, ${time}`,
  notRecorded: (/** @type {string} */ why) => `NOT recorded: ${why}`,
  unreachable: "The service cannot be reached. Nothing was recorded. Save again: it counts once.",
  onTablet: (/** @type {string} */ what, /** @type {string} */ time) => `On this tablet, on its way: ${what}, ${time}`,
  stillOnTablet: (/** @type {string} */ what, /** @type {string} */ time) => `On this tablet, NOT yet on the record: ${what}, ${time}`,
  notInState: (/** @type {string} */ state) => `not possible while the day is: ${state}`, notWithout: "not without the service",
  needsNetwork: "needs the service, which cannot be reached: chart it on paper and enter it later",
  notKept: "The service cannot be reached, and this tablet has not seen this day yet.",
  lateOffline: (/** @type {string} */ time) => `charted at ${time} on a tablet without network`,
  thisTablet: "this tablet", notYetHere: (/** @type {string} */ device, /** @type {number} */ facts) => `${device}: ${facts} ${facts === 1 ? "fact" : "facts"} not yet here`,
  waits: (/** @type {number} */ facts) => `${facts} on this tablet`, needsYou: (/** @type {number} */ facts) => `${facts} ${facts === 1 ? "needs" : "need"} you`,
  oldest: (/** @type {string} */ age) => `oldest ${age}`,
  clockOffset: (/** @type {string} */ by, /** @type {boolean} */ ahead) => `this tablet's own clock is ${by} ${ahead ? "ahead" : "behind"}`,
  newVersion: "New version: load it",
  notSeenToday: "The service cannot be reached, and this badge was not used on this tablet today.",
  signInOffline: "Without the service the PIN cannot be checked: what you chart waits for your confirmation.",
  byBadge: "by badge, to be confirmed", happenedAt: (/** @type {string} */ time) => `Happened ${time}.`,

  tray: "Not on the record", trayEmpty: "Everything from this tablet is on the record.", onThisTablet: "on this tablet", needsYouState: "needs you",
  trayWaits: "Waits for the service. Nothing to do: it is sent by itself.", entered: "What was entered", recordSays: "What the record says",
  enteredBy: (/** @type {string} */ who, /** @type {string} */ time) => `${who}, ${time}`, dayIs: (/** @type {string} */ state, /** @type {string} */ since) => `The day is: ${state}, since ${since}.`,
  lateEntry: "Add as late entry", correctIt: "Correct and send", replaceIt: "Replace what is there", withdraw: "Withdraw",
  withdrawNote: "Withdrawn stays in the log as refused.", refusedBecause: (/** @type {string} */ why) => `Refused: ${why}`, onlyNote: "Keep it as a note",
  noteOf: (/** @type {string} */ what, /** @type {string} */ time, /** @type {string} */ who, /** @type {string} */ why) => `${what}, ${time}, entered by ${who}. Not taken: ${why}`,
  lateDefault: "settled after the tablet was without network",
  when: "When", now: "Now", ago: (/** @type {number} */ minutes) => `${minutes} min ago`, lateReason: "Why late",
  choose: "choose", yes: "Yes", no: "No", more: "Note, date", confirmMeasured: "Yes, measured: save", notANumber: "a number is expected",
  outOfRange: (/** @type {string} */ low, /** @type {string} */ high) => `only ${low} to ${high} can be recorded`,
  decimals: (/** @type {number} */ digits) => digits ? `at most ${digits} decimals` : "whole numbers only",
  atLeast: (/** @type {string} */ low) => `at least ${low}`, atMost: (/** @type {string} */ high) => `at most ${high}`,
  above: (/** @type {string} */ low) => `more than ${low}`, allClear: "All clear",
  onePerLine: "one per line", listElsewhere: "A list like this cannot be entered on this page.",

  atWhat: "or at", hintClock: "10:05", asBefore: (/** @type {string} */ time) => `as before: ${time}`, correctionReason: "correction of an entry",
  times: (/** @type {number} */ count, /** @type {string} */ what) => `${count} × ${what}`,
  guards: "What this step wants", met: "met", askedBelow: "asked below", evidence: "What the review is about", sign: "Sign",
  replaces: "Replaces", otherPatient: "Was charted for another patient:", staysReadable: "It stays readable, struck through, with both names and times.",
  mend: "Mend", correct: "Correct", wrongPatient: "Wrong patient", wrongPatientReason: "charted for the wrong patient",
  moveWhere: "Whose is it? It is struck here and entered there, at the same time of the day.", moveIt: "Move it",
  movesTo: (/** @type {string} */ what, /** @type {string} */ whom) => `${what}: from now on ${whom}'s.`,

  handover: "Handover", handoverSince: (/** @type {string} */ time) => `Since ${time}`, hours: (/** @type {number} */ hours) => `${hours} h`, handoverHow: "Look back",
  situation: "Situation: open alerts", background: "Background: always present, overridden", assessment: "Assessment: what changed", recommendation: "Recommendation: what is due", nothing: "nothing",
  earlierEntries: (/** @type {number} */ count) => `${count} earlier`,
  sets: (/** @type {number} */ count, /** @type {string} */ last) => `${count} ${count === 1 ? "set" : "sets"} of vital signs, the last at ${last}`,
  noNote: "This day's workflow has no note: the read-back cannot be recorded here.", readBack: "Read back", readBackNote: (/** @type {string} */ since) => `Handover read back, since ${since}`, readBackDone: (/** @type {string} */ who, /** @type {string} */ time) => `read back by ${who}, ${time}`,
  override: (/** @type {string} */ guard, /** @type {string} */ by, /** @type {string} */ reason) => `${guard} by ${by}: ${reason}`, toConfirm: (/** @type {number} */ count) => `${count} ${count === 1 ? "entry waits" : "entries wait"} for confirmation`,
  given: (/** @type {string} */ ml, /** @type {string} */ pump) => `${ml} mL given, pump ${pump}`, handoverLocked: "Sign in: a handover names patients.",

  shiftStart: "Start of shift", thisTabletIs: (/** @type {string} */ name) => `This tablet: ${name || "not known yet"}`, testSound: "Test sound", soundOn: "Sound works: three tones for critical and high, two for medium.",
  soundOff: "No sound yet: touch Test sound.", keepsFacts: "Facts are kept on this tablet until they are on the record.", keepsNothing: "This tablet cannot keep facts: without network nothing can be charted here.",
  filters: "Which beds", allBeds: "All", mine: "Mine", withAlert: "Alerts", dueSoon: "Due soon", wantsSecond: "2nd check", emptyBed: "empty",
  myPatient: "My patient", noneSuch: "No bed is like this now.",

  hintDate: "2027-11-30", hintTime: "24 h, 10:05", badDate: "a date is expected, as 2027-11-30", badTime: "a 24 h time is expected, as 10:05",
  firstHalf: (/** @type {string} */ what) => `first entry, waits for the second person: ${what}`,
  firstPerson: "Two people enter this. You are the first: the second must not see your values.",
  firstSave: "Save as first person", firstSaved: (/** @type {string} */ who) => `Entered by ${who}. The second person signs in here and enters the same.`,
  secondPerson: (/** @type {string} */ first) => `Second person: enter the same as ${first} did, without looking.`,
  secondBadge: "Second person's badge", secondPin: "Second person's PIN", secondWho: (/** @type {string} */ who) => `Second person: ${who}`,
  secondSelf: "You entered it first: somebody else has to be the second person.",
  consent: "A second person consents with badge and PIN.", secondSignIn: "Second person signs in",

  vitals: "Vital signs", saveVitals: "Save vital signs", incomplete: (/** @type {string} */ what) => `Not yet: ${what}`, complete: "Complete set",
  air: "Air", oxygen: "O₂", earlier: "before", nothingEntered: "Nothing entered yet.",
  unusual: (/** @type {string} */ what) => `Unusual: ${what}. Measured like this?`, keypad: "Keypad", erase: "⌫", eraseLabel: "Erase", nextSign: "Next",
  neuro: (/** @type {string[]} */ signs) => `No NEW sign: ${signs.join(", ").toLowerCase()}`, noNewSign: "No new sign", anySign: "Any sign…",
  score: (/** @type {string} */ name, /** @type {number} */ total) => `${name} ${total}`, up: "up", down: "down", unchanged: "as before",
  sinceFirst: (/** @type {number} */ by) => by === 0 ? "as in the first set" : `${by > 0 ? "+" : "−"}${Math.abs(by)} since the first set`,
  points: (/** @type {number} */ points) => `+${points}`, wouldBe: (/** @type {string} */ name, /** @type {number} */ total) => `${name} ${total} with these`,
  atTime: (/** @type {string} */ time) => `at ${time}`, unitless: "",

  stop: "STOP", emergency: "EMERGENCY", stopCalled: "Stop recorded", stopCalledAt: (/** @type {string} */ time) => `Stop called ${time}`,
  emergencyCalledAt: (/** @type {string} */ time) => `Emergency called ${time}`, stopSending: "STOP NOT YET ON THE RECORD: kept on this tablet, trying again", stopAsking: "STOP NOT YET ON THE RECORD",
  stopWhy: "Why? (the stop stands whatever you choose)", stopHalt: "Close the clamp and halt the pump now: this page cannot.",
  stopReasonKept: (/** @type {string} */ why) => `Reason: ${why}`, stopClose: "Back to the day",
  stopChecklist: ["Pump halted, clamp closed", "Doctor called"], stopList: "What to do now", lastWell: "Time last seen well", lastWellAt: (/** @type {string} */ time) => `Time last seen well: ${time}`,
  stopVitals: "Vital signs within 5 minutes", stopMistake: "Called by mistake: strike it out", doneAt: (/** @type {string} */ time, /** @type {string} */ who) => `${time}, ${who}`,
  emergencyReason: "called at the bedside", running: "Running for",

  bandRight: (/** @type {string} */ who) => `Right patient: ${who}`, bandOpens: (/** @type {string} */ who) => `Band of ${who}`,
  bandWrong: (/** @type {string} */ whose, /** @type {string} */ open) => `WRONG PATIENT. Scanned: ${whose}. Open is: ${open}`,
  bandNobody: (/** @type {string} */ ending) => `a band ending ${ending}, of nobody on this board`, bandNotHere: (/** @type {string} */ what) => `Scanned: ${what}.`,
  bandLocked: (/** @type {string} */ ending) => `Scanned: a patient band ending ${ending}. Sign in and scan again: a locked tablet does not know whose it is.`,
  openTheirDay: "Open their day", understood: "Understood", label, labelNoDay: (/** @type {string} */ what) => `Scanned: a bag label (${what}). Open the patient's day first.`,
  labelHere: (/** @type {string} */ what) => `Scanned: a bag label (${what}). No bag is being entered here.`, labelTaken: (/** @type {string} */ what) => `From the label: ${what}`,
  labelExpired: (/** @type {string} */ what) => `EXPIRED: ${what}`, labelRight: (/** @type {string} */ batch) => `This is the bag of this day: batch ${batch}`,
  labelWrong: (/** @type {string} */ batch, /** @type {string} */ own) => `ANOTHER BAG. Scanned: batch ${batch}. This day has: batch ${own}`,
  scanDevice: "Scanned: a code that enrols a tablet. This one is enrolled already.",
  scanOther: {
    product: (/** @type {string} */ text) => `Scanned: the code of a product (${text}). Wanted is a badge, a patient band or the label of a bag.`,
    damaged: (/** @type {string} */ text) => `Scanned: a code that is damaged or misread (${text}). Scan again, or type it.`,
    plain: (/** @type {string} */ text) => `Scanned: ${text}. This is no badge, patient band or bag label that the page knows. Touch Sign in first if it is your badge.`,
  },
  switchUser: "Take over this tablet", switchHow: "What is half typed here stays. It is signed by whoever saves it.",

  paper: "Paper form", print: "Print", paperLate: "Chart this as a late entry when the network is back.", paperOf: (/** @type {string} */ what) => `${what}: on paper, because the service cannot be reached`,
  paperTablet: (/** @type {string} */ device, /** @type {string} */ time) => `printed on ${device} at ${time}`, paperWhen: "Happened at (24 h)", paperName: "Name", paperSign: "Signature", paperTime: "Time",
  paperFirst: "First person", paperSecond: "Second person (first column folded away)", paperOne: "Entered", paperGuards: "What this step wants: tick what you have looked at",
  paperPatient: "Patient", paperBorn: "Born", paperNumber: "Number", paperBed: "Bed", paperDay: "Day", paperBy: (/** @type {string} */ roles) => `may be signed by: ${roles}`, paperLateWhy: "Why on paper",
  paperEntered: "Entered into the service by, at",

  toNight: "Night", toDay: "Day", themeHow: "Light or dark", utc: (/** @type {string} */ offset) => `clocks change today: ${offset}`,
  dueIn: (/** @type {string} */ what, /** @type {number} */ minutes) => minutes ? `${what} in ${minutes} ${minutes === 1 ? "minute" : "minutes"}` : `${what} is due now`,
  announceBed: (/** @type {string} */ bed, /** @type {string} */ what) => `${bed}: ${what}`, elsewhere: (/** @type {string} */ severity, /** @type {string} */ bed) => `${severity}: ${bed}`,
  allergy: (/** @type {string} */ what) => `Allergy: ${what}`, validFor: (/** @type {string} */ span) => `valid for ${span} more`, validOver: "no longer valid: both begin anew",
  phaseBar: (/** @type {number} */ percent) => `${percent} % given`,

  timeline: "Timeline", noEntries: "Nothing yet.", late: "late", struck: "struck out", unattributed: "nobody signed in",
  withheld: "entered blind", refused: "refused", corrects: "corrects", strike: "Strike out", confirmEntry: "Confirm", entriesAll: "Show all", withSecond: (/** @type {string} */ who) => `with ${who}`,
  chartKey: "bars: blood pressure · dots: pulse · band: infusion rate",
  actions: "Vital signs and stop",
  patientBanner: "Patient",
  chartLabel: "Vital signs and infusion rate over the day", loading: "Loading…", gone: "This day cannot be shown.",
};

/** @param {Record<string, string>} table @param {string | null | undefined} key */
export function word(table, key) {
  if (!key) return T.unknown;
  const found = table[key];
  if (found) return found;
  const plain = key.replaceAll("_", " ").replaceAll("-", " ");
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** The unit a field's name ends with, or nothing. @param {string} field */
export function unitOf(field) {
  const ending = Object.keys(UNITS).find((each) => field.endsWith(each));
  return ending ? UNITS[/** @type {keyof UNITS} */ (ending)] : "";
}

/** What a field is called, without its unit. @param {string} field */
export function fieldName(field) {
  const ending = Object.keys(UNITS).find((each) => field.endsWith(each));
  return word({ ...CODES, ...FIELDS }, field in FIELDS || !ending ? field : field.slice(0, -ending.length));
}

/** @param {string} code */
export const code = (code) => word(CODES, code);
