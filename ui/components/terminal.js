// A terminal that follows one run: xterm, its tools, the key bar of phones, and what it says about its connection.
import { FitAddon, Terminal } from "nicegui-xterm";
import { guard, pasteable } from "terminal_guard";
import { Link } from "terminal_link";
import { Search, textOf } from "terminal_search";
import { loadResource } from "../../static/utils/resources.js";

const NARROW = 600; // pixels, from which on down the letters are smaller
const KEYS = [
  { name: "Esc", keys: "\x1b" },
  { name: "Tab", keys: "\t" },
  { name: "Ctrl" },
  { name: "Left", sign: "←", arrow: "D" },
  { name: "Down", sign: "↓", arrow: "B" },
  { name: "Up", sign: "↑", arrow: "A" },
  { name: "Right", sign: "→", arrow: "C" },
];
const NOTES = {
  lost: "Connection lost, trying again …",
  "signed-out": "Your session has ended.",
  missing: "This run is not kept any more.",
};

const template = `
<section class="term t-dark" :class="{ 'term--full': full, 'term--writable': typing }" :aria-label="label" :data-link="state">
  <header class="term-head">
    <div class="term-title"><slot></slot></div>
    <div class="term-tools" role="group" aria-label="Output">
      <button type="button" class="term-tool" :aria-pressed="searching" aria-label="Search output" title="Search" @click="toggleSearch">
        <svg aria-hidden="true"><use :href="icons + '#search'" /></svg>
      </button>
      <button type="button" class="term-tool" :aria-label="copied ? 'Copied' : 'Copy output'" title="Copy" @click="copy">
        <svg aria-hidden="true"><use :href="icons + (copied ? '#check' : '#copy')" /></svg>
      </button>
      <a v-if="download" class="term-tool" :href="download" download aria-label="Download output" title="Download">
        <svg aria-hidden="true"><use :href="icons + '#download'" /></svg>
      </a>
      <button type="button" class="term-tool" :aria-pressed="full" aria-label="Full screen" title="Full screen" @click="toggleFull">
        <svg aria-hidden="true"><use :href="icons + (full ? '#minimize-2' : '#maximize-2')" /></svg>
      </button>
      <slot name="tools"></slot>
    </div>
  </header>
  <form v-if="searching" class="term-search" role="search" @submit.prevent="find(1)" @keydown.esc.prevent="toggleSearch">
    <input ref="query" v-model="query" type="search" aria-label="Search in output" placeholder="Search output"
      autocapitalize="off" autocomplete="off" spellcheck="false" @input="find(1, true)" @keydown.enter.shift.prevent="find(-1)" />
    <output class="term-count">{{ count }}</output>
    <button type="button" class="term-tool" aria-label="Previous match" @click="find(-1)">
      <svg aria-hidden="true"><use :href="icons + '#chevron-up'" /></svg>
    </button>
    <button type="submit" class="term-tool" aria-label="Next match"><svg aria-hidden="true"><use :href="icons + '#chevron-down'" /></svg></button>
    <button type="button" class="term-tool" aria-label="Close search" @click="toggleSearch">
      <svg aria-hidden="true"><use :href="icons + '#x'" /></svg>
    </button>
  </form>
  <div class="term-body">
    <div ref="screen" class="term-screen"></div>
    <p v-if="placeholder" class="term-empty">{{ placeholder }}</p>
    <button v-if="!atEnd" type="button" class="term-end" @click="toEnd">
      <svg aria-hidden="true"><use :href="icons + '#arrow-down-to-line'" /></svg>Jump to end
    </button>
  </div>
  <div class="term-note" role="status">
    <template v-if="note"><span>{{ note }}</span> <a v-if="state === 'signed-out'" :href="signIn">Sign in</a></template>
  </div>
  <div v-if="typing" class="term-keys" role="toolbar" aria-label="Keys">
    <button v-for="key in keys" :key="key.name" type="button" class="term-key" :aria-label="key.sign ? key.name : null"
      :aria-pressed="key.name === 'Ctrl' ? control : null" @mousedown.prevent @click="press(key)">{{ key.sign || key.name }}</button>
    <button type="button" class="term-key" aria-label="Paste" @mousedown.prevent @click="paste">
      <svg aria-hidden="true"><use :href="icons + '#clipboard-paste'" /></svg>
    </button>
  </div>
  <dialog ref="clipboard" class="term-paste" aria-label="Paste into the terminal" @close="pasted">
    <form method="dialog">
      <textarea ref="pasteBox" aria-label="Text to paste" placeholder="Paste here" rows="4" autocapitalize="off" spellcheck="false"></textarea>
      <div><button class="term-key" value="">Cancel</button><button class="term-key term-key--main" value="paste">Insert</button></div>
    </form>
  </dialog>
</section>`;

