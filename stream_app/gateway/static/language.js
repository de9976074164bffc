// The page's language: words, numbers, dates. The choice is remembered; at first the browser's preference counts.
import english from "./words/en.js";
import french from "./words/fr.js";
import englishTerms from "./words/terms_en.js";
import frenchTerms from "./words/terms_fr.js";

const WORDS = { en: english, fr: french };
const TERMS = { en: englishTerms, fr: frenchTerms };
const listeners = [];
let current = remembered() ?? (navigator.language?.startsWith("fr") ? "fr" : "en");

function remembered() {
  try {
    const language = localStorage.getItem("board.language");
    return language in WORDS ? language : null;
  } catch {
    return null;
  }
}

/** The text of `key`, its {names} filled in. With a number `n` the plural form is chosen where there is one. */
export function t(key, values = {}) {
  const form = `${key}.${new Intl.PluralRules(current).select(values.n ?? 0)}`;
  const words = WORDS[current];
  const text = words[key] ?? words[form] ?? words[`${key}.other`] ?? key;
  const shown = typeof values.n === "number" ? { ...values, n: number(values.n) } : values;
  return text.replace(/\{(\w+)\}/g, (whole, name) => shown[name] ?? whole);
}

/** The text for a name in the data, and its language if that is not the page's. */
export function term(name) {
  const known = TERMS[current][name];
  if (known !== undefined) return { text: known };
  const text = /^[a-z0-9_]+$/i.test(name) ? name.replaceAll("_", " ") : name;
  return current === "en" ? { text } : { text, lang: "en" };
}

/** The reader's own variety of the page's language (en-GB, fr-CA), for numbers and dates. */
const locale = () => navigator.languages?.find((language) => language.startsWith(current)) ?? current;

export const number = (value) => new Intl.NumberFormat(locale()).format(value);

/** 0.0682 as 6.8 %. */
export function percent(share, { most = 1, least = most } = {}) {
  return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: most, minimumFractionDigits: least }).format(share);
}

/** Digits that keep a probability apart from the cut-offs beside it: rounded to the same figure, it would seem past it. */
export function digitsApart(share, edges) {
  const same = (edge, digits) => edge !== share && percent(edge, { most: digits }) === percent(share, { most: digits });
  return [1, 2, 3].find((digits) => !edges.some((edge) => same(edge, digits))) ?? 4;
}

/** For axes: without trailing zeros. */
export const roundPercent = (share) => percent(share, { least: 0 });

export const decimal = (value, most = 2, least = 0) =>
  new Intl.NumberFormat(locale(), { maximumFractionDigits: most, minimumFractionDigits: least }).format(value);

export function time(instant) {
  return new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(new Date(instant));
}

export function dateTime(instant) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium" }).format(new Date(instant));
}

const WINDOW_SHAPES = [
  [/^\d{4}-\d\d$/, (id) => `${id}-01T00:00Z`, { month: "short", year: "numeric" }],
  [/^\d{4}-\d\d-\d\d$/, (id) => `${id}T00:00Z`, { day: "numeric", month: "short", year: "numeric" }],
  [/^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/, (id) => id, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }],
];

/** A window's id as people write it: 2006-03 as Mar 2006. Windows lie in UTC. */
export function windowName(id) {
  for (const [shape, instant, options] of WINDOW_SHAPES) {
    if (shape.test(id)) return new Intl.DateTimeFormat(locale(), { ...options, timeZone: "UTC" }).format(new Date(instant(id)));
  }
  return id;
}

export function onLanguage(listener) {
  listeners.push(listener);
}

function translatePage() {
  document.documentElement.lang = current;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll("[data-aria-label]")) node.setAttribute("aria-label", t(node.dataset.ariaLabel));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === current));
  }
}

function choose(chosen) {
  current = chosen;
  try { localStorage.setItem("board.language", chosen); } catch { /* private mode: it holds until the page is left */ }
  translatePage();
  listeners.forEach((listener) => listener());
}

export function startLanguage() {
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => choose(button.dataset.language));
  }
  translatePage();
}
