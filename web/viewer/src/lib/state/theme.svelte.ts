/** Dark or light: as the system says, until the user says otherwise. */

type Theme = 'light' | 'dark';

const KEY = 'rangepack.theme';
const system = matchMedia('(prefers-color-scheme: dark)');

function chosen(): Theme | undefined {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : undefined;
  } catch {
    return undefined;
  }
}

class Themes {
  current: Theme = $state('light');

  constructor() {
    this.#apply();
    system.addEventListener('change', () => this.#apply());
  }

  #apply(theme: Theme = chosen() ?? (system.matches ? 'dark' : 'light')) {
    this.current = theme;
    document.documentElement.dataset.theme = theme;
  }

  toggle(): void {
    const theme = this.current === 'dark' ? 'light' : 'dark';
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Forbidden: the choice lives as long as the page.
    }
    this.#apply(theme);
  }
}

export const theme = new Themes();
