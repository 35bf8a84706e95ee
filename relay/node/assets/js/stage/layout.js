// Where each tile stands, as a pure function of the room on screen. Tiles are placed by position alone: an element with a
// video in it must never be moved in the document, or it goes black.

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */

const GAP = 10;
const WIDE = 16 / 9;
/** Tiles narrower than this are not worth showing; the stage scrolls instead. */
const MIN_TILE = 104;
/** The same for small tiles beside large ones. */
const MIN_SMALL = 80;

/**
 * @typedef {object} Arrangement
 * @property {'solo'|'duo'|'grid'|'focus'} mode
 * @property {Rect[]} mains
 * @property {Rect[]} smalls
 * @property {Rect|null} own  ourselves
 * @property {number} height  of all tiles together; more than there is when the stage has to scroll
 */

/**
 * @param {number} mains   large tiles
 * @param {number} smalls  small tiles
 * @param {boolean} own    whether we see ourselves
 * @param {number} width   of the stage, px
 * @param {number} height  of the stage, px
 * @returns {Arrangement}
 */
export function arrange(mains, smalls, own, width, height) {
  const area = { x: 0, y: 0, width, height };
  const self = own ? 1 : 0;
  if (mains + smalls === 0) return { mode: 'solo', mains: [], smalls: [], own: own ? within(area, 3 / 4, WIDE) : null, height };
  if (mains + smalls === 1) {
    const [main, corner] = duo(area);
    return { mode: 'duo', mains: mains ? [main] : [], smalls: mains ? [] : [main], own: own ? corner : null, height };
  }
  if (mains === 0 || smalls === 0) {
    const rects = grid(mains + smalls + self, area);
    const others = rects.slice(0, mains + smalls);
    return { mode: 'grid', mains: mains ? others : [], smalls: mains ? [] : others, own: own ? rects[rects.length - 1] : null, height: foot(rects, height) };
  }
  const { large, strip } = focus(mains, smalls + self, area);
  return { mode: 'focus', mains: large, smalls: strip.slice(0, smalls), own: own ? strip[smalls] : null, height: foot(strip, height) };
}

/**
 * @param {Rect[]} rects
 * @param {number} height
 */
function foot(rects, height) {
  return Math.max(height, ...rects.map((r) => r.y + r.height));
}

/**
 * One other tile: that one large, ourselves small in the corner.
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

/** Share of the stage that small tiles get: as little as lets them be of use. */
const STRIPS = [0.2, 0.26, 0.32, 0.38, 0.44];

/**
 * Large tiles, and small ones in a strip beside or below.
 * @param {number} mains
 * @param {number} smalls
 * @param {Rect} area
 */
function focus(mains, smalls, area) {
  const upright = area.width < area.height * 1.15;
  /** @type {{large: Rect[], strip: Rect[]}} */
  let best = { large: [], strip: [] };
  for (const share of STRIPS) {
    const depth = upright ? uprightStrip(area, share) : Math.min(Math.max(area.width * share, 150), area.width * 0.5);
    const large = upright ? { ...area, height: area.height - depth - GAP } : { ...area, width: area.width - depth - GAP };
    const small = upright ? { ...area, y: area.y + area.height - depth, height: depth } : { ...area, x: area.x + area.width - depth, width: depth };
    best = { large: grid(mains, large), strip: grid(smalls, small, MIN_SMALL) };
    if (foot(best.strip, area.height) <= area.height + 1) break;
  }
  return best;
}

/**
 * On an upright stage a wide picture leaves room below, which the strip takes.
 * @param {Rect} area
 * @param {number} share
 */
function uprightStrip(area, share) {
  return Math.min(area.height * Math.max(0.42, share), Math.max(area.height - area.width / WIDE - GAP, area.height * share));
}

/**
 * Equal tiles, as large as they can be, the last row centred.
 * @param {number} count
 * @param {Rect} area
 * @param {number} [narrowest]  px
 * @returns {Rect[]}
 */
export function grid(count, area, narrowest = MIN_TILE) {
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const tile = tileFor(columns, Math.ceil(count / columns), area);
    if (tile.width * tile.height > best.width * best.height) best = { columns, ...tile };
  }
  const least = Math.min(narrowest, area.width);
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
