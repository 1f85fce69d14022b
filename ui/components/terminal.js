// A terminal that follows one run: xterm, its tools, the key bar of phones, and what it says about its connection.
import { FitAddon, Terminal } from "nicegui-xterm";
import { copyText, pasteable } from "terminal_clipboard";
import { guard } from "terminal_guard";
import { KEYS, arrowKeys, scrollByKey, withControl } from "terminal_keys";
import { Link } from "terminal_link";
import { Search, textOf } from "terminal_search";
import { template } from "terminal_template";
import { loadResource } from "../../static/utils/resources.js";

const NARROW = 600; // pixels, from which on down the letters are smaller
const NOTES = {
  lost: "Connection lost, trying again …",
  "signed-out": "Your session has ended.",
  missing: "This run is not kept any more.",
};

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
    nothing: String, // what stands there when it ended without output
    gone: Boolean, // whether nothing of its output is kept
  },
  data: () => ({
    keys: KEYS,
    state: "connecting",
    slow: false, // not connected for long enough to say so
    refusal: "", // why the keys just pressed did not reach the script
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
      return NOTES[this.state] ?? this.refusal;
    },
    placeholder() {
      if (!this.empty) return "";
      return this.state === "ended" ? this.nothing : "Nothing written yet.";
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
      this.typed = -Infinity;
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
        refused: (sentence) => this.refused(sentence),
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
      screen.querySelector(".xterm-viewport").addEventListener("scroll", () => this.scrolled(), { signal, passive: true });
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
      if (this.gone) return;
      this.empty = false;
      const size = new Intl.NumberFormat(undefined, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 });
      const text = ` … ${size.format(count / 1e6)} left out here; what is kept of it is in the download … `;
      const { offset } = this.link;
      // CAN ends a sequence that the gap has cut
      this.terminal.write(`\x18\x1b[0m\r\n\x1b[7m${text}\x1b[0m\r\n`, () => (this.parsed = offset));
    },
    ended() {
      this.terminal.write("\x18\x1b[0m\x1b[?9;1000;1002;1003;1004;2004l", () => {
        if (this.terminal.buffer.active.type === "alternate") this.terminal.write("\x1b[?1049l");
      });
    },
    refused(sentence) {
      if (performance.now() - this.typed > 2000) return; // about a size, not about keys
      clearTimeout(this.refusing);
      this.refusal = sentence;
      this.refusing = setTimeout(() => (this.refusal = ""), 5000);
    },
    written() {
      if (!this.typing && this.terminal.modes.mouseTrackingMode !== "none")
        this.terminal.write("\x1b[?9;1000;1002;1003l"); // a reader's mouse selects
      this.look();
    },
    scrolled() {
      // until the rows fit a new height, it is the browser that scrolls, not the reader
      if (this.$refs.screen.clientHeight === this.fitted) this.look();
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
      this.typed = performance.now();
      this.link.type(keys);
    },
    press(key) {
      if (key.name !== "Ctrl") return this.type(key.arrow ? this.arrow(key.arrow) : key.keys);
      this.control = !this.control;
      this.terminal.focus(); // the phone's keyboard has what comes next
    },
    arrow(letter) {
      const { control } = this;
      this.control = false;
      return arrowKeys(letter, { control, application: this.terminal.modes.applicationCursorKeysMode });
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
      scrollByKey(terminal, event);
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
      this.look();
    },
    toggleFull() {
      this.full = !this.full;
      document.documentElement.classList.toggle("term-open", this.full);
      this.fill();
      if (matchMedia("(hover: hover)").matches) this.terminal.focus(); // it would open a phone's keyboard
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
      this.fitting.fit();
      this.fitted = screen.clientHeight;
      if (this.atEnd) this.terminal.scrollToBottom();
      this.look();
    },
  },
};

function leave(element) {
  element.querySelector(".term-tool").focus();
  return false;
}
