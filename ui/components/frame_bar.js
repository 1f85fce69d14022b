// The bar at the bottom of a phone: the pages that one needs most, and the menu with all of them.
export default {
  template: `
    <nav class="t-bottom" aria-label="Quick navigation">
      <a v-for="page in pages" :key="page.path" :href="page.path" :aria-current="page.path === current ? 'page' : undefined">
        <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#' + page.icon"/></svg>
        <span>{{ page.title }}</span>
      </a>
      <button type="button" data-menu aria-controls="t-menu" aria-expanded="false">
        <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#menu'"/></svg>
        <span>Menu</span>
      </button>
    </nav>`,
  props: { pages: Array, current: String, icons: String },
};
