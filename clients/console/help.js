// Shortcuts of one key, and the dialog that lists them. They can be switched off: who speaks to a computer, or has
// a screen reader that takes the keys, needs that.

import { byId, el } from './dom.js';

const STORED = 'spanwire.keys';

// shortcuts: [key as pressed, what it does in words, function].
export function bindHelp(shortcuts) {
  const dialog = byId('help');
  const enabled = byId('keys-on');
  const all = [...shortcuts, ['?', 'This help', () => dialog.showModal()]];
  for (const [key, words] of all) byId('keys').append(el('div', '', [el('dt', '', [el('kbd', '', key)]), el('dd', '', words)]));
  enabled.checked = recall() !== 'off';
  enabled.addEventListener('change', () => store(enabled.checked ? 'on' : 'off'));
  byId('help-open').addEventListener('click', () => dialog.showModal());
  byId('help-close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });

  document.addEventListener('keydown', (event) => {
    if (!enabled.checked || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, textarea, select, [contenteditable]')) return;
    const range = /^(\d)–(\d)$/;
    for (const [key, , act] of all) {
      const digits = range.exec(key);
      const fits = digits ? event.key >= digits[1] && event.key <= digits[2] : event.key === key;
      if (!fits) continue;
      event.preventDefault();
      act(event.key);
      return;
    }
  });
}

function recall() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null; // storage is switched off
  }
}

function store(value) {
  try {
    localStorage.setItem(STORED, value);
  } catch {
    // Not remembered, then.
  }
}
