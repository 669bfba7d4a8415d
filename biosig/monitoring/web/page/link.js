// The connection to the monitor: comes back by itself, and says when what is shown is old.

import { VERSION, unpack } from "./wire.js";

const SILENT_MS = 3500; // the monitor gives a sign of life each second
const PING_MS = 5000;
const LONGEST_WAIT_MS = 5000;

export class Link extends EventTarget {
  #socket = null;
  #asked = new Map();
  #next = 1;
  #heardAt = -Infinity;
  #wait = 250;
  #show = null;
  state = "connecting"; // connecting, alive, silent, lost, refused, ended
  since = new Date();
  roundTripMs = NaN;

  open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/live`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => this.#hear(event.data);
    socket.onclose = () => this.#lose();
    this.#socket = socket;
    if (!this.watching) {
      this.watching = setInterval(() => this.#watch(), 500);
      setInterval(() => this.#ping(), PING_MS);
    }
  }

  #hear(data) {
    this.#heardAt = performance.now();
    const [header, samples] = unpack(data);
    if (header.kind === "hello") {
      if (header.version !== VERSION) location.reload();
      this.#wait = 250;
      this.#turn("alive");
    }
    if (this.state === "silent") this.#turn("alive");
    if (header.kind === "bye") this.#turn("ended");
    if (header.kind === "answer") {
      const settle = this.#asked.get(header.id);
      this.#asked.delete(header.id);
      settle?.(header.error ?? "");
    } else {
      this.dispatchEvent(new CustomEvent("message", { detail: { header, samples } }));
    }
    if (header.kind === "hello") {
      if (this.#show) this.ask(this.#show);
      this.#ping();
    }
  }

  #lose() {
    for (const settle of this.#asked.values()) settle("the connection was lost; it is not known whether this was done");
    this.#asked.clear();
    if (this.state === "ended") return;
    this.#turn("lost");
    setTimeout(() => this.#again(), this.#wait);
    this.#wait = Math.min(LONGEST_WAIT_MS, this.#wait * 2);
  }

  async #again() {
    // a monitor that was started anew has another token: the socket would be refused without a word
    try {
      const answer = await fetch("/", { cache: "no-store" });
      if (answer.status === 401) {
        this.#turn("refused");
        return;
      }
      this.open();
    } catch {
      setTimeout(() => this.#again(), this.#wait);
    }
  }

  #watch() {
    if (this.state === "alive" && performance.now() - this.#heardAt > SILENT_MS) this.#turn("silent");
  }

  async #ping() {
    if (this.state !== "alive") return;
    const begun = performance.now();
    if (!(await this.ask({ do: "ping" }))) {
      this.roundTripMs = performance.now() - begun;
      this.dispatchEvent(new Event("pinged"));
    }
  }

  #turn(state) {
    if (state === this.state) return;
    this.state = state;
    this.since = new Date();
    this.dispatchEvent(new Event("state"));
  }

  /** Ask the monitor; resolves with what went wrong, "" = nothing. */
  ask(what) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return Promise.resolve("no connection to the monitor; nothing was done");
    const id = this.#next++;
    return new Promise((settle) => {
      this.#asked.set(id, settle);
      this.#socket.send(JSON.stringify({ ...what, id }));
    });
  }

  /** Whose samples are wanted from now on, through every reconnection. */
  show(patients, trends = false) {
    this.#show = { do: "show", patients, trends };
    this.ask(this.#show);
  }
}
