// @ts-check
// Parts of a screen that stay as they were drawn while what they show stays the same: of a thousand marks a moment moved
// changes a few, and the others are not gone through again.
import { useRef } from "preact/hooks";

/** Gives the part drawn before for a thing in the same state; draws it where there is none. @param {any[]} anew where one of these changes, everything is drawn anew @returns {(thing: object, state: string, draw: () => any) => any} */
export function useDrawn(anew) {
  const kept = useRef({ anew, parts: /** @type {Map<object, {state: string, part: any}>} */ (new Map()) });
  if (anew.some((each, place) => each !== kept.current.anew[place])) kept.current = { anew, parts: new Map() };
  return (thing, state, draw) => {
    const { parts } = kept.current;
    const before = parts.get(thing);
    if (before?.state === state) return before.part;
    const part = draw();
    parts.set(thing, { state, part });
    return part;
  };
}
