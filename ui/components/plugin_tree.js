// The page of a plugin: its tree, followed over a WebSocket of its own and drawn with the parts of our pages.
import { AskDialog } from "toru_dialog";
import { PageLink, StillLink } from "page_link";
import { Children } from "page_node";
import { PageTree } from "page_tree";
import { go } from "toru_address";
import { toast } from "toru_toast";
import "page_kinds";

const PATIENCE = 3000; // milliseconds without a tree after which words are due

export default {
  components: { AskDialog, Children },
  template: `
    <div class="p-page">
      <div class="m-notice" role="status">
        <div v-if="lost" class="t-notice warn">
          <svg class="t-icon" viewBox="0 0 24 24" aria-hidden="true"><use :href="icons + '#unplug'"/></svg>
          <span>The connection is lost. What is shown here stands still. Trying again …</span>
        </div>
        <p v-else-if="late && !shown" class="t-sub p-late">{{ label }} has not shown its page yet.</p>
      </div>
      <div v-if="!shown" class="t-loading" role="status" aria-label="Loading"><div v-for="row in 4" :key="row" class="t-skeleton"></div></div>
      <div v-else class="p-column" :class="{ stale: lost }"><Children :node="tree.top"/></div>
      <AskDialog ref="asking"/>
    </div>`,
  props: {
    plugin: String, label: String, icons: String, look: Object,
    still: Object, // a tree that is shown in place of a plugin's, and what is answered to its nodes
    replies: Object,
  },
  provide() {
    return {
      icons: this.icons,
      chartLook: this.look,
      page: { send: this.send, ask: (question) => this.$refs.asking.ask(question), off: () => this.lost || !this.connected },
    };
  },
  data() {
    return { lost: false, connected: false, shown: false, late: false };
  },
  created() {
    this.tree = new PageTree();
  },
  mounted() {
    this.patience = setTimeout(() => { this.late = true; }, PATIENCE);
    const events = { tree: this.show, patches: (patches) => this.tree.patch(patches), waiting: () => this.show(null), state: this.turn };
    this.link = this.still ? new StillLink(this.still, this.replies ?? {}, events) : new PageLink(this.plugin, events);
  },
  beforeUnmount() {
    clearTimeout(this.patience);
    this.link.close();
  },
  methods: {
    show(root) {
      this.tree.show(root);
      this.shown = root !== null;
    },
    turn(state) {
      this.connected = state === "open";
      this.lost = state === "lost";
    },
    async send(node, event, value) {
      const reply = await this.link.send(node, event, value);
      if (reply.message) toast(reply.message, reply.ok ? reply.kind : "error", this.icons);
      if (reply.go) go(reply.go);
      return reply;
    },
  },
};