export default {
  template,
  props: {
    options: Object,
    resourcePath: String,
    colours: Object,
    socket: String,
    download: String,
    icons: String,
    label: String,
    writable: Boolean,
    backlog: Number, // bytes that were written before this page was built: questions in them are not answered
    quiet: String, // what stands there while nothing has been written
  },
  data: () => ({
    keys: KEYS,
    state: "connecting",
    slow: false, // not connected for long enough to say so
    full: false,
    searching: false,
    query: "",
    found: { at: 0, count: 0 },
    atEnd: true,
    empty: true,
    control: false,
    copied: false,
  }),
  computed: {
    typing() {
      return this.writable && !["ended", "signed-out", "missing"].includes(this.state);
    },
    note() {
      if (this.state === "connecting" || this.state === "lost") return this.slow ? NOTES.lost : "";
      return NOTES[this.state] ?? "";
    },
    placeholder() {
      if (!this.empty) return "";
      return this.state === "ended" ? "It wrote nothing." : this.quiet;
    },
    count() {
      if (!this.query) return "";
      return this.found.count ? `${this.found.at} of ${this.found.count}` : "None";
    },
    signIn() {
      return "/login?next=" + encodeURIComponent(location.pathname + location.search);
    },
  },
  watch: {
    typing() {
      this.allowTyping();
    },
    state(state) {
      clearTimeout(this.slowness);
      this.slow &&= state !== "open";
      if (state === "lost" || state === "connecting") this.slowness = setTimeout(() => (this.slow = true), 1500);
    },
  },
  async mounted() {
    this.leaving = new AbortController();
    await this.$nextTick(); // window.path_prefix is set by then
    await loadResource(window.path_prefix + `${this.resourcePath}/xterm.css`);
    if (!this.leaving.signal.aborted) this.start();
  },
  beforeUnmount() {
    this.leaving.abort();
    clearTimeout(this.slowness);
    document.documentElement.classList.remove("term-open");
    this.link?.close();
    this.sizes?.disconnect();
    this.terminal?.dispose();
  },
  methods: {
    start() {
      const terminal = new Terminal({
        ...this.options,
        fontFamily: getComputedStyle(this.$el).getPropertyValue("--mono") || "monospace",
        fontSize: this.options.fontSize - (window.innerWidth < NARROW ? 1 : 0),
      });
      this.terminal = terminal;
      this.parsed = 0;
      terminal.loadAddon((this.fitting = new FitAddon()));
      guard(terminal, () => this.typing && this.parsed >= this.backlog);
      this.search = new Search(terminal, this.colours);
      terminal.open(this.$refs.screen);
      this.allowTyping();
      terminal.attachCustomKeyEventHandler((event) => this.key(event));
      terminal.onData((keys) => this.type(keys));
      terminal.onBinary((keys) => this.type(Uint8Array.from(keys, (sign) => sign.charCodeAt(0))));
      terminal.onResize(() => this.tellSize());
      terminal.onWriteParsed(() => this.written());
      this.listen();
      this.fit();
      this.link = new Link(this.socket, 0, {
        bytes: (bytes, parsed) => this.write(bytes, parsed),
        skipped: (count) => this.skipped(count),
        exit: () => this.ended(),
        state: (state) => {
          this.state = state;
          if (state === "open") this.tellSize();
          if (state === "signed-out") window.toruSession?.check();
        },
      });
    },
    listen() {
      const { signal } = this.leaving;
      const { screen } = this.$refs;
      this.sizes = new ResizeObserver(() => {
        clearTimeout(this.fitter);
        this.fitter = setTimeout(() => this.fit(), 60);
      });
      this.sizes.observe(screen);
      screen.querySelector(".xterm-viewport").addEventListener("scroll", () => this.look(), { signal, passive: true });
      screen.addEventListener("paste", (event) => this.pasteEvent(event), { signal, capture: true });
      screen.addEventListener("focusin", () => this.tellSize(), { signal });
      for (const change of ["resize", "scroll"])
        window.visualViewport?.addEventListener(change, () => this.fill(), { signal });
    },

    // what comes from the run
    write(bytes, parsed) {
      this.empty = false;
      const old = Math.max(0, Math.min(bytes.length, this.backlog - (this.link.offset - bytes.length)));
      if (old) this.terminal.write(bytes.subarray(0, old), () => (this.parsed += old));
      this.terminal.write(bytes.subarray(old), () => {
        this.parsed += bytes.length - old;
        parsed();
      });
    },
    skipped(count) {
      this.empty = false;
      const size = new Intl.NumberFormat(undefined, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 });
      const text = ` … ${size.format(count / 1e6)} left out here, the download has all … `;
      // CAN ends a sequence that the gap has cut
      this.terminal.write(`\x18\x1b[0m\r\n\x1b[7m${text}\x1b[0m\r\n`, () => (this.parsed = this.link.offset));
    },
    ended() {
      this.terminal.write("\x18\x1b[0m\x1b[?9;1000;1002;1003;1004;2004l", () => {
        if (this.terminal.buffer.active.type === "alternate") this.terminal.write("\x1b[?1049l");
      });
    },
    written() {
      if (!this.typing && this.terminal.modes.mouseTrackingMode !== "none")
        this.terminal.write("\x1b[?9;1000;1002;1003l"); // a reader's mouse selects
      this.look();
    },
    look() {
      const { viewportY, baseY } = this.terminal.buffer.active;
      this.atEnd = viewportY >= baseY;
    },
    toEnd() {
      this.terminal.scrollToBottom();
      this.look();
    },

    // what goes to the run
    allowTyping() {
      const { terminal, typing } = this;
      if (!terminal) return;
      terminal.options.disableStdin = !typing;
      terminal.options.cursorInactiveStyle = typing ? "outline" : "none";
      terminal.textarea.readOnly = !typing;
      terminal.textarea.inputMode = typing ? "text" : "none";
      terminal.textarea.ariaLabel = typing ? "Terminal input, Shift+F6 leaves it" : "Terminal output";
    },
    type(keys) {
      if (!this.typing) return;
      if (this.control && typeof keys === "string" && keys.length === 1) {
        this.control = false;
        keys = withControl(keys);
      }
      this.link.type(keys);
    },
    press(key) {
      if (key.name === "Ctrl") this.control = !this.control;
      else this.type(key.arrow ? this.arrow(key.arrow) : key.keys);
      this.terminal.focus();
    },
    arrow(letter) {
      if (this.control) {
        this.control = false;
        return `\x1b[1;5${letter}`;
      }
      return (this.terminal.modes.applicationCursorKeysMode ? "\x1bO" : "\x1b[") + letter;
    },
    tellSize() {
      if (this.typing) this.link?.resize(this.terminal.cols, this.terminal.rows);
    },
    key(event) {
      if (event.type !== "keydown") return true;
      const { terminal } = this;
      if (event.shiftKey && event.key === "F6") return leave(this.$el);
      if (event.ctrlKey && event.key.toLowerCase() === "c" && terminal.hasSelection()) return this.copyKey(event);
      if (event.ctrlKey && event.key.toLowerCase() === "v") return false; // the browser pastes
      if (event.ctrlKey && event.shiftKey && event.key.toLowerCase() === "f") return this.searchKey(event);
      if (this.typing) return true;
      const scroll = {
        ArrowUp: () => terminal.scrollLines(-1),
        ArrowDown: () => terminal.scrollLines(1),
        PageUp: () => terminal.scrollPages(-1),
        PageDown: () => terminal.scrollPages(1),
        Home: () => terminal.scrollToTop(),
        End: () => terminal.scrollToBottom(),
      }[event.key];
      if (scroll) event.preventDefault();
      scroll?.();
      return false; // the rest is the browser's
    },
    searchKey(event) {
      event.preventDefault();
      if (!this.searching) this.toggleSearch();
      return false;
    },
    copyKey(event) {
      event.preventDefault();
      this.copy();
      this.terminal.clearSelection();
      return false;
    },
    pasteEvent(event) {
      event.preventDefault();
      event.stopPropagation();
      this.insert(event.clipboardData?.getData("text/plain") ?? "");
    },
    async paste() {
      try {
        this.insert(await navigator.clipboard.readText());
      } catch {
        this.$refs.pasteBox.value = ""; // not allowed, or no clipboard without https
        this.$refs.clipboard.showModal();
      }
    },
    pasted() {
      const { clipboard, pasteBox } = this.$refs;
      if (clipboard.returnValue === "paste") this.insert(pasteBox.value);
      clipboard.returnValue = "";
    },
    insert(text) {
      if (text && this.typing) this.terminal.paste(pasteable(text));
      this.terminal.focus();
    },

    // tools
    async copy() {
      const text = this.terminal.getSelection() || textOf(this.terminal);
      await copyText(text, this.$el);
      this.copied = true;
      setTimeout(() => (this.copied = false), 1600);
    },
    async toggleSearch() {
      this.searching = !this.searching;
      await this.$nextTick();
      if (this.searching) this.$refs.query.focus();
      else this.search.clear();
    },
    find(step, fresh = false) {
      if (fresh) this.terminal.clearSelection();
      this.found = this.search.find(this.query, fresh ? -1 : step); // the newest match first
    },
    async toggleFull() {
      this.full = !this.full;
      document.documentElement.classList.toggle("term-open", this.full);
      this.fill();
      await this.$nextTick();
      this.terminal.focus();
    },
    /** In full screen the terminal takes what the keyboard of a phone leaves. */
    fill() {
      const { style } = this.$el;
      const view = this.full && window.visualViewport;
      style.height = view ? `${view.height}px` : "";
      style.top = view ? `${view.offsetTop}px` : "";
    },
    fit() {
      const { screen } = this.$refs;
      if (!screen?.isConnected || !screen.clientWidth || !screen.clientHeight) return;
      const { atEnd } = this;
      this.fitting.fit();
      if (atEnd) this.toEnd();
    },

    // what ui.xterm offers
    getRows() {
      return this.terminal.rows;
    },
    getColumns() {
      return this.terminal.cols;
    },
  },
};

function withControl(sign) {
  const code = sign.toUpperCase().charCodeAt(0);
  if (sign === " ") return "\0";
  if (sign === "?") return "\x7f";
  return code >= 64 && code < 96 ? String.fromCharCode(code & 31) : sign;
}

function leave(element) {
  element.querySelector(".term-tool").focus();
  return false;
}

async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const box = document.createElement("textarea"); // the clipboard of pages without https
    box.value = text;
    box.className = "term-offscreen";
    near.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
}
