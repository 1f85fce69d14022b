// A card: a surface with an optional head; the slot "actions" stands at the right of it.
export default {
  template: `
    <section class="t-card" :aria-label="label || undefined">
      <header v-if="head" class="t-card-head">
        <div v-if="icon" class="t-tile">
          <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icon"/></svg>
        </div>
        <div class="t-card-titles"><h2>{{ label }}</h2><p v-if="subtitle" class="t-sub">{{ subtitle }}</p></div>
        <div v-if="$slots.actions" class="t-card-actions"><slot name="actions"></slot></div>
      </header>
      <slot></slot>
    </section>`,
  props: { label: String, subtitle: String, head: Boolean, icon: String },
};
