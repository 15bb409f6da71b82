// @ts-check
// Words of the operator's screens: for an engineer on call, who wants to know what is wrong and what to do.

const many = (/** @type {number} */ count, /** @type {string} */ one, /** @type {string} */ more) => `${count} ${count === 1 ? one : more}`;
const events = (/** @type {number} */ count) => many(count, "event", "events");

export const O = {
  // Screens
  service: "Service", endpoints: "Endpoints", workflows: "Workflows", devices: "Devices", staff: "Staff", tokens: "Tokens",
  // What is looked at again and again
  asOf: (/** @type {string} */ moment) => `As of ${moment} UTC; all times UTC. Looked at again every 5 s.`,
  away: "The service does not answer.", failing: (/** @type {number} */ status) => `The service answers ${status}.`,
  old: (/** @type {string} */ age) => `What is shown is ${age} old.`, triedAgain: (/** @type {string} */ next) => `Tried again in ${next}.`, tryNow: "Try now",
  ago: (/** @type {string} */ moment, /** @type {string} */ age) => `${moment}, ${age} ago`, never: "never", none: "none", notNarrowed: "not narrowed", yours: "(yours)", all: "all", any: "any", yes: "yes", no: "NO",
  runbook: "Runbook:", leaveIt: "Leave it", mendFields: "Not taken: see the fields marked.", wrongForm: "Not in the form that is wanted here.", reason: "Reason (goes into the log)",
  copy: "Copy", copied: "Copied.", notCopied: "Not copied: select it and copy it by hand.", kept: "I have stored it",
  save: "Save", add: "Add", change: "Change", search: "Search", id: "Id", name: "Name", state: "State", actions: "Actions", at: "At", since: "Since", from: "From", to: "To",
  // Endpoints
  noEndpoints: "Nothing is delivered anywhere yet.", endpoint: "Endpoint", allEndpoints: "All endpoints", addEndpoint: "Add an endpoint",
  lookAtParked: (/** @type {number} */ count) => `Look at ${many(count, "parked message", "parked messages")}`,
  lag: "Behind", lagIs: (/** @type {number} */ count, /** @type {string} */ age) => (count ? `${events(count)}, the oldest ${age} old` : "nothing"),
  waiting: "Waiting", parked: "Parked", inFlight: "In flight", lastSuccess: "Last success", nextAttempt: "Next attempt", lastError: "Last error",
  nextIn: (/** @type {string} */ moment, /** @type {string} */ left) => `${moment}, in ${left}`, nextProbe: "with the next probe", noAnswerYet: "not tried yet",
  heldUp: (/** @type {number} */ count) => `${many(count, "day is", "days are")} held up`, setUp: "Set up", deliveries: "Deliveries",
  url: "URL", types: "Types", wards: "Wards", severities: "Severities", payload: "Payload", ordering: "Order", signature: "Signatures", auth: "Credential",
  timeout: "Waits for an answer", permanent: "Parked at once on", cameTo: "Log read up to", cameToIs: (/** @type {number} */ after, /** @type {number} */ size) => `entry ${after} of ${size}`,
  numbers: "Numbers", numbersAre: (/** @type {number} */ given, /** @type {number} */ acknowledged) => `${given} given, ${acknowledged} the highest taken`,
  ping: "Ping", pingHow: "Sends a signed webhook.ping now. Taken, it also ends an outage.", pingNow: "Send a ping", taken: "Taken", notTaken: "Not taken",
  pong: (/** @type {string} */ said, /** @type {number} */ ms) => `${said}, after ${ms} ms`,
  hold: "Hold", holdHow: "Nothing is sent until it is enabled; the queue is kept and nothing is lost.", enable: "Enable", enableHow: "Goes on where it stood, the oldest first.",
  rotate: "Rotate the secret", rotateHow: "Both secrets sign until the old one ends: give the new one to the engine's team within that time.", overlap: "Hours both sign", oldSecret: (/** @type {string} */ moment) => `The old secret signs until ${moment}.`,
  newSecret: "New signing secret", secretHow: "Shown this once. Store it in the engine now; it cannot be looked up again.",
  replay: "Send a range again", replayHow: "Same ids, same bytes: a receiver that dedupes is not hurt.", fromSeq: "From entry", toSeq: "To entry",
  replayed: (/** @type {number} */ from, /** @type {number} */ to) => `Entries ${from} to ${to} are sent again.`,
  sample: "A signed sample by curl", sampleHow: "Run it where the endpoint's secret lies in engine.secret. It is signed as a delivery is, and no event of the log.",
  remove: "Remove this endpoint", removeSure: "Remove it for good",
  changeOf: (/** @type {string} */ name) => `Change ${name}`, changeHow: "A changed filter counts from its own entry in the log on; nothing is renumbered. Where two people are asked for, another address waits for the second one to enable it.",
  urlHint: "In the networks and on the ports of the settings ([delivery]).", typesHint: "Globs of entry types, separated by commas: alert.*, day.*", emptyIsAll: "Ward ids, separated by commas. Empty: all.",
  severitiesHint: "critical, high, medium, low; what has none always passes. Empty: all.", permanentHint: "Statuses after which a message is parked at once, such as 422. Empty: none.", timeoutS: "Seconds to wait for an answer", v1a: "Sign by Ed25519 as well (v1a)",
  // Deliveries
  number: "No.", type: "Type", day: "Day", answer: "Answer", answerHint: "Answer (503, timeout)", triedSince: "Tried since (as 2026-11-23 08:00)", triedUntil: "Tried before", newest: "(newest)", toNewest: "Newest", first: "From the first", earlier: "Earlier", later: "Later",
  afterTries: (/** @type {number} */ count) => `(${count} attempts)`, lastAnswer: "Last answer", noneFound: "No delivery is like this.", noDeliveries: "Nothing has been delivered here yet.",
  redriveRange: "Try what is parked again", redriveHow: (/** @type {number} */ count) => `${many(count, "message is", "messages are")} parked. Each keeps id, bytes and number; those of one day go in their order.`, fromN: "From no.", toN: "To no.",
  redrive: "Try again", redriven: (/** @type {number} */ count) => `${many(count, "message is", "messages are")} tried again.`,
  message: (/** @type {string} */ n) => `Message ${n}`, stepEntry: "1. The entry", stepBody: "2. The body as sent", stepAttempts: (/** @type {number} */ count) => `3. ${many(count, "attempt", "attempts")}`, stepOutcome: "4. What became of it",
  seq: "Entry of the log", ownMessage: "none: the service's own message", webhookId: "webhook-id", why: "Why", took: "Took", notTried: "Not tried yet.",
  bodyNotYours: "The body holds what the feed holds, patients too: a token of the role integration shows it.", bodyHasPatient: "It names a patient. Look only where you need to.", bodyThin: "It holds ids and a link, no patient.", showBody: "Show the body", bodyForgotten: "Its bytes have been forgotten: read the entry from the log.",
  isDone: (/** @type {string} */ moment) => `Taken at ${moment}.`, isDropped: (/** @type {string} */ moment) => `Given up by a person at ${moment}; the gap stays visible to the engine.`, isInTurn: "Waits for its turn: what comes before it goes first.",
  isWaiting: (/** @type {string} */ left) => `Not taken yet; tried again in ${left}.`, isParkedTried: (/** @type {string} */ left) => `Parked: its day went on without it. Tried again by itself in ${left}.`, isParked: "Parked: its day went on without it. It waits for a person.",
  decide: "Decide", decideHow: "Mend the cause first. Trying again keeps id, bytes and number. Dropping is for good: the engine never gets it.", drop: "Drop",
  // Devices, staff, tokens
  device: "Device", ward: "Ward", lastSeen: "Last seen", notSeen: "not since the start of the service", enrolledAt: "Enrolled", enrolled: "In use", revokedAt: (/** @type {string} */ moment) => `Revoked ${moment}`, revoke: "Revoke", revokeSure: "Revoke for good",
  enrol: "Enrol a device", enrolHow: "The id is what the log calls it.", deviceHint: "Small letters, digits and hyphens, such as tablet-12.", tokenOf: (/** @type {string} */ name) => `Token of ${name}`, deviceTokenHow: "Shown this once. Whoever has it charts as this device.", enrolLink: "Open this on the tablet (infusion device enrol shows it as a QR code):",
  find: "Find", role: "Role", active: "Active", lockedAt: (/** @type {string} */ moment) => `Locked ${moment}`, disabledAt: (/** @type {string} */ moment) => `Disabled ${moment}`, unlock: "Unlock", disable: "Disable", disableSure: "Disable for good", pinOrBadge: "PIN or badge", newPin: "New PIN", newBadge: "New badge code",
  addPerson: "Add a person", addPersonHow: "They sign in on a tablet with badge and PIN. The log names them by their id alone.", idHint: "Small letters, digits and hyphens. Empty: one is made.", wardsHint: (/** @type {string} */ wards) => `Of ${wards || "the site"}, separated by commas. Empty: all.`, badge: "Badge code", pin: "PIN (4 to 12 digits)",
  added: (/** @type {string} */ name, /** @type {string} */ id) => `${name} is added as ${id}.`, brokenGlass: "Who broke the glass is looked through by charge nurses and auditors, and not here.",
  label: "Label", labelHint: "What it is for: it stands in the list.", narrowedTo: "Narrowed to", expires: "Expires", expiresIn: (/** @type {string} */ left) => `Expires in ${left}`, expiredAt: (/** @type {string} */ moment) => `Expired ${moment}`, mint: "Mint a token",
  tokenHow: "Shown this once. Keep it in a file that nobody else reads, never in a command line.", scopes: "Groups of calls", scopesHint: "endpoints, log, metrics, workflows, administration, days; separated by commas. Empty: all of the role.",
  // Workflows
  workflowsHow: "A day keeps the version it was scheduled under; new days take the newest. A released version is never edited.", workflow: "Workflow", version: "Version", inForceSince: "In force since", hash: "Content hash", adoptedAs: (/** @type {string} */ moment, /** @type {number} */ seq) => `${moment}, entry ${seq}`,
  versionOf: (/** @type {string} */ title, /** @type {number} */ version) => `${title}, version ${version}`, versionNumber: (/** @type {number} */ version) => `version ${version}`, comparedWith: "Compared with", onlyVersion: "There is no other version to compare it with.", sameRules: "No rule differs.", changes: (/** @type {number} */ count) => many(count, "change", "changes"),
  part: "Part", key: "Key", becameOf: "Change", states: "States", facts: "Facts", guards: "Guards", alertRules: "Alert rules",
  diagram: "States and moves", diagramOf: (/** @type {string} */ title) => `States and moves of ${title}; the table below says the same`, diagramHow: "A line for each state, a column for each move: from its rings to its arrow. Dashed: only under a condition. Double border: the day ends there.",
  movesTable: (/** @type {number} */ count) => `All ${count} moves as a table`, moves: "Moves", move: "Move", condition: "Only if", stays: "(stays)", sameDate: "on the same date", onlyIf: (/** @type {string} */ field, /** @type {string} */ values) => `${field} is ${values}`,
  // Service
  calm: "Nothing needs your eye.", severityOf: { critical: "Now", warning: "Soon", info: "To know" }, lookAtEndpoint: "Look at the endpoint", confirmClock: "The clock is right: confirm it",
  alarmBudget: "Alarm budget", alarmBudgetHow: (/** @type {number} */ most, /** @type {string} */ moment) => `Alerts raised for each hour of a patient under way, since ${moment}. More than ${most} an hour, and people stop listening.`,
  alertsPerHour: "Alerts per patient-hour", budget: "Budget", patientHours: "Patient-hours", alerts: "Alerts", nobodyYet: "no patient yet", over: "Over", within: "Within",
  logAndDisk: "Log and disk", takesFacts: "Takes facts", room: "Room", roomIs: (/** @type {string} */ free, /** @type {string} */ reserve) => `${free} free, reserve ${reserve}`, logSize: "Log", entries: (/** @type {number} */ count) => many(count, "entry", "entries"), database: "Database", wal: "Write-ahead log",
  growth: "Growth", growthIs: (/** @type {string} */ perDay, /** @type {string} */ left) => `${perDay} a day since the start: room for ${left}`, manyYears: "more than 10 years", years: (/** @type {number} */ count) => many(count, "year", "years"), days: (/** @type {number} */ count) => many(count, "day", "days"),
  commits: "Commits", commitsAre: (/** @type {number} */ count, /** @type {number} */ ms) => `${count} since the start, ${ms.toFixed(1)} ms each`, queue: "Waiting for the writer", storageFull: "Refused for want of room", watch: "Late with what fell due", onTime: "no",
  trust: "Trust", checkpoint: "Newest checkpoint", checkpointIs: (/** @type {number} */ entries, /** @type {number} */ behind) => `of ${many(entries, "entry", "entries")}${behind ? `, ${behind} behind` : ", up to date"}`, noCheckpoint: "none that can be read", written: "Written", outside: "Kept", otherDisk: "on another disk", sameDisk: "on the same disk as the database",
  verified: "Last verification", tablesUnsound: (/** @type {string} */ moment) => `log sound at ${moment}, a table beside it is not`, soundAt: (/** @type {string} */ moment, /** @type {number} */ entries) => `sound at ${moment}, ${entries} entries`, unsoundAt: (/** @type {string} */ moment, /** @type {number | null} */ seq) => `NOT SOUND at ${moment}${seq ? `, first bad entry ${seq}` : ""}`, notVerified: (/** @type {string | null} */ at) => (at ? `not since the start; the next at ${at}` : "switched off (storage.verify_at)"),
  clock: "Clock", doubted: "in doubt", simulated: (/** @type {number} */ speed) => (speed ? `simulated, ${speed} times as fast` : "simulated, moved by hand"), believed: "believed", streams: "Live streams", software: "Software", softwareIs: (/** @type {string} */ version, /** @type {string} */ python) => `infusion ${version}, Python ${python}`, startedAt: "Started",
  more: "More on this machine:", notShown: (/** @type {string} */ groups) => `Not shown, because your token does not reach it: ${groups}.`, groups: /** @type {Record<string, string>} */ ({ endpoints: "endpoints and deliveries", administration: "devices, staff and tokens" }),
};

