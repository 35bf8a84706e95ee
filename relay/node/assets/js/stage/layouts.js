// The arrangements that a room may have: how many large and small tiles each shows, and a small picture of each.

/** @typedef {import('../types.js').Layout} Layout */
/** @typedef {{x: number, y: number, width: number, height: number, main: boolean}} Box */

/** @type {readonly {name: Layout, mains: number, pips: number}[]} */
export const LAYOUTS = [
  { name: 'host_only', mains: Infinity, pips: 0 },
  { name: 'host_large', mains: Infinity, pips: Infinity },
  { name: 'equal', mains: Infinity, pips: 0 },
  { name: 'one_main_zero_pips', mains: 1, pips: 0 },
  { name: 'one_main_seven_pips', mains: 1, pips: 7 },
  { name: 'one_main_twentyone_pips', mains: 1, pips: 21 },
  { name: 'two_mains_twentyone_pips', mains: 2, pips: 21 },
  { name: 'one_main_thirtythree_pips', mains: 1, pips: 33 },
  { name: 'four_mains_zero_pips', mains: 4, pips: 0 },
  { name: 'nine_mains_zero_pips', mains: 9, pips: 0 },
  { name: 'sixteen_mains_zero_pips', mains: 16, pips: 0 },
  { name: 'twentyfive_mains_zero_pips', mains: 25, pips: 0 },
  { name: 'five_mains_seven_pips', mains: 5, pips: 7 },
];

/** Size of a picture, units of its own. */
const WIDTH = 64;
const HEIGHT = 40;
const GAP = 2;

/**
 * @param {Layout} layout
 * @returns {SVGSVGElement}  decorative
 */
export function layoutPicture(layout) {
  const svg = svgElement('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'layout-picture', 'aria-hidden': 'true' });
  for (const { x, y, width, height, main } of boxes(layout)) {
    svg.append(svgElement('rect', { x, y, width, height, rx: main ? 2 : 1, class: main ? 'main' : 'pip' }));
  }
  if (layout === 'host_only' || layout === 'host_large') {
    const x = layout === 'host_only' ? WIDTH / 2 : 24;
    svg.append(svgElement('circle', { cx: x, cy: 15, r: 5, class: 'person' }), svgElement('path', { d: `M${x - 9} 31a9 9 0 0 1 18 0z`, class: 'person' }));
  }
  return svg;
}

/**
 * @param {Layout} layout
 * @returns {Box[]}
 */
function boxes(layout) {
  const all = { x: 0, y: 0, width: WIDTH, height: HEIGHT };
  const spec = LAYOUTS.find(({ name }) => name === layout);
  if (layout === 'host_only') return cells(1, 1, 1, all, true);
  if (layout === 'host_large') return [...cells(1, 1, 1, { ...all, width: 48 }, true), ...cells(4, 1, 4, { ...all, x: 50, width: 14 }, false)];
  if (layout === 'equal' || !spec) return cells(6, 3, 2, all, true);
  const { mains, pips } = spec;
  const columns = Math.ceil(Math.sqrt(mains));
  if (pips === 0) return cells(mains, columns, Math.ceil(mains / columns), all, true);
  const perRow = pips > 21 ? 11 : 7;
  const rows = pips / perRow;
  const strip = rows * 7 - GAP; // small tiles are 5 high
  const large = { ...all, height: HEIGHT - strip - GAP };
  const small = { ...all, y: HEIGHT - strip, height: strip };
  const mainBoxes = mains === 5
    ? [...cells(2, 2, 1, { ...large, height: 18 }, true), ...cells(3, 3, 1, { ...large, y: 20, height: large.height - 20 }, true)]
    : cells(mains, mains, 1, large, true);
  return [...mainBoxes, ...cells(pips, perRow, rows, small, false)];
}

/**
 * @param {number} count
 * @param {number} columns
 * @param {number} rows
 * @param {{x: number, y: number, width: number, height: number}} area
 * @param {boolean} main
 * @returns {Box[]}
 */
function cells(count, columns, rows, area, main) {
  const gap = main ? GAP : 1.5;
  const width = (area.width - gap * (columns - 1)) / columns;
  const height = (area.height - gap * (rows - 1)) / rows;
  return Array.from({ length: count }, (_, i) => ({
    x: area.x + (i % columns) * (width + gap), y: area.y + Math.floor(i / columns) * (height + gap), width, height, main,
  }));
}

/**
 * @param {string} tag
 * @param {Record<string, string|number>} attributes
 * @returns {any}
 */
function svgElement(tag, attributes) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
