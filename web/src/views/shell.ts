// The frame around every view: brand, navigation, connection state.
import type { Context } from '../context.ts';
import { h, setAttribute, setText, svg } from '../dom.ts';
import { marketState } from '../market_state.ts';
import { bell, type Bell } from './bell.ts';

export interface Shell {
  element: HTMLElement;
  bell: Bell;
  /** Shows the connection and the market as they are now. */
  render(): void;
  show(name: string, content: HTMLElement): void;
  destroy(): void;
}

const icons: Record<string, string> = {
  market: 'M3 17l5-6 4 3 7-9M3 21h18',
  alerts: 'M12 3a6 6 0 0 0-6 6v5l-2 3h16l-2-3V9a6 6 0 0 0-6-6zM10 20h4',
  deliveries: 'M3 12l18-8-6 17-4-6zM11 15l10-11',
  endpoints: 'M4 5h16v6H4zM4 13h16v6H4zM7 8h.01M7 16h.01',
  sources: 'M4 7h16M4 12h16M4 17h16M8 5v4M15 10v4M10 15v4',
  account: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c1-5 4-6 8-6s7 1 8 6',
};

function icon(name: string): SVGElement {
  return svg(
    'svg',
    { viewBox: '0 0 24 24', class: 'nav-icon', 'aria-hidden': 'true' },
    svg('path', { d: icons[name] ?? '' }),
  );
}

export function shell(context: Context, links: { name: string; title: string }[]): Shell {
  const anchors = links.map(({ name, title }) => {
    const a = h('a', { href: `#/${name}` });
    a.append(icon(name), h('span', null, title));
    return a;
  });
  const { store } = context;
  // Two things: whether this page is connected, and whether there are prices that alerts can fire at.
  const connection = h('span', {
    class: 'connection',
    role: 'status',
    title: 'The connection to the server',
    'data-testid': 'connection',
  });
  const market = h('a', {
    class: 'market-state',
    href: '#/sources',
    title: 'Whether each ticker has a price; its sources',
    'data-testid': 'market-state',
  });
  const firings = bell(context);
  const render = (): void => {
    const { text, live } = store.connection;
    setText(connection, text);
    setAttribute(connection, 'data-live', String(live));
    const prices = marketState(store);
    // Without a connection nobody knows.
    setText(market, live ? prices.text : '');
    setAttribute(market, 'data-state', live ? prices.state : 'unknown');
  };
  render();
  const main = h('main', { id: 'main', tabindex: '-1' });
  const skip = h('a', { class: 'skip', href: '#main' }, 'Skip to content');
  // The hash is the route, so the browser must not follow this link.
  skip.addEventListener('click', (e) => {
    e.preventDefault();
    (main.querySelector<HTMLElement>('h1') ?? main).focus();
  });
  const brand = h('a', { class: 'brand', href: '#/market', 'aria-label': 'Pricewire' });
  brand.append(
    svg(
      'svg',
      { viewBox: '0 0 32 32', 'aria-hidden': 'true' },
      svg('path', { d: 'M3 21h7l4-11 4 15 3-8h8' }),
    ),
    h('span', null, 'Pricewire'),
  );
  const element = h(
    'div',
    { class: 'shell' },
    skip,
    h(
      'header',
      { class: 'top' },
      brand,
      h('nav', { 'aria-label': 'Main' }, ...anchors),
      h(
        'div',
        { class: 'top-right' },
        market,
        connection,
        firings.element,
        h('button', { type: 'button', class: 'quiet', onclick: () => context.signOut() }, 'Sign out'),
      ),
    ),
    main,
    h('footer', { class: 'foot' }, h('a', { href: '/docs' }, 'API reference')),
  );
  return {
    element,
    bell: firings,
    render,
    show(name, content) {
      links.forEach((link, i) => {
        if (link.name === name) anchors[i]!.setAttribute('aria-current', 'page');
        else anchors[i]!.removeAttribute('aria-current');
      });
      main.replaceChildren(content);
    },
    destroy: firings.destroy,
  };
}
