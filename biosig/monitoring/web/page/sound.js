// Sound of alarms: bursts of pulses as IEC 60601-1-8:2006+A1:2012, 6.3.3.1, tables 3 and 4, has them by priority.
// There is none until somebody turns it on: browsers demand a key or a click. Seconds throughout.
// The standard measures pulses and spaces between the instants of 90 % of the loudness, here pulses last from where
// they begin to rise to where they begin to fall: its pulses are 0.8 rises shorter than these, its spaces as much longer.

const X = 0.1; // space between pulses of high priority; table 3: 0.05 to 0.125
const Y = 0.2; // of the others; 0.125 to 0.25
const HIGH_PULSE = 0.15; // table 4: 0.075 to 0.2
const PULSE = 0.2; // 0.125 to 0.25
const GROUP = [X, X, 2 * X + HIGH_PULSE, X]; // three pulses, then two
const GROUPS_APART = 0.5; // 0.35 to 1.3
const RISE = 0.15; // share of a pulse, which also falls so; from 10 to 90 % of the loudness, 10 to 20 % of the standard's pulse
const PITCH_HZ = 261.6; // of the note that the standard's general melody has; 150 to 1000 Hz
const PARTIALS = [1, 0.9, 0.8, 0.7, 0.6, 0.5]; // of the pitch itself and five harmonics; four at least, within 15 dB
const LOUDNESS = 0.5;

/** By priority: length of a pulse, spaces between the pulses of a burst, and silence before the next burst. */
export const BURSTS = {
  high: { pulse: HIGH_PULSE, spaces: [...GROUP, GROUPS_APART, ...GROUP], silence: 5 }, // 2.5 to 15
  medium: { pulse: PULSE, spaces: [Y, Y], silence: 10 }, // 2.5 to 30
  low: { pulse: PULSE, spaces: [Y], silence: 20 }, // more than 15
};

/** When each pulse of a burst begins. */
export function beginnings({ pulse, spaces }) {
  return spaces.reduce((all, space) => [...all, all.at(-1) + pulse + space], [0]);
}

/** Let a loudness go through the pulses of a burst that begins at an instant. */
export function shape(loudness, burst, at) {
  const rise = RISE * burst.pulse;
  for (const begin of beginnings(burst).map((one) => at + one)) {
    loudness.setValueAtTime(0, begin).linearRampToValueAtTime(LOUDNESS, begin + rise);
    loudness.setValueAtTime(LOUDNESS, begin + burst.pulse).linearRampToValueAtTime(0, begin + burst.pulse + rise);
  }
}

/** What is heard in pulses: one tone with its harmonics. */
export function tone(context) {
  const source = new OscillatorNode(context, { frequency: PITCH_HZ });
  source.setPeriodicWave(context.createPeriodicWave(new Float32Array(PARTIALS.length + 1), new Float32Array([0, ...PARTIALS])));
  return source;
}

class Sound extends EventTarget {
  #context = null;
  #playing = null;
  #timer = 0;
  #wanted = "";

  /** off, on, or blocked: turned on, but the browser does not play it. */
  get state() {
    if (!this.#context) return "off";
    return this.#context.state === "running" ? "on" : "blocked";
  }

  /** The priority that is sounding, "" = none. */
  get sounding() {
    return this.state === "on" ? this.#wanted : "";
  }

  /** Turn sound on, which one burst of low priority lets hear where no alarm does, or off. */
  async toggle() {
    const context = this.#context;
    if (context) {
      this.#hush();
      this.#context = null;
      await context.close();
    } else {
      this.#context = new AudioContext();
      this.#context.addEventListener("statechange", () => {
        this.#begin();
        this.#tell();
      });
      await this.#context.resume();
    }
    this.#tell();
  }

  /** Let a priority sound from now on, "" = none. */
  want(priority) {
    if (priority === this.#wanted) return;
    this.#wanted = priority;
    this.#hush();
    if (priority && this.state === "on") this.#burst();
    this.#tell();
  }

  #begin() {
    this.#hush();
    if (this.state !== "on") return;
    if (this.#wanted) this.#burst();
    else this.#play(BURSTS.low);
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }

  #burst() {
    const burst = BURSTS[this.#wanted];
    this.#timer = setTimeout(() => this.#burst(), 1000 * (this.#play(burst) + burst.silence));
  }

  /** One burst, and how long it lasts. */
  #play(burst) {
    const context = this.#context;
    const source = tone(context);
    const volume = new GainNode(context, { gain: 0 });
    shape(volume.gain, burst, context.currentTime + 0.05);
    source.connect(volume).connect(context.destination);
    const length = beginnings(burst).at(-1) + burst.pulse;
    source.start();
    source.stop(context.currentTime + length + 1);
    this.#playing = source;
    return length;
  }

  #hush() {
    clearTimeout(this.#timer);
    this.#playing?.stop();
    this.#playing = null;
  }
}

export const sound = new Sound();
