// What a component with a box of lines mixes in (`ref="lines"`, `@scroll.passive="scrolled"`): its end stays in view
// until somebody scrolls up, and `toEnd()` leads back.
const NEAR = 40; // pixels from the end that still count as the end

export const EndFollowing = {
  data() {
    return { atEnd: true };
  },
  methods: {
    scrolled() {
      const box = this.$refs.lines;
      this.atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    },
    async toEnd() {
      await this.$nextTick();
      const box = this.$refs.lines;
      if (!box) return;
      box.scrollTop = box.scrollHeight;
      this.atEnd = true;
    },
  },
};
