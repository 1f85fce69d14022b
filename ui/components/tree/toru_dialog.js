// A question before something is done: `await ask({text, action, danger})` is true once its button was pressed.
export const AskDialog = {
  template: `
    <dialog ref="dialog" class="t-dialog p-ask" :aria-labelledby="name" @close="closed" @click.self="$refs.dialog.close()">
      <div class="t-dialog-head"><h2 :id="name">{{ question.action }}?</h2></div>
      <div class="t-dialog-body"><p>{{ question.text }}</p></div>
      <div class="t-dialog-foot">
        <button type="button" class="t-btn plain" autofocus @click="$refs.dialog.close()">Cancel</button>
        <button type="button" class="t-btn" :class="question.danger ? 'danger' : 'primary'" @click="$refs.dialog.close('yes')">{{ question.action }}</button>
      </div>
    </dialog>`,
  data() {
    return { question: {}, name: "q" + Math.random().toString(36).slice(2) };
  },
  beforeUnmount() {
    this.answer?.(false);
  },
  methods: {
    async ask(question) {
      this.answer?.(false);
      this.question = question;
      await this.$nextTick();
      const { dialog } = this.$refs;
      dialog.returnValue = "";
      if (!dialog.open) dialog.showModal();
      return new Promise((resolve) => {
        this.answer = resolve;
      });
    },
    closed() {
      this.answer?.(this.$refs.dialog.returnValue === "yes");
      this.answer = null;
    },
  },
};
