// A patient's last minute of samples as they are shown, and the pen that writes them at an even pace.

const KEEP_S = 75;
const HIGH_PASS_HZ = 0.5; // what bedside monitors show by default; the scorer never sees it

const MILLIVOLTS = { V: 1000, mV: 1, uV: 0.001, µV: 0.001, μV: 0.001, nV: 1e-6 };

export class Ring {
  constructor(card) {
    this.fs = card.fs;
    this.channels = card.channels;
    this.size = Math.ceil(KEEP_S * card.fs);
    this.rows = card.channels.map(() => new Float32Array(this.size).fill(NaN));
    this.average = new Float32Array(this.size).fill(NaN); // of all channels, for montages
    this.toMillivolts = card.units.map((unit) => MILLIVOLTS[unit] ?? 1);
    this.keep = 1 / (1 + (2 * Math.PI * HIGH_PASS_HZ) / card.fs);
    this.pen = new Pen();
    this.clear();
  }

  clear() {
    this.first = this.end = null; // numbers of the first sample kept and of the one that comes next
    this.memory = this.channels.map(() => ({ input: NaN, output: 0 }));
    this.version = (this.version ?? 0) + 1; // whoever draws begins anew when it changes
  }

  add(header, samples) {
    const [, n] = header.shape;
    if (!n) return;
    const start = Math.round(header.start_s * this.fs);
    if (header.reset || this.end === null || start < this.end || start - this.end > this.size) {
      this.clear();
      this.first = this.end = start;
    }
    while (this.end < start) this.#skip();
    for (let channel = 0; channel < this.rows.length; channel++) {
      this.#filter(channel, samples.subarray(channel * n, (channel + 1) * n));
    }
    this.#mean(n);
    this.end += n;
    this.first = Math.max(this.first, this.end - this.size);
    this.pen.hear(this.end / this.fs, n / this.fs);
  }

  #mean(n) {
    for (let i = this.end; i < this.end + n; i++) {
      const values = this.rows.map((row) => row[i % this.size]).filter((value) => !Number.isNaN(value));
      this.average[i % this.size] = values.reduce((sum, value) => sum + value, 0) / values.length;
    }
  }

  /** Samples of a row of a montage: a channel, less another one or the average. */
  reader(channel, minus) {
    const row = this.rows[channel];
    const other = minus === "average" ? this.average : this.rows[minus];
    return other ? (i) => row[i % this.size] - other[i % this.size] : (i) => row[i % this.size];
  }

  #skip() {
    for (const row of [...this.rows, this.average]) row[this.end % this.size] = NaN;
    this.end++;
  }

  #filter(channel, samples) {
    const row = this.rows[channel];
    const memory = this.memory[channel];
    const scale = this.toMillivolts[channel];
    for (let i = 0; i < samples.length; i++) {
      const input = samples[i] * scale;
      if (Number.isNaN(input)) {
        memory.input = NaN;
        row[(this.end + i) % this.size] = NaN;
        continue;
      }
      memory.output = Number.isNaN(memory.input) ? 0 : this.keep * (memory.output + input - memory.input);
      memory.input = input;
      row[(this.end + i) % this.size] = memory.output;
    }
  }
}

/** Samples come in pieces of a second; the pen writes them evenly, a piece behind, at the pace they come. */
class Pen {
  #arrivals = [];
  #head = NaN;
  #movedAt = NaN;
  #end = NaN;
  #piece = 1;
  rate = 1;

  hear(end, piece) {
    const now = performance.now() / 1000;
    if (!(end > this.#end)) this.#arrivals = [];
    this.#end = end;
    if (this.#arrivals.length) this.#piece = piece;
    this.#arrivals.push([now, end]);
    if (this.#arrivals.length > 16) this.#arrivals.shift();
    const [begun, from] = this.#arrivals[0];
    if (now - begun > 0.2) this.rate = (end - from) / (now - begun);
  }

  /** Seconds of signal that are written by now. */
  head() {
    const now = performance.now() / 1000;
    const target = Math.max(this.#piece * 1.2, this.rate * 0.25);
    const waiting = this.#end - this.#head;
    if (!(waiting >= 0) || waiting > target + Math.max(this.#piece, 3 * this.rate)) {
      this.#head = this.#end - Math.min(target, this.#piece * 1.2);
    } else {
      const hurry = 1 + Math.max(-0.6, Math.min(0.6, (waiting - target) / (2 * target)));
      const passed = Math.min(0.5, now - this.#movedAt);
      this.#head = Math.min(this.#end, this.#head + passed * this.rate * hurry);
    }
    this.#movedAt = now;
    return this.#head;
  }

  /** Seconds of signal that came but are not written yet. */
  get waiting() {
    return this.#end - this.#head;
  }
}
