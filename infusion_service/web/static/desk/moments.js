// @ts-check
// Times and sizes as an engineer writes them: UTC, as in the service's log lines.

/** A time as 2026-11-23 11:02:07, or a dash. @param {string | null | undefined} moment */
export const when = (moment) => (moment ? moment.slice(0, 19).replace("T", " ") : "–");

/** A length of time in its two largest units. @param {number} milliseconds */
export function span(milliseconds) {
  const seconds = Math.round(Math.max(milliseconds, 0) / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  if (hours) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return minutes ? `${minutes} min ${String(seconds % 60).padStart(2, "0")} s` : `${seconds} s`;
}

/** Milliseconds from one time to another. @param {string} from @param {string} to */
export const between = (from, to) => Date.parse(to) - Date.parse(from);

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** A size in the unit that fits. @param {number} bytes */
export function size(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  return `${value.toFixed(power && value < 100 ? 1 : 0)} ${UNITS[power]}`;
}
