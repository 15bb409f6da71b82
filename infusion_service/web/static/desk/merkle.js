// @ts-check
// RFC 6962 proofs: what root a tree must have if a proof shows what it claims. Sizes are big: no number of 32 bits will do.
import { HASH_BYTES, fromBase64, joined, reject, sha256 } from "./exact_bytes.js";

/** @param {Uint8Array} left @param {Uint8Array} right */
const nodeHash = (left, right) => sha256(joined(new Uint8Array([1]), left, right));

/** @param {Uint8Array} leaf */
export const leafHash = (leaf) => sha256(joined(new Uint8Array([0]), leaf));

/** @param {bigint} value how many bits it takes */
const bits = (value) => (value === 0n ? 0 : value.toString(2).length);

/** @param {bigint} index @param {bigint} size @returns {[number, number]} steps below the point where index and last leaf part, left siblings above it */
function shapeOf(index, size) {
  const inner = bits(index ^ (size - 1n));
  return [inner, (index >> BigInt(inner)).toString(2).replaceAll("0", "").length];
}

/** @param {unknown} proof @returns {Uint8Array[]} */
export function readProof(proof) {
  if (!Array.isArray(proof)) reject("notAProof");
  const steps = proof.map(fromBase64);
  return steps.every((step) => step.length === HASH_BYTES) ? steps : reject("notAProof");
}

/** The root a tree must have if the proof shows the leaf at that index. @param {Uint8Array} leaf its hash @param {bigint} index @param {bigint} size @param {Uint8Array[]} proof Throws `Rejected` */
export async function rootFromInclusion(leaf, index, size, proof) {
  if (index < 0n || index >= size) reject("notInTree");
  const [inner, border] = shapeOf(index, size);
  if (proof.length !== inner + border) reject("notAProof");
  let root = leaf;
  for (const [level, step] of proof.entries()) {
    const fromLeft = level >= inner || ((index >> BigInt(level)) & 1n) === 1n;
    root = fromLeft ? await nodeHash(step, root) : await nodeHash(root, step);
  }
  return root;
}

/** Both roots, as the proof makes them of the older one. @param {bigint} oldSize @param {Uint8Array} oldRoot @param {bigint} size @param {Uint8Array[]} proof @returns {Promise<[Uint8Array, Uint8Array]>} Throws `Rejected` */
export async function rootsFromConsistency(oldSize, oldRoot, size, proof) {
  if (oldSize <= 0n || oldSize >= size) reject("notAProof");
  let level = 0n;
  while (((oldSize >> level) & 1n) === 0n) level += 1n;
  const steps = oldSize === 1n << level ? [oldRoot, ...proof] : proof;
  const index = (oldSize - 1n) >> level;
  const [inner, border] = shapeOf(index, ((size - 1n) >> level) + 1n);
  if (steps.length !== 1 + inner + border) reject("notAProof");
  let [old, young] = [steps[0], steps[0]];
  for (const [height, step] of steps.slice(1).entries()) {
    if (height >= inner || ((index >> BigInt(height)) & 1n) === 1n) {
      [old, young] = [await nodeHash(step, old), await nodeHash(step, young)];
    } else {
      young = await nodeHash(young, step);
    }
  }
  return [old, young];
}
