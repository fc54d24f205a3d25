// The number of unread firings where it is seen without the page: in its title, on its icon, on the installed app.
import { setAttribute } from './dom.ts';

const line =
  '<path d="M5 21h6l4-11 4 15 3-8h5" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/>';
const mark = '<circle cx="23" cy="9" r="9" fill="#d92d3f"/>';

let plain: string | null = null;

function iconWith(unread: number): string {
  const text = unread > 9 ? '9+' : String(unread);
  const count =
    `<text x="23" y="13.4" text-anchor="middle" font-family="system-ui,sans-serif" font-weight="700" ` +
    `font-size="${text.length > 1 ? 11 : 13}" fill="#fff">${text}</text>`;
  const picture =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1b5fd9"/>' +
    `${line}${mark}${count}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(picture)}`;
}

export function showBadge(unread: number): void {
  const icon = document.querySelector('link[rel=icon]');
  if (icon !== null) {
    plain ??= icon.getAttribute('href');
    setAttribute(icon, 'href', unread === 0 ? plain : iconWith(unread));
  }
  const set = unread === 0 ? navigator.clearAppBadge?.() : navigator.setAppBadge?.(unread);
  set?.catch(() => {}); // only installed apps have one
}

/** "(3) 65,186.48 BTC · Pricewire". */
export function titleWith(unread: number, title: string): string {
  return `${unread === 0 ? '' : `(${unread > 99 ? '99+' : unread}) `}${title} · Pricewire`;
}
