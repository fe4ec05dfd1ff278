/* Puts the pages of the book behind each other in this one: title, contents, then every page's article.
   `pages` are {name, html}, in reading order. Links between pages become links inside the document. */
(pages) => {
  const site = new URL(".", location.href);
  const key = (name, id) => `${name.replaceAll("/", "--")}--${id}`;
  const make = (tag, name, ...inside) => {
    const made = document.createElement(tag);
    made.className = name;
    made.append(...inside);
    return made;
  };
  const known = new Set(pages.map((page) => page.name));

  function link(anchor, from) {
    const given = anchor.getAttribute("href");
    if (!given || /^mailto:/.test(given)) { return; }
    const to = new URL(given, from);
    const name = decodeURIComponent(to.pathname.slice(site.pathname.length)).replace(/\.html$/, "");
    if (to.protocol === site.protocol && to.host === site.host) {
      if (known.has(name)) { anchor.setAttribute("href", "#" + key(name, to.hash.slice(1))); }
      else { anchor.removeAttribute("href"); }
    }
  }

  function clips(article, name) {
    article.querySelectorAll("[clip-path]").forEach((shape) => {
      shape.setAttribute("clip-path", shape.getAttribute("clip-path").replace("#", "#" + key(name, "")));
    });
    article.querySelectorAll("clipPath").forEach((clip) => { clip.id = key(name, clip.id); });
  }

  function chapter({ name, html }) {
    const from = new URL(name + ".html", site), page = new DOMParser().parseFromString(html, "text/html");
    const article = page.querySelector("article.bd-article");
    article.querySelectorAll("script, noscript, .headerlink, .dti-narrow, .dti-filter").forEach((one) => one.remove());
    article.querySelectorAll("img[src]").forEach((image) => { image.src = new URL(image.getAttribute("src"), from); });
    article.querySelectorAll("a").forEach((anchor) => link(anchor, from));
    clips(article, name);
    article.querySelectorAll("[id]").forEach((one) => {
      if (!one.closest("svg")) { one.id = key(name, one.id); }
    });
    article.id = key(name, "");
    article.classList.add("dti-chapter");
    return document.adoptNode(article);
  }

  function entry(heading, id, level) {
    const anchor = make("a", "", make("span", "dti-contents-title", heading.textContent.trim()), make("span", "dti-contents-page"));
    anchor.setAttribute("href", "#" + id);
    return make("li", level, anchor);
  }

  const title = document.querySelector(".logo__title").textContent.trim();
  const by = (document.querySelector(".component-author")?.textContent || "").trim();
  const question = pages.length ? "An executable review" : "";
  const chapters = pages.map(chapter);
  const contents = chapters.flatMap((article) => {
    const [first, ...rest] = article.querySelectorAll("h1, h2");
    return [entry(first, article.id, "dti-contents-chapter"), ...rest.map((heading) => {
      heading.id = heading.id || key(article.id, "part-" + heading.textContent.trim().replace(/\W+/g, "-"));
      return entry(heading, heading.id, "dti-contents-part");
    })];
  });
  const front = make("div", "dti-title-page", make("p", "dti-title", title), make("p", "", question), make("p", "", by));
  const list = make("nav", "dti-contents", make("h1", "", "Contents"), make("ol", "", ...contents));
  const column = make("div", "bd-article-container", front, make("div", "bd-article", list), ...chapters);
  document.body.replaceChildren(make("div", "bd-main dti-whole", make("div", "bd-content", column)));
  document.head.append(make("style", "", "@page { size: A4; }"));
  document.title = title;
  document.dispatchEvent(new Event("dti-changed"));
}