/** What stands in the runbook under each rule's name. @type {Record<string, string>} */
export const RUNBOOK = new Proxy({}, { get: (_, rule) => `docs/operations.md#${String(rule).toLowerCase()}` });

/** What each alerting rule says, and what to do first. @type {Record<string, [string, string]>} */
export const FINDINGS = {
  InfusionDown: ["no facts can be taken", "Restart the service; its last log lines name the cause. Tablets go on and bring what they chart."],
  InfusionWatchLate: ["something fell due and was not looked at", "Tell the wards to watch the clock themselves; look for watch.cannot_write in the log."],
  InfusionClockInDoubt: ["the machine's clock is not believed", "Put the clock right, look at it, then confirm it. Until then no day is moved by time."],
  InfusionLogUnsound: ["the log did not verify", "Keep the file as it is; stop at the next quiet moment, restore the last backup that verifies, compare."],
  InfusionTablesUnsound: ["a table beside the log is not what was written", "Every signed entry is as it was. tables.unsound in the log names table and key: the runbook says what to do with each."],
  InfusionLogNotVerified: ["the log was not verified for more than 26 hours", "Run infusion verify by hand and look at what it says."],
  InfusionStorageFull: ["facts are refused because there is no room", "Make room: backups and exports first. Writing comes back by itself."],
  InfusionDiskLow: ["the disk of the database is nearly full", "Make room before facts are refused."],
  InfusionQueueLong: ["submissions wait for the writer", "Is the disk slow, or one device gone wild? Revoke that one."],
  InfusionCommitsSlow: ["a commit takes more than 200 ms", "Look for what else writes to this disk."],
  InfusionWalGrows: ["the write-ahead log does not shrink", "Find the reader that holds it: a backup or verify that does not end."],
  InfusionDeliveryLate: ["behind by more than 15 minutes", "Nothing is lost. The endpoint says why."],
  InfusionDeliveryParked: ["messages are parked and wait for a person", "Mend the cause, then try them again."],
  InfusionAlarmBudget: ["more alerts than people can listen to", "No fault of the machine: take it to the clinical-safety officer with infusion audit answers."],
};

