// Light, dark, or as the system has it; remembered in this browser.

const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };
const NAMES = { auto: 'as the system', light: 'light', dark: 'dark' };

export function bindThemeButton(button) {
  const root = document.documentElement;
  const label = () => {
    const name = `Theme: ${NAMES[root.dataset.theme || 'auto']}`;
    button.setAttribute('aria-label', name);
    button.title = name;
  };
  button.addEventListener('click', () => {
    const theme = NEXT[root.dataset.theme || 'auto'];
    if (theme === 'auto') delete root.dataset.theme;
    else root.dataset.theme = theme;
    try {
      if (theme === 'auto') localStorage.removeItem('spanwire.theme');
      else localStorage.setItem('spanwire.theme', theme);
    } catch {
      // Not remembered, then.
    }
    label();
  });
  label();
}
