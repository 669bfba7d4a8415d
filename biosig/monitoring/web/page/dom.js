// Elements in one line. Text is always text: nothing that comes from a record or a network is parsed as HTML.

export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** Change text only where it differs: a screen reader must not hear the same again, nor a browser lay it out. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** 3725 -> "1:02:05". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value) => String(value).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

export const fixed = (value, digits = 0) => (value == null || Number.isNaN(value) ? "--" : value.toFixed(digits));

/** Gives the colours that the style sheet has, by name, where an element stands. */
export function colourAt(element) {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(name).trim();
}
