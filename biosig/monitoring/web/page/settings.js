// What whoever sits before this screen has chosen; kept by the browser, told to nobody.

const CSS_PX_PER_MM = 96 / 25.4;
const KEY = "biosig-page";
const ZOOMS = [0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3];

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

class Settings extends EventTarget {
  #kept = { zoom: 1, screen: 1, who: "", paper: true, hours: 1, montage: "recorded", ...kept() };

  #keep(changes) {
    Object.assign(this.#kept, changes);
    localStorage.setItem(KEY, JSON.stringify(this.#kept));
    this.dispatchEvent(new Event("change"));
  }

  /** Pixels of the style sheet per millimetre of glass: exact once the screen was measured. */
  get pixelsPerMm() {
    return CSS_PX_PER_MM * this.#kept.screen;
  }

  get zoom() {
    return this.#kept.zoom;
  }

  zoomBy(steps) {
    const at = ZOOMS.indexOf(this.zoom);
    this.#keep({ zoom: ZOOMS[Math.max(0, Math.min(ZOOMS.length - 1, (at < 0 ? 2 : at) + steps))] });
  }

  zoomOne() {
    this.#keep({ zoom: 1 });
  }

  /** How much longer a ruler's 50 mm are than those on this screen. */
  get screen() {
    return this.#kept.screen;
  }

  set screen(factor) {
    this.#keep({ screen: Math.max(0.5, Math.min(2.5, factor)) });
  }

  get who() {
    return this.#kept.who;
  }

  set who(name) {
    this.#keep({ who: name.slice(0, 40) });
  }

  get paper() {
    return this.#kept.paper;
  }

  set paper(light) {
    this.#keep({ paper: light });
  }

  get montage() {
    return this.#kept.montage;
  }

  set montage(name) {
    this.#keep({ montage: name });
  }

  get hours() {
    return this.#kept.hours;
  }

  set hours(hours) {
    this.#keep({ hours });
  }
}

export const settings = new Settings();
