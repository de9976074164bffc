// The dashboard: builds its panels, keeps them live, and shows when the gateway cannot be reached.
import { drawDecisions } from "./decisions.js";
import { drawDrift } from "./charts/heat.js";
import { drawFigures } from "./figures.js";
import { drawHistogram } from "./charts/histogram.js";
import { drawOutcomes } from "./charts/outcomes.js";
import { drawPerformance } from "./charts/performance.js";
import { drawRejections } from "./rejections.js";
import { onLanguage, startLanguage, t, time } from "./language.js";
import { Live } from "./live.js";
import { textures, withCommands } from "./nodes.js";
import { Panel } from "./panel.js";
import { getJson, Refused, rememberKey } from "./reach.js";
import { TryClient } from "./try_client.js";

const WINDOW_SECONDS = 10;
const WINDOWED = { outcomes: "board/outcomes", performance: "board/performance", drift: "board/drift" };
const CONNECTION_TEXT = { live: "connection.live", polling: "connection.polling", lost: "connection.lost", wait: "connection.wait" };

const byId = (id) => document.getElementById(id);
const seen = {};

document.body.append(textures());
startLanguage();

const panels = {
  figures: new Panel(byId("figures"), drawFigures),
  histogram: new Panel(byId("histogram"), drawHistogram),
  rejections: new Panel(byId("rejections"), drawRejections),
  decisions: new Panel(byId("decisions"), drawDecisions),
  outcomes: new Panel(byId("outcomes"), drawOutcomes),
  performance: new Panel(byId("performance"), drawPerformance),
  drift: new Panel(byId("drift"), drawDrift),
};
const tryClient = new TryClient({ onNotAllowed: askForKey, onDecided: refreshWindows });

/** The state, histogram and decisions that arrived; `trouble`: the error of one that did not. */
function onParts(parts, trouble) {
  Object.assign(seen, parts);
  const { state, histogram, decisions } = seen;
  if (trouble) liveTrouble(trouble);
  if (state) {
    panels.figures.show(state);
    panels.rejections.show({ rejections: state.rejections });
  }
  if (histogram) panels.histogram.show({ histogram, policy: state?.policy });
  if (decisions) panels.decisions.show({ decisions: decisions.slice(0, 10), policy: state?.policy });
  tryClient.knows(seen);
  showBanner();
}

function liveTrouble(error) {
  for (const name of ["figures", "histogram", "rejections", "decisions"]) panels[name].trouble(error);
  if (error instanceof Refused && error.status === 401) askForKey();
}

const connection = { how: "wait", lostAt: null };

function onConnection(how) {
  if (how === "lost" && connection.how !== "lost") connection.lostAt = new Date();
  const back = connection.how === "lost" && how !== "lost";
  connection.how = how;
  showConnection();
  showBanner();
  if (back) refreshWindows();
}

function showConnection() {
  byId("connection").dataset.state = connection.how;
  setText(byId("connection-text"), t(CONNECTION_TEXT[connection.how], { seconds: 3 }));
  byId("connection-text").dataset.text = CONNECTION_TEXT[connection.how];
}

/** Only if it differs: a screen reader reads a live region again whenever it is set. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function bannerText() {
  if (connection.how === "lost") return t("banner.lost", { time: time(connection.lostAt) });
  if (seen.state?.operational === false) return t("banner.degraded", { why: seen.state.why_not ?? t("banner.degraded.why") });
  return "";
}

function showBanner() {
  const banner = byId("banner"), text = byId("key-form").hidden ? bannerText() : "";
  if (banner.dataset.text === text) return;
  banner.dataset.text = text;
  banner.hidden = !text;
  banner.replaceChildren(...withCommands(text));
}

function askForKey() {
  if (!byId("key-form").hidden) return;
  byId("key-form").hidden = false;
  showBanner();
}

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  rememberKey(byId("key").value.trim());
  location.reload();
});

async function refreshWindows() {
  await Promise.all(Object.entries(WINDOWED).map(async ([name, path]) => {
    try { panels[name].show((await getJson(path)).body); } catch (error) { panels[name].trouble(error); }
  }));
}

async function watchWindows() {
  for (;;) {
    if (!document.hidden) await refreshWindows();
    await new Promise((done) => setTimeout(done, WINDOW_SECONDS * 1000));
  }
}

onLanguage(() => {
  Object.values(panels).forEach((panel) => panel.redraw({ force: true }));
  tryClient.languageChanged();
  showConnection();
  showBanner();
});

new Live({ onParts, onConnection }).run();
watchWindows();
