// @ts-check
// The outline of each kind of mark, as the path of a figure; the same as in the printed record, and larger. All closed,
// so that a mark can be filled (in time) or hollow (late). Pure.

const POINTED = 5;

/** @typedef {[number, number][]} Corners */

/** @type {Corners} */
const TRIANGLE_DOWN = [[-1, -0.9], [1, -0.9], [0, 1]];
/** @type {Corners} */
const TRIANGLE_UP = [[0, -1.1], [1.1, 0.9], [-1.1, 0.9]];
/** @type {Corners} */
const DIAMOND = [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]];
/** @type {Corners} */
const SQUARE = [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]];
/** @type {Corners} */
const CROSS = [[-0.35, -1], [0.35, -1], [0.35, -0.35], [1, -0.35], [1, 0.35], [0.35, 0.35], [0.35, 1], [-0.35, 1], [-0.35, 0.35], [-1, 0.35], [-1, -0.35], [-0.35, -0.35]];
/** @type {Corners} */
const STAR = [[0, -1.3], [0.35, -0.45], [1.25, -0.4], [0.55, 0.15], [0.8, 1.05], [0, 0.55], [-0.8, 1.05], [-0.55, 0.15], [-1.25, -0.4], [-0.35, -0.45]];
/** @type {Corners} */
const TICK = [[-1.2, 0.1], [-0.75, -0.4], [-0.2, 0.2], [0.95, -1.1], [1.4, -0.65], [-0.2, 1.1]];
/** @type {Corners} */
const OCTAGON = [[-0.45, -1], [0.45, -1], [1, -0.45], [1, 0.45], [0.45, 1], [-0.45, 1], [-1, 0.45], [-1, -0.45]];

/** A polygon around a point. @param {Corners} corners @param {number} x @param {number} y @param {number} size */
const closed = (corners, x, y, size = POINTED) => `M${corners.map(([dx, dy]) => `${(x + dx * size).toFixed(1)} ${(y + dy * size).toFixed(1)}`).join("L")}Z`;

/** @param {number} x @param {number} y @param {number} radius */
const disc = (x, y, radius) => `M${(x - radius).toFixed(1)} ${y.toFixed(1)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`;

/** A box by its upper left corner. @param {number} x @param {number} y @param {number} width @param {number} height */
export const box = (x, y, width, height) => `M${x.toFixed(1)} ${y.toFixed(1)}h${width.toFixed(1)}v${height.toFixed(1)}h${(-width).toFixed(1)}Z`;

/** The two strokes that cross out what was struck. @param {number} x @param {number} y @param {number} reach */
export const crossed = (x, y, reach = 8) => `M${(x - reach).toFixed(1)} ${(y - reach).toFixed(1)}l${2 * reach} ${2 * reach}m0 ${-2 * reach}l${-2 * reach} ${2 * reach}`;

/** @type {Record<string, (x: number, y: number) => string>} */
const POINTS = {
  pulse: (x, y) => disc(x, y, 4),
  spo2: (x, y) => closed(SQUARE, x, y),
  respiration: (x, y) => closed(TRIANGLE_DOWN, x, y),
  temperature: (x, y) => closed(DIAMOND, x, y),
  sign: (x, y) => closed(CROSS, x, y),
  drug: (x, y) => closed(TRIANGLE_DOWN, x, y, 7),
  symptom: (x, y) => closed(STAR, x, y, 7),
  "check-done": (x, y) => closed(TICK, x, y, 5.5),
  "check-missed": (x, y) => closed(SQUARE, x, y, 7),
  critical: (x, y) => closed(OCTAGON, x, y, 11),
  high: (x, y) => closed(TRIANGLE_UP, x, y + 1, 11),
  medium: (x, y) => closed(DIAMOND, x, y, 10),
  low: (x, y) => disc(x, y, 10),
};

/** The outline of a mark that stands at one point; of an alert by its severity. @param {{kind: string, severity: string}} mark @param {number} x @param {number} y */
export const outline = ({ kind, severity }, x, y) => (POINTS[kind === "alert" ? severity : kind] ?? POINTS.low)(x, y);
