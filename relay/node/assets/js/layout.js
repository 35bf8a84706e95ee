// Where each tile stands, as a pure function of the room on screen. Tiles are placed by position alone: an element with a
// video in it must never be moved in the document, or it goes black.

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */

const GAP = 10;
const WIDE = 16 / 9;
/** Tiles narrower than this are not worth showing; the stage scrolls instead. */
const MIN_TILE = 104;

/**
 * @typedef {object} Arrangement
 * @property {'solo'|'duo'|'grid'|'focus'} mode
 * @property {Rect[]} rects   one for each tile: first the screens, then the others, last ourselves
 * @property {number} height  of all tiles together; more than there is when the stage has to scroll
 */

/**
 * @param {number} screens  shared screens
 * @param {number} others   other people
 * @param {number} width    of the stage, px
 * @param {number} height   of the stage, px
 * @returns {Arrangement}
 */
export function arrange(screens, others, width, height) {
  const area = { x: 0, y: 0, width, height };
  if (screens > 0) return { mode: 'focus', rects: focus(screens, others + 1, area), height };
  if (others === 0) return { mode: 'solo', rects: [within(area, 3 / 4, WIDE)], height };
  if (others === 1) return { mode: 'duo', rects: duo(area), height };
  const rects = grid(others + 1, area);
  return { mode: 'grid', rects, height: Math.max(height, ...rects.map((r) => r.y + r.height)) };
}

/**
 * Two people: the other one large, ourselves small in the corner.
 * @param {Rect} area
 */
function duo(area) {
  const main = within(area, 3 / 4, WIDE);
  const upright = area.width < area.height;
  const width = Math.min(Math.max(area.width * (upright ? 0.27 : 0.19), 92), 250);
  const height = upright ? (width * 4) / 3 : width / WIDE;
  const inset = 14;
  return [main, { x: main.x + main.width - width - inset, y: main.y + main.height - height - inset, width, height }];
}

/**
 * Shared screens large, people in a strip beside or below.
 * @param {number} screens
 * @param {number} people
 * @param {Rect} area
 */
function focus(screens, people, area) {
  const upright = area.width < area.height * 1.15;
  const strip = upright
    ? Math.min(area.height * 0.42, Math.max(area.height - area.width / WIDE - GAP, area.height * 0.25))
    : Math.min(Math.max(area.width * 0.2, 150), 300);
  const large = upright
    ? { ...area, height: area.height - strip - GAP }
    : { ...area, width: area.width - strip - GAP };
  const small = upright
    ? { ...area, y: area.y + area.height - strip, height: strip }
    : { ...area, x: area.x + area.width - strip, width: strip };
  const shown = screens === 1 ? [large] : grid(screens, large);
  return [...shown, ...grid(people, small)];
}

/**
 * Equal tiles, as large as they can be, the last row centred.
 * @param {number} count
 * @param {Rect} area
 * @returns {Rect[]}
 */
export function grid(count, area) {
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const tile = tileFor(columns, Math.ceil(count / columns), area);
    if (tile.width * tile.height > best.width * best.height) best = { columns, ...tile };
  }
  const least = Math.min(MIN_TILE, area.width);
  if (best.width < least) {
    const columns = Math.max(1, Math.floor((area.width + GAP) / (least + GAP)));
    const width = (area.width - GAP * (columns - 1)) / columns;
    best = { columns, width, height: width };
  }
  return place(count, best, area);
}

/**
 * @param {number} columns
 * @param {number} rows
 * @param {Rect} area
 */
function tileFor(columns, rows, area) {
  const width = Math.max((area.width - GAP * (columns - 1)) / columns, 0);
  const height = Math.max((area.height - GAP * (rows - 1)) / rows, 0);
  const narrowest = area.width > area.height ? 1.25 : 1; // a phone held upright has room above, not beside
  const { width: w, height: h } = within({ x: 0, y: 0, width, height }, narrowest, WIDE);
  return { width: w, height: h };
}

/**
 * @param {number} count
 * @param {{columns: number, width: number, height: number}} tile
 * @param {Rect} area
 */
function place(count, { columns, width, height }, area) {
  const rows = Math.ceil(count / columns);
  const top = area.y + Math.max((area.height - rows * height - (rows - 1) * GAP) / 2, 0);
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = area.x + (area.width - inRow * width - (inRow - 1) * GAP) / 2;
    return { x: left + (i % columns) * (width + GAP), y: top + row * (height + GAP), width, height };
  });
}

/**
 * The largest rectangle in the middle of an area whose aspect ratio is within limits.
 * @param {Rect} area
 * @param {number} narrowest
 * @param {number} widest
 * @returns {Rect}
 */
function within({ x, y, width, height }, narrowest, widest) {
  const w = Math.min(width, height * widest);
  const h = Math.min(height, w / narrowest);
  return { x: x + (width - w) / 2, y: y + (height - h) / 2, width: w, height: h };
}
