// The same radio buttons as in the header, for use within a page.
export { default } from "/static/theme_choice.js";
