// Where the user is. The address bar is the only store of what is being looked at: a link shares the view.
//
// Two ways to change it: `navigate` adds a history entry (another search, another trace), `rememberQuery`
// rewrites the present one (zoom, selection) and is throttled, since browsers limit rewrites per second.

export const route = $state({
  path: window.location.pathname,
  query: window.location.search,
  // Counts arrivals. Views read their state from `query` at each new one, and at no other time.
  visit: 0,
});

const REWRITE_INTERVAL_MS = 200;
let pending: string | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

function flush(): void {
  clearTimeout(timer);
  timer = undefined;
  if (pending === null) return;
  const url = window.location.pathname + pending;
  pending = null;
  if (url !== window.location.pathname + window.location.search) history.replaceState(null, '', url);
}

export function rememberQuery(parameters: URLSearchParams): void {
  pending = toQuery(parameters);
  timer ??= setTimeout(flush, REWRITE_INTERVAL_MS);
}

export function navigate(url: string): void {
  flush();
  const target = new URL(url, window.location.href);
  const same = target.pathname + target.search === window.location.pathname + window.location.search;
  if (!same) history.pushState(null, '', target.pathname + target.search);
  arrive();
}

function arrive(): void {
  route.path = window.location.pathname;
  route.query = window.location.search;
  route.visit++;
}

// Commas and colons are legal in a query and keep shared links readable.
export function toQuery(parameters: URLSearchParams): string {
  const text = parameters.toString().replace(/%2C/g, ',').replace(/%3A/g, ':').replace(/%2F/g, '/');
  return text === '' ? '' : `?${text}`;
}

function followLink(event: MouseEvent): void {
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!isPlain || event.defaultPrevented) return;
  const link = (event.target as Element).closest?.('a');
  if (!link?.href || link.target || link.origin !== window.location.origin) return;
  if (link.pathname.startsWith('/api/')) return;
  event.preventDefault();
  navigate(link.pathname + link.search);
}

export function startRouter(): void {
  window.addEventListener('popstate', () => {
    // A rewrite that still waits belongs to the entry that was just left.
    pending = null;
    arrive();
  });
  window.addEventListener('pagehide', flush);
  document.addEventListener('click', followLink);
}
