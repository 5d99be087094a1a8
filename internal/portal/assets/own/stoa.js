// What is live and what is quicker by keyboard. Everything here has a plain
// link or form below it: without this file every page reads and works.
(() => {
  'use strict';
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);

  // Times grow old while one looks at them.
  const span = (s) => {
    if (s >= 86400) { const d = Math.floor(s / 86400); return d === 1 ? '1 day' : d + ' days'; }
    if (s >= 3600) return Math.floor(s / 3600) + ' h';
    if (s >= 60) return Math.floor(s / 60) + ' min';
    return Math.floor(s) + ' s';
  };
  const age = () => {
    for (const t of $$('time[datetime]')) {
      if (!/ ago$|^just now$/.test(t.textContent)) continue;
      const s = (Date.now() - Date.parse(t.dateTime)) / 1000;
      if (s >= 0 && s < 60 * 86400) t.textContent = s < 5 ? 'just now' : span(s) + ' ago';
    }
  };
  setInterval(age, 10000);

  // Copy.
  document.addEventListener('click', async (e) => {
    const button = e.target.closest('[data-copy]');
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.classList.add('copied');
      setTimeout(() => button.classList.remove('copied'), 1500);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(button.previousElementSibling);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
    }
  });

  // The switch goes to the other of what is shown, also where the system chose.
  for (const form of $$('[data-theme-form]')) {
    form.addEventListener('submit', (e) => {
      e.preventDefault();
      const root = document.documentElement;
      const to = root.dataset.bsTheme === 'dark' ? 'light' : 'dark';
      form.elements.to.value = to;
      root.dataset.bsTheme = root.dataset.theme = to;
      fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)), redirect: 'manual', keepalive: true });
    });
  }

  // Menus close when one goes on elsewhere.
  document.addEventListener('click', (e) => {
    for (const d of $$('details[data-dismiss][open]')) if (!d.contains(e.target)) d.open = false;
  });
  document.addEventListener('keydown', (e) => {
    if (e.key !== 'Escape') return;
    for (const d of $$('details[data-dismiss][open]')) {
      if (d.contains(document.activeElement)) $('summary', d).focus();
      d.open = false;
    }
  });

  // A form is sent once.
  document.addEventListener('submit', (e) => {
    if (e.defaultPrevented || e.target.method !== 'post') return;
    const button = e.submitter;
    if (button) setTimeout(() => { button.disabled = true; }, 0);
  });
  addEventListener('pageshow', () => { for (const b of $$('button[type=submit]:disabled')) b.disabled = false; });

  // Streams: a lost connection says so, and that it is back.
  const lost = $('#connection');
  const bad = new Set();
  const told = () => { lost.hidden = bad.size === 0; document.body.classList.toggle('offline', bad.size > 0); };
  document.addEventListener('htmx:sse:error', (e) => { bad.add(e.target); told(); });
  document.addEventListener('htmx:sse:after:connection', (e) => { bad.delete(e.target); told(); });
  document.addEventListener('htmx:sse:close', (e) => { bad.delete(e.target); told(); });

  // The log sticks to its end until one scrolls up, and can be paused.
  const log = $('[data-log]');
  if (log) {
    const live = $('[data-log-live]'), pause = $('[data-log-pause]');
    const most = 2000;
    let paused = false, held = 0, sticks = true;
    const end = () => { log.scrollTop = log.scrollHeight; };
    const say = () => { live.textContent = paused ? (held ? held + (held === 1 ? ' new line held back' : ' new lines held back') : 'paused') : 'live'; };
    end();
    say();
    log.addEventListener('scroll', () => { sticks = log.scrollHeight - log.scrollTop - log.clientHeight < 40; });
    new MutationObserver((changes) => {
      const none = $('.log-none', log);
      if (none && $('.log-line', log)) none.remove();
      if (paused) {
        for (const c of changes) for (const n of c.addedNodes) {
          if (n.nodeType === 1 && !n.hidden) { n.hidden = true; held++; }
        }
        say();
        return;
      }
      while (log.childElementCount > most) log.firstElementChild.remove();
      if (sticks) end();
    }).observe(log, { childList: true });
    pause.addEventListener('click', () => {
      paused = !paused;
      pause.setAttribute('aria-pressed', String(paused));
      $('span', pause).textContent = paused ? 'Go on' : 'Pause';
      if (!paused) {
        for (const n of $$('.log-line[hidden]', log)) n.hidden = false;
        held = 0;
        end();
      }
      say();
    });
  }

  // Go to: a palette over services, teams and pages.
  const palette = $('#palette'), keys = $('#keys');
  if (!palette) return;
  for (const k of $$('[data-palette-key]')) k.textContent = mac ? '⌘ K' : 'Ctrl K';
  const input = $('input', palette), list = $('#palette-list');
  let at = 0, asked = 0, timer;
  const choose = (n) => {
    const items = $$('[role=option]', list);
    if (!items.length) { input.removeAttribute('aria-activedescendant'); return; }
    at = (n + items.length) % items.length;
    items.forEach((item, i) => item.setAttribute('aria-selected', String(i === at)));
    input.setAttribute('aria-activedescendant', items[at].id);
    items[at].scrollIntoView({ block: 'nearest' });
  };
  const find = async () => {
    const mine = ++asked;
    let found;
    try {
      const answer = await fetch('/search?format=json&q=' + encodeURIComponent(input.value.trim()));
      if (!answer.ok) return;
      found = (await answer.json()).items;
    } catch { return; }
    if (mine !== asked) return; // a later question has been asked
    list.replaceChildren(...found.map((f, i) => {
      const item = document.createElement('li');
      item.id = 'palette-' + i;
      item.setAttribute('role', 'option');
      item.dataset.href = f.href;
      const name = document.createElement('span'), kind = document.createElement('span');
      name.textContent = f.title;
      kind.textContent = f.says;
      kind.className = 'palette-kind';
      item.append(name, kind);
      return item;
    }));
    if (!found.length) {
      const none = document.createElement('li');
      none.className = 'palette-none';
      none.textContent = 'Nothing is called that.';
      none.setAttribute('role', 'option');
      none.setAttribute('aria-disabled', 'true');
      list.append(none);
      return;
    }
    choose(0);
  };
  const open = () => { if (!palette.open) { palette.showModal(); input.select(); find(); } };
  input.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(find, 80); });
  palette.addEventListener('keydown', (e) => {
    if (e.key === 'ArrowDown') { e.preventDefault(); choose(at + 1); }
    if (e.key === 'ArrowUp') { e.preventDefault(); choose(at - 1); }
  });
  $('form', palette).addEventListener('submit', (e) => {
    const item = $('[aria-selected=true]', list);
    if (item) { e.preventDefault(); location.assign(item.dataset.href); }
  });
  list.addEventListener('click', (e) => {
    const item = e.target.closest('[data-href]');
    if (item) location.assign(item.dataset.href);
  });
  for (const dialog of [palette, keys]) dialog.addEventListener('click', (e) => { if (e.target === dialog) dialog.close(); });
  for (const b of $$('[data-keys]')) b.addEventListener('click', () => keys.showModal());

  let leader = 0;
  document.addEventListener('keydown', (e) => {
    if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'k') { e.preventDefault(); open(); return; }
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input, textarea, select, dialog')) return;
    if (e.key === '?') { e.preventDefault(); keys.showModal(); }
    if (e.key === '/') { e.preventDefault(); ($('main [data-search]') || $('.finder input')).focus(); }
    if (e.key === 'g') { leader = Date.now(); return; }
    if (Date.now() - leader < 1500) {
      const to = { h: '/', s: '/services', t: '/teams', o: '/overview', c: '/scorecard', u: '/adoption', d: '/delivery', j: '/journeys', a: '/audit', m: '/me' }[e.key];
      if (to) location.assign(to);
    }
    leader = 0;
  });
})();
