// A plugin's page: its document in a frame. What it asks of the page around comes out as events.
export default {
  template: `<div class="t-plugin-view"><iframe ref="frame" :src="src" :title="label" @load="loaded"></iframe></div>`,
  props: { src: String, label: String },
  emits: ["navigate", "toast"],
  mounted() {
    const frame = this.$refs.frame;
    for (const name of ["navigate", "toast"]) {
      frame.addEventListener(`toru-plugin:${name}`, (event) => this.$emit(name, event.detail));
    }
    frame.addEventListener("toru-plugin:stranger", () => window.toruSession.check());
  },
  beforeUnmount() {
    this.document()?.toruUnmount?.();
  },
  methods: {
    loaded() {
      // Without a session the frame is led to the sign-in page, which no frame may show.
      if (!this.document()?.toruUnmount) window.toruSession.check();
    },
    document() {
      try {
        const inside = this.$refs.frame.contentWindow;
        return inside.document ? inside : null;
      } catch {
        return null; // the browser's own error page is of another origin
      }
    },
  },
};
