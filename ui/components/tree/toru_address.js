// Where links of plugins may lead: http(s), or a path of ours. Everything else is no link.
const OWN = /^\/(?![/\\])[^\s\\]*$/; // two slashes would begin another server's name
const LONGEST = 2048;

export function isOwn(href) {
  return typeof href === "string" && href.length <= LONGEST && OWN.test(href);
}

/** The attributes of `<a>` for an address that is good, else null. */
export function safeLink(href) {
  if (isOwn(href)) return href.startsWith("/api/") ? { href, target: "_blank", rel: "noopener" } : { href };
  if (typeof href !== "string" || href.length > LONGEST || !/^https?:\/\/[^\s\\]+$/i.test(href)) return null;
  const known = URL.canParse(href) && ["http:", "https:"].includes(new URL(href).protocol);
  return known ? { href, target: "_blank", rel: "noopener noreferrer" } : null;
}

/** Opens a page of ours in place, as a press on its link does. */
export function go(path) {
  if (!isOwn(path)) return;
  const link = Object.assign(document.createElement("a"), { href: path, hidden: true });
  link.setAttribute("href", path);
  document.body.append(link);
  link.click();
  link.remove();
}