/** States of a delivery. @type {Record<string, string>} */
export const DELIVERY = { waiting: "waiting", parked: "parked", done: "taken", dropped: "dropped" };

/** @type {[string, string][]} */
export const PAYLOADS = [["full", "full: the entry, with the patient"], ["thin", "thin: ids and a link, no patient"]];
/** @type {[string, string][]} */
export const ORDERINGS = [["lane", "lane: in order per day"], ["strict", "strict: in order altogether, never skips"], ["none", "none: as soon as possible"]];

/** Parts of a workflow file. @type {Record<string, string>} */
export const PARTS = { course_rules: "course rules", safety: "safety properties", code_groups: "code groups" };

/** Why an endpoint is behind. */
export const WHY = {
  words: /** @type {Record<string, string>} */ ({
    fine: "Keeps up", behind: "Catching up", blocked: "Blocked", parked: "Parked", failing: "Failing", paused: "Paused", held: "Held", disabled: "Disabled", pending: "Pending", unusable: "Unusable",
  }),
  fine: "Everything has been taken.", behind: (/** @type {number} */ count) => `${events(count)} on the way.`, waits: (/** @type {number} */ count) => `${many(count, "event waits", "events wait")} meanwhile.`,
  parked: (/** @type {number} */ count) => `${many(count, "message is parked and waits", "messages are parked and wait")} for a person.`, parkedTodo: "Look at what was answered, mend that, then try again.",
  pending: "Nothing is sent: somebody other than who made or re-pointed it must enable it.", pendingTodo: "Ask a colleague to look at the address and enable it.",
  held: (/** @type {string} */ reason) => `A person holds it${reason ? `: “${reason}”.` : "."}`, heldTodo: "Enable it once that is over.",
  disabled: (/** @type {string} */ reason) => `It was disabled${reason === "gone" ? ": the engine answered 410, gone." : reason ? `: ${reason}.` : "."}`, disabledTodo: "Ask the engine's team what they want, then enable it.",
  unusable: "Nothing is sent: its secrets or certificates cannot be opened.", unusableTodo: "Bring secrets.key back beside the database and restart; delivery.endpoint_unusable in the log says more.",
  failing: (/** @type {string} */ since, /** @type {string} */ last, /** @type {string} */ next, /** @type {number} */ count) => `The engine takes nothing since ${since}. Last answer ${last}. Tried again ${next}; ${many(count, "event waits", "events wait")} and nothing is lost.`, failingTodo: "Tell the engine's team; a ping tries it now.",
  paused: (/** @type {string} */ left, /** @type {number} */ count) => `The engine asked to be left alone for another ${left} (Retry-After); ${many(count, "event waits", "events wait")}.`,
  blocked: (/** @type {number} */ days, /** @type {number} */ n, /** @type {string} */ type, /** @type {string} */ last, /** @type {string} */ next) => `${many(days, "day is", "days are")} held up, the first by message ${n} (${type}): ${last}. Tried again ${next}; other days go on.`, blockedTodo: "Look at what the engine says of that message.",
  inTime: (/** @type {string} */ left) => `in ${left}`, atOnce: "at once",
  /** What an answer means, by status, its hundred, or the fault. */
  answers: /** @type {Record<string, string>} */ ({
    400: "it does not understand the message", 401: "it does not accept our credential or signature", 403: "it does not let us in", 404: "it knows no such address", 405: "it takes no POST there", 408: "it gave up waiting", 410: "it is gone for good",
    413: "the message is too large for it", 415: "it does not take this content type", 422: "it does not accept this message", 429: "it is sent too much", 500: "it fails on this", 502: "nothing behind its gateway", 503: "it is not available", 504: "nothing behind its gateway answers in time",
    "2xx": "taken", "3xx": "it redirects, which is not followed: change the URL", "4xx": "it refuses", "5xx": "it fails",
    connect_failed: "nothing listens there, or the network is away", egress_refused: "deliveries may not go to that address (settings, [delivery])", tls_failed: "its certificate is not accepted", timeout: "no answer in time", connection_lost: "it hung up", unreadable: "what it answers is no HTTP",
  }),
};
