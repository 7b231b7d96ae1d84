// Sets the theme before the first paint; as a module it would come too late and the page would flash.
(() => {
  let theme = '';
  try {
    theme = localStorage.getItem('spanwire.theme') || '';
  } catch {
    // Storage is switched off: the system's theme it is.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
})();
