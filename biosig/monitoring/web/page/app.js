// The page: routes, keys, banners, and one clock that draws everything.

import { AlarmBar, MARKS, inStep, named } from "./alarms.js";
import { BedView } from "./bed.js";
import { say } from "./dom.js";
import { Link } from "./link.js";
import { settings } from "./settings.js";
import { sound } from "./sound.js";
import { Wall } from "./wall.js";
import { Ward, silent } from "./ward.js";

const STUCK_S = 5;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const byId = (id) => document.getElementById(id);

const link = new Link();
const ward = new Ward();
let view = null;

const actions = {
  link,
  show: (patients, trends) => link.show(patients, trends),
  acknowledge: (patient, alarm = "") => order({ do: "acknowledge", patient, alarm }, `acknowledged ${alarm ? named(alarm) : "all alarms"} of ${patient}`),
  pause: (patient, alarm, seconds) =>
    order({ do: "pause", patient, alarm, for_s: seconds }, `${seconds ? "paused" : "resumed"} ${alarm ? named(alarm) : "alarms"} of ${patient}`),
  calibrate: () => byId("ruler").showModal(),
};

async function order(what, done) {
  const error = await link.ask({ ...what, who: settings.who });
  tell(error ? `Not done: ${error}` : done, Boolean(error));
}

/** Say what came of an action, to eyes and screen readers. */
function tell(text, wrong = false) {
  const said = byId("said");
  said.textContent = text;
  said.classList.toggle("wrong", wrong);
  said.classList.add("fresh");
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => said.classList.remove("fresh"), 5000);
}

// --- routes

function route() {
  const [, bedName] = location.hash.match(/^#\/bed\/(.+)$/) ?? [];
  const bed = bedName && ward.beds.get(decodeURIComponent(bedName));
  if (!bed && !location.hash.startsWith("#/")) history.replaceState(null, "", "#/");
  const back = view?.chosen;
  view?.close();
  view = bed ? new BedView(ward, bed, actions) : new Wall(ward, actions);
  byId("view").replaceChildren(view.element);
  view.mount(back);
}

// --- what the monitor tells

link.addEventListener("message", ({ detail: { header, samples } }) => ward.hear(header, samples));
window.addEventListener("hashchange", () => ward.beds.size && route());
ward.addEventListener("hello", route);
ward.addEventListener("bed", () => view?.rearrange?.());
ward.addEventListener("status", ({ detail }) => {
  if (view instanceof Wall || detail.patient === view?.chosen) view.update(detail.patient);
  banner();
  inStep();
});
ward.addEventListener("history", () => view?.trends?.update());
ward.addEventListener("alarm", ({ detail }) => {
  if (detail.event === "raised") cry(detail);
  if (detail.patient === view?.chosen) view.log?.();
});
ward.addEventListener("notice", ({ detail }) => detail.patient === view?.chosen && view.log?.());
ward.addEventListener("ward", trouble);
link.addEventListener("state", trouble);

/** Let screen readers hear a new alarm at once. */
function cry(alarm) {
  const line = `${alarm.priority} priority${alarm.technical ? ", technical" : ""}: ${alarm.patient}, ${named(alarm.alarm)}`;
  (alarm.priority === "low" ? byId("murmured") : byId("cried")).textContent = line;
}

const loudest = new AlarmBar("ward", true);
loudest.element.setAttribute("role", "presentation");
byId("loudest").append(loudest.element);

/** The most urgent alarm of the whole ward, and the window's title. */
function banner() {
  const rank = { high: 0, medium: 1, low: 2 };
  const all = [...ward.beds.values()].flatMap((bed) => (bed.status?.alarms ?? []).map((alarm) => ({ ...alarm, patient: bed.name })));
  const elsewhere = view instanceof BedView ? all.filter((alarm) => alarm.patient !== view.chosen) : all;
  const loud = elsewhere.filter((alarm) => !silent(alarm)).sort((a, b) => rank[a.priority] - rank[b.priority] || a.technical - b.technical);
  const rest = elsewhere.length ? "every alarm has been seen" : "no alarms";
  loudest.show(loud, elsewhere === all ? rest : `other beds: ${rest}`);
  byId("loudest").href = loud.length ? `#/bed/${encodeURIComponent(loud[0].patient)}` : "#/";
  const [first] = all.filter((alarm) => !silent(alarm)).sort((a, b) => rank[a.priority] - rank[b.priority] || a.technical - b.technical);
  loudness();
  document.title = first ? `${MARKS[first.priority]} ${first.patient} ${named(first.alarm)}` : "biosig monitor";
}

const stuck = () => link.state === "alive" && ward.idle > STUCK_S;

/** Let the most urgent alarm that nobody has seen be heard; a page that hears nothing of the ward is an alarm itself. */
function loudness() {
  const alarms = [...ward.beds.values()].flatMap((bed) => bed.status?.alarms ?? []).filter((alarm) => !silent(alarm));
  const wanted = new Set(alarms.map((alarm) => alarm.priority));
  if (stuck() || ["silent", "lost", "refused"].includes(link.state)) wanted.add("medium");
  sound.want(link.state === "ended" ? "" : (["high", "medium", "low"].find((priority) => wanted.has(priority)) ?? ""));
}

/** What is wrong with the whole: then nothing shown may be taken for the present. */
function trouble() {
  const at = link.since.toLocaleTimeString([], { hour12: false });
  const lines = {
    connecting: "Connecting to the monitor …",
    silent: `Nothing from the monitor since ${at}. What is shown is old.`,
    lost: `No connection to the monitor since ${at}. What is shown is old.`,
    refused: "The monitor was started anew. Open the link that it printed.",
    ended: "The monitor has ended. What is shown is its last state.",
  };
  const told = [lines[link.state], stuck() ? "The monitor is stuck: it does not take in any signal." : ""];
  if (ward.trouble) told.push(`Not stored: ${ward.trouble}`);
  for (const reason of ward.refused) told.push(`Not watched: ${reason}`);
  const text = told.filter(Boolean).join("  ");
  const box = byId("trouble");
  say(box, text);
  box.hidden = !text;
  document.body.classList.toggle("stale", link.state !== "alive");
  byId("link").dataset.state = link.state;
  say(byId("link"), link.state === "alive" ? "live" : link.state);
  loudness();
}

// --- keys

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("dialog")) return;
  if (event.key !== "Escape" && event.target.closest("input, select")) return;
  if (view?.key(event) || press(event.key)) event.preventDefault();
});

