// What the person holds: the relay lets no screen be shared from phones and tablets.

/** @returns {'desktop'|'mobile'} */
export function device() {
  const { userAgent, maxTouchPoints } = navigator;
  const brands = /** @type {{mobile?: boolean}|undefined} */ (/** @type {any} */ (navigator).userAgentData);
  // Tablets by Apple call themselves computers, but computers by Apple have no touch screen.
  const tablet = /Macintosh/.test(userAgent) && maxTouchPoints > 1;
  return brands?.mobile || tablet || /Android|iPhone|iPad|iPod|Mobile|Tablet/.test(userAgent) ? 'mobile' : 'desktop';
}
