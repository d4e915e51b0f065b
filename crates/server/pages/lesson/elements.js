// Elements of pages. Text is only ever set as text.

export const $ = (id) => document.getElementById(id);
export function make(name, parent, text, className) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  if (parent) parent.append(element);
  return element;
}
const SVG = "http://www.w3.org/2000/svg";
export function draw(name, parent, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}
export const visible = (symbol) => symbol === null ? "end" : symbol === " " ? "\u2423" : symbol === "\n" ? "\u21b5" : symbol;
export const percent = (share) => (100 * share).toFixed(1) + " %";
export const short = (number) => String(Number(number.toFixed(2)));
export const whole = (number) => Math.round(number).toLocaleString("en");
export const later = (wait, work) => { let timer = 0; return () => { clearTimeout(timer); timer = setTimeout(work, wait); }; };
