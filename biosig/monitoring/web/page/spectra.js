// What an EEG is made of: powers of the classic bands now, and the spectrum of the last minute.

import { el, say } from "./dom.js";

const WINDOW_S = 2;
const STEP_S = 0.5;
const SHOWN_S = 60;
const TOP_HZ = 30;
const RANGE_DB = [-12, 26]; // of 1 µV²/Hz
const HEIGHT = 120;

/** Bands in Hz, as the IFCN glossary (2017, doi:10.1016/j.cnp.2017.07.002) divides them. */
const BANDS = [["δ", "delta", 0.5, 4], ["θ", "theta", 4, 8], ["α", "alpha", 8, 13], ["β", "beta", 13, 30]];

/** Colours from low to high power: dark to light in even steps, so that they are told apart without hues. */
const COLOURS = [[8, 12, 20], [32, 33, 84], [72, 40, 124], [140, 62, 134], [206, 92, 116], [243, 143, 92], [252, 205, 120], [252, 252, 210]];

export class Spectra {
  constructor(bed) {
    this.bed = bed;
    this.bars = BANDS.map(([letter, name, low, high]) => {
      const bar = el("i");
      const share = el("b");
      return { bar, share, element: el("li", {}, el("span", { title: `${name}, ${low} to ${high} Hz` }, letter), el("div", {}, bar), share) };
    });
    this.canvas = el("canvas", { class: "spectrogram", role: "img", "aria-label": `Spectrum of the last ${SHOWN_S} seconds, 0 to ${TOP_HZ} hertz, mean of all channels` });
    this.element = el("section", { class: "spectra", "aria-label": "Spectrum" },
      el("div", { class: "bands" }, el("h3", {}, "Bands, share of 0.5 to 30 Hz"), el("ul", {}, ...this.bars.map((bar) => bar.element))),
      el("div", { class: "gram" }, el("h3", {}, `Spectrum, mean of channels, last ${SHOWN_S} s`), this.canvas, el("div", { class: "hertz", "aria-hidden": "true" }, `${TOP_HZ} Hz`, el("span", {}, "0"))));
    this.columns = [];
    this.done = NaN;
  }

  draw(head) {
    const { ring } = this.bed;
    if (ring.end === null || Number.isNaN(head)) return;
    const first = Math.max(ring.first / ring.fs + WINDOW_S, head - SHOWN_S);
    if (ring.version !== this.version || !(this.done >= first - STEP_S)) {
      this.version = ring.version;
      this.columns = [];
      this.done = Math.ceil(first / STEP_S) * STEP_S - STEP_S;
    }
    let fresh = false;
    // a few at a time: what came before the page was opened must not hold up the pen
    for (let few = 0; few < 6 && this.done + STEP_S <= head; few++) {
      this.done += STEP_S;
      this.columns.push(this.#spectrum(Math.round(this.done * ring.fs)));
      fresh = true;
    }
    if (!fresh) return;
    this.columns.splice(0, this.columns.length - SHOWN_S / STEP_S);
    this.#paint();
    this.#tell(this.columns.at(-1));
  }

  /** Mean power of the channels in µV²/Hz up to TOP_HZ, Hann window; null where samples are missing in all of them. */
  #spectrum(end) {
    const { ring } = this.bed;
    const n = Math.round(WINDOW_S * ring.fs);
    const size = 2 ** Math.ceil(Math.log2(n));
    const bins = Math.ceil((TOP_HZ * size) / ring.fs) + 1;
    const sum = new Float64Array(bins);
    let used = 0;
    for (const row of ring.rows) {
      const real = new Float64Array(size);
      const imaginary = new Float64Array(size);
      let whole = true;
      let weight = 0;
      for (let i = 0; i < n; i++) {
        const value = row[(end - n + i) % ring.size];
        const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / n);
        weight += hann * hann;
        real[i] = 1000 * value * hann;
        whole &&= !Number.isNaN(value);
      }
      if (!whole) continue;
      transform(real, imaginary);
      for (let bin = 0; bin < bins; bin++) sum[bin] += (2 * (real[bin] ** 2 + imaginary[bin] ** 2)) / (weight * ring.fs);
      used++;
    }
    return used ? { power: sum.map((power) => power / used), hz: ring.fs / size } : null;
  }

  #paint() {
    const { canvas, columns } = this;
    const count = SHOWN_S / STEP_S;
    const bins = Math.max(2, ...columns.map((column) => column?.power.length ?? 0));
    canvas.width = count;
    canvas.height = bins - 1;
    canvas.style.height = `${HEIGHT}px`;
    const context = canvas.getContext("2d");
    const image = context.createImageData(count, bins - 1);
    for (const [i, column] of columns.entries()) {
      const x = count - columns.length + i;
      for (let bin = 1; column && bin < bins; bin++) {
        const at = 4 * ((bins - 1 - bin) * count + x);
        image.data.set([...colourOf(10 * Math.log10(column.power[bin] + 1e-9)), 255], at);
      }
    }
    context.putImageData(image, 0, 0);
  }

  #tell(column) {
    const powers = BANDS.map(([, , low, high]) => {
      if (!column) return NaN;
      return column.power.reduce((sum, power, bin) => sum + (bin * column.hz >= low && bin * column.hz < high ? power : 0), 0);
    });
    const all = powers.reduce((sum, power) => sum + power, 0);
    for (const [i, { bar, share }] of this.bars.entries()) {
      const part = powers[i] / all;
      bar.style.width = Number.isNaN(part) ? "0" : `${100 * part}%`;
      say(share, Number.isNaN(part) ? "--" : `${Math.round(100 * part)} %`);
    }
  }
}

function colourOf(decibels) {
  const [low, high] = RANGE_DB;
  const place = Math.max(0, Math.min(0.9999, (decibels - low) / (high - low))) * (COLOURS.length - 1);
  const [from, to] = [COLOURS[Math.floor(place)], COLOURS[Math.floor(place) + 1]];
  return from.map((value, i) => value + (to[i] - value) * (place % 1));
}

/** Fourier transform in place, radix 2 (Cooley and Tukey 1965, doi:10.2307/2003354). */
function transform(real, imaginary) {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j |= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let length = 2; length <= n; length *= 2) {
    for (let k = 0; k < length / 2; k++) {
      const cosine = Math.cos((-2 * Math.PI * k) / length);
      const sine = Math.sin((-2 * Math.PI * k) / length);
      for (let i = k; i < n; i += length) {
        const j = i + length / 2;
        const [a, b] = [real[j] * cosine - imaginary[j] * sine, real[j] * sine + imaginary[j] * cosine];
        [real[j], imaginary[j]] = [real[i] - a, imaginary[i] - b];
        [real[i], imaginary[i]] = [real[i] + a, imaginary[i] + b];
      }
    }
  }
}
