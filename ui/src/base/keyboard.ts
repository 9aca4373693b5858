// Single-key commands. They stay silent while the user types into a field or holds a modifier, so that
// they never shadow the browser's own.

export type KeyMap = Record<string, (event: KeyboardEvent) => void>;

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  if (target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && target.type !== 'checkbox' && target.type !== 'radio';
}

// Names of keys are those of KeyboardEvent.key; `Shift+` only where the key itself doesn't say so.
export function keyName(event: KeyboardEvent): string {
  const isLetter = event.key.length === 1;
  return event.shiftKey && !isLetter ? `Shift+${event.key}` : event.key;
}

// Returns true if a command ran.
export function runKey(event: KeyboardEvent, commands: KeyMap): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return false;
  if (isTyping(event.target)) return false;
  const command = commands[keyName(event)];
  if (!command) return false;
  event.preventDefault();
  command(event);
  return true;
}
