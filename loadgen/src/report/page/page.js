// Shows one of the two languages; the first time the one the browser asks for.
const buttons = [...document.querySelectorAll('.languages button')];
const show = (code) => {
  for (const part of document.querySelectorAll('main, .skip')) part.hidden = part.lang !== code;
  for (const button of buttons) button.setAttribute('aria-pressed', String(button.value === code));
  document.documentElement.lang = code;
  document.title = document.querySelector(`main[lang="${code}"]`).dataset.title;
};
for (const button of buttons) button.addEventListener('click', () => show(button.value));
show(navigator.language.startsWith('da') ? 'da' : 'en');
