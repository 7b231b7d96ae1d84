// The way about the page. Where all parts stand side by side their names are links; on a narrow screen they are tabs, of
// which one is shown.

import { byId, show } from './dom.js';

const narrow = matchMedia('(max-width: 720px)');

export class Parts {
  // onChange(): another part is in sight.
  constructor(onChange) {
    this.nav = byId('parts');
    this.tabs = [...this.nav.querySelectorAll('a')];
    this.shown = this.tabs[0];
    this.onChange = onChange;
    this.nav.addEventListener('click', (event) => this.click(event));
    this.nav.addEventListener('keydown', (event) => this.key(event));
    narrow.addEventListener('change', () => this.arrange());
    this.arrange();
  }

  part(tab) {
    return byId(tab.hash.slice(1));
  }

  arrange() {
    const tabbed = narrow.matches;
    if (tabbed) this.nav.setAttribute('role', 'tablist');
    else this.nav.removeAttribute('role');
    for (const tab of this.tabs) {
      const attributes = tabbed
        ? { role: 'tab', 'aria-selected': String(tab === this.shown), 'aria-controls': tab.hash.slice(1),
          tabindex: tab === this.shown ? '0' : '-1' }
        : { role: null, 'aria-selected': null, 'aria-controls': null, tabindex: null };
      for (const [name, value] of Object.entries(attributes)) set(tab, name, value);
      set(this.part(tab), 'role', tabbed ? 'tabpanel' : null);
      show(this.part(tab), !tabbed || tab === this.shown);
    }
    this.onChange();
  }

  // Goes to a part, by its place or its id.
  go(which) {
    const tab = typeof which === 'number' ? this.tabs[which] : this.tabs.find((one) => one.hash === `#${which}`);
    if (!tab) return;
    this.shown = tab;
    this.arrange();
    if (narrow.matches) {
      tab.scrollIntoView({ block: 'nearest', inline: 'nearest' });
      return;
    }
    this.part(tab).scrollIntoView({ block: 'start' });
    const target = this.part(tab).querySelector('[tabindex="0"]:not([hidden]), button');
    if (target) target.focus({ preventScroll: true });
  }

  click(event) {
    const tab = event.target.closest('a');
    if (!tab || !narrow.matches) return;
    event.preventDefault();
    this.go(this.tabs.indexOf(tab));
    tab.focus({ preventScroll: true });
  }

  key(event) {
    const now = this.tabs.indexOf(document.activeElement);
    if (!narrow.matches || now < 0) return;
    const last = this.tabs.length - 1;
    const right = now === last ? 0 : now + 1;
    const left = now === 0 ? last : now - 1;
    const next = { ArrowRight: right, ArrowLeft: left, Home: 0, End: last }[event.key];
    if (next === undefined) {
      if (event.key === ' ') event.preventDefault();
      return;
    }
    event.preventDefault();
    this.go(next);
    this.tabs[next].focus({ preventScroll: true });
  }
}

function set(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}
