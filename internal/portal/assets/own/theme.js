// Runs before the page is drawn: chooses light or dark where no choice is kept.
(() => {
  const root = document.documentElement;
  root.classList.add('script');
  if (root.dataset.theme) return;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => { root.dataset.bsTheme = dark.matches ? 'dark' : 'light'; };
  apply();
  dark.addEventListener('change', apply);
})();
