// Makes HTML and SVG elements. Text is always text: nothing from outside is parsed as HTML.
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(name, String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const el = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
export const svg = (name, attributes = {}, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

export const OUTCOMES = ["approved", "review", "refused"];

/** Fill of an outcome's area: a colour and a texture, so that colour is never the only sign. */
export const outcomeFill = (outcome) => ({ class: `area-${outcome}`, fill: `url(#texture-${outcome})` });

const GLYPHS = {
  approved: "M3.5 8.5l3 3 6-7",
  review: "M8 3.5v5.5M8 11.6v.9",
  refused: "M4 4l8 8M12 4l-8 8",
};

/** The sign of an outcome: a tick, an exclamation mark, a cross. */
export function glyph(outcome) {
  return svg("svg", { class: "glyph", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: GLYPHS[outcome] ?? GLYPHS.review }));
}

/** The three textures, once for the page. */
export function textures() {
  const pattern = (outcome, ...lines) =>
    svg("pattern", { id: `texture-${outcome}`, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      svg("rect", { class: `fill-${outcome}`, width: 6, height: 6 }), ...lines);
  const line = (outcome, at) => svg("rect", { class: `line-${outcome}`, ...at });
  return svg("svg", { class: "textures", width: 0, height: 0, "aria-hidden": "true", focusable: "false" },
    svg("defs", {},
      pattern("approved"),
      pattern("review", line("review", { width: 2, height: 6 })),
      pattern("refused", line("refused", { width: 1.2, height: 6 }), line("refused", { width: 6, height: 1.2 }))));
}

/** `text` with what is between backticks as code. */
export function withCommands(text) {
  return text.split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part));
}
