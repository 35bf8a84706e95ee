// The page's icons, 24 by 24, drawn with strokes in the current text colour.

/** @type {Record<string, string>} */
const PATHS = {
  mic: 'M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3M9 21h6',
  'mic-off': 'M9 9.500V11a3 3 0 0 0 4.700 2.500M15 10.500V6a3 3 0 0 0-5.800-1.100M5 11a7 7 0 0 0 11.200 5.600M19 11a7 7 0 0 1-.6 2.800M12 18v3M9 21h6M4 4l16 16',
  camera: 'M5.500 6h7A2.500 2.500 0 0 1 15 8.500v7a2.500 2.500 0 0 1-2.500 2.500h-7A2.500 2.500 0 0 1 3 15.500v-7A2.500 2.500 0 0 1 5.500 6zM15 10.800l6-3.300v9l-6-3.300',
  'camera-off': 'M6 6h-.5A2.500 2.500 0 0 0 3 8.500v7A2.500 2.500 0 0 0 5.500 18h7a2.500 2.500 0 0 0 2.300-1.500M10.500 6h2A2.500 2.500 0 0 1 15 8.500v2.300l6-3.300v9l-2.500-1.400M4 4l16 16',
  screen: 'M5 4h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM8 20h8M12 16v4M12 13V7.500M9.500 10 12 7.500l2.500 2.500',
  'screen-stop': 'M5 4h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM8 20h8M12 16v4M9.800 7.800l4.400 4.400M14.200 7.800l-4.400 4.400',
  people: 'M9 4.800a3.200 3.200 0 1 1 0 6.400 3.200 3.200 0 0 1 0-6.400zM3 19.500a6 6 0 0 1 12 0M16 5.200a3.200 3.200 0 0 1 0 5.600M17.500 14.200a6 6 0 0 1 3.500 5.300',
  settings: 'M4 7h9M17 7h3M15 5a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM4 17h3M11 17h9M9 15a2 2 0 1 1 0 4 2 2 0 0 1 0-4z',
  help: 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM9.400 9.300a2.700 2.700 0 1 1 3.900 2.600c-.9.4-1.300 1-1.300 1.900M12 16.900v.1',
  info: 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM12 11v5.500M12 7.700v.1',
  pulse: 'M3 12.500h4l2.600-7 4.600 13 2.600-6H21',
  leave: 'M14 4H6.500A1.500 1.500 0 0 0 5 5.500v13A1.500 1.500 0 0 0 6.500 20H14M10 12h10.500M17 8.500l3.500 3.500-3.500 3.500',
  lock: 'M7 11h10a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2v-5a2 2 0 0 1 2-2zM8 11V8a4 4 0 0 1 8 0v3',
  close: 'M6 6l12 12M18 6 6 18',
  warning: 'M12 4 21 20H3zM12 10.500v4M12 17.300v.1',
  sound: 'M4 10v4h3.500L12 18V6l-4.500 4zM15.500 9.200a4 4 0 0 1 0 5.600M18 6.500a8 8 0 0 1 0 11',
};

/**
 * A decorative icon; the button around it carries the name.
 * @param {string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(document.createElementNS('http://www.w3.org/2000/svg', 'path'));
  setIcon(svg, name);
  return svg;
}

/**
 * @param {SVGSVGElement} svg
 * @param {string} name
 */
export function setIcon(svg, name) {
  svg.firstElementChild?.setAttribute('d', PATHS[name] ?? '');
}