function press(key) {
  const keys = {
    a: () => view.chosen && actions.acknowledge(view.chosen),
    p: () => view.togglePause?.(),
    n: () => (settings.paper = !settings.paper),
    "+": () => settings.zoomBy(1),
    "=": () => settings.zoomBy(1),
    "-": () => settings.zoomBy(-1),
    0: () => settings.zoomOne(),
    s: () => sound.toggle(),
    "?": () => byId("help").showModal(),
  };
  const act = keys[key.length === 1 ? key.toLowerCase() : key];
  act?.();
  return Boolean(act);
}

settings.addEventListener("change", () => view?.arrange());
window.addEventListener("resize", () => view?.arrange());
sound.addEventListener("change", () => {
  const button = byId("sound");
  button.setAttribute("aria-pressed", String(sound.state === "on"));
  button.dataset.sounding = sound.sounding;
  say(button.querySelector("span"), `Sound ${sound.state}`);
});
byId("sound").addEventListener("click", () => sound.toggle());
byId("ask").addEventListener("click", () => byId("help").showModal());
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector("button.close").addEventListener("click", () => dialog.close());
}
byId("who").value = settings.who;
byId("who").addEventListener("change", (event) => (settings.who = event.target.value.trim()));
byId("fifty").addEventListener("input", (event) => (settings.screen = Number(event.target.value)));
byId("fifty").value = String(settings.screen);
settings.addEventListener("change", () => (byId("bar50").style.width = `${50 * settings.pixelsPerMm}px`));
byId("bar50").style.width = `${50 * settings.pixelsPerMm}px`;

// --- drawing

let drawnAt = 0;
function frame(now) {
  // with reduced motion, signal comes in steps of a second instead of running
  if (!still.matches || now - drawnAt >= 1000) {
    drawnAt = now;
    view?.draw();
  }
  requestAnimationFrame(frame);
}
requestAnimationFrame(frame);

setInterval(() => say(byId("clock"), new Date().toLocaleTimeString([], { hour12: false })), 500);
trouble();
link.open();
