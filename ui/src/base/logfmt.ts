// Tags are written in logfmt: `http.status_code=500 user.id="a b"`. The server parses them too; the UI
// checks first, so that a slip is shown beside the field while typing.

export interface Tag {
  key: string;
  value: string;
}

export type TagsResult = { tags: Tag[] } | { problem: string };

export function parseTags(text: string): TagsResult {
  const tags: Tag[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const key = /^[^\s="]+/.exec(rest)?.[0];
    if (!key) return { problem: `a tag starts with its key, at “${rest.slice(0, 16)}”` };
    rest = rest.slice(key.length);
    if (!rest.startsWith('=')) return { problem: `“${key}” has no value; write ${key}=value` };
    rest = rest.slice(1);
    const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(rest);
    if (rest.startsWith('"') && !quoted) return { problem: `the quote after ${key}= is not closed` };
    const raw = quoted ? quoted[0] : (/^\S*/.exec(rest)?.[0] ?? '');
    const value = quoted ? (quoted[1] as string).replace(/\\(.)/g, '$1') : raw;
    tags.push({ key, value });
    rest = rest.slice(raw.length).trimStart();
  }
  return { tags };
}

export function formatTag(tag: Tag): string {
  const plain = /^[^\s"=\\]+$/.test(tag.value);
  return `${tag.key}=${plain ? tag.value : `"${tag.value.replace(/(["\\])/g, '\\$1')}"`}`;
}
