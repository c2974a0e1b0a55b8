// The search index is the heaviest part of every page, and few readers search: the theme's request for it waits until one
// turns to the search. From the disk the theme loads a script instead, and nothing waits.

{
  const { open, send } = XMLHttpRequest.prototype;
  const asked = new URLSearchParams(location.search).has("q"); // a link to a search
  const wanted = new Promise((resolve) => {
    if (asked) resolve();
    document.addEventListener("focusin", ({ target }) => target.closest('form[name="search"]') && resolve());
  });
  const waiting = new WeakSet();

  XMLHttpRequest.prototype.open = function (method, address, ...more) {
    if (String(address).endsWith("/search_index.json")) waiting.add(this);
    return open.call(this, method, address, ...more);
  };
  XMLHttpRequest.prototype.send = function (body) {
    if (waiting.has(this)) wanted.then(() => send.call(this, body));
    else send.call(this, body);
  };
}
