import { afterEach, expect, test, vi } from 'vitest';
import { ApiError, fetchOperations, fetchTrace, isAbort, searchTraces, toApiError } from './api';

function answer(body: string, status = 200): ReturnType<typeof vi.fn> {
  const fake = vi.fn(async () => new Response(body, { status, statusText: 'Bad' }));
  vi.stubGlobal('fetch', fake);
  return fake;
}

afterEach(() => vi.unstubAllGlobals());

test('a search asks the native API on its own origin', async () => {
  const fake = answer('{"traces":[],"partial":false}');
  expect(await searchTraces(new URLSearchParams({ tags: 'a="b c"' }))).toEqual({
    traces: [],
    partial: false,
  });
  expect(fake.mock.calls[0]?.[0]).toBe('/api/bs/v1/traces?tags=a%3D%22b+c%22');
});
test('operations of all services are asked for without a parameter', async () => {
  const fake = answer('{"operations":[]}');
  await fetchOperations('');
  expect(fake.mock.calls[0]?.[0]).toBe('/api/bs/v1/operations');
});
test('the server’s own error is passed on', async () => {
  answer('{"error":{"code":"not_found","message":"No such trace."}}', 404);
  await expect(fetchTrace('ab')).rejects.toMatchObject({
    code: 'not_found',
    message: 'No such trace.',
    status: 404,
  });
});
test('a mistake in a parameter comes with its place', async () => {
  answer('{"error":{"code":"invalid_argument","message":"no","parameter":"q","line":1,"column":7}}', 400);
  await expect(searchTraces(new URLSearchParams())).rejects.toMatchObject({
    place: { parameter: 'q', line: 1, column: 7 },
  });
});
test('an error that is no JSON shows its status', async () => {
  answer('<html>', 502);
  await expect(fetchTrace('ab')).rejects.toMatchObject({
    code: 'http',
    message: 'The server answered 502 Bad',
  });
});
test('a server out of reach says so', async () => {
  vi.stubGlobal('fetch', vi.fn().mockRejectedValue(new TypeError('Failed to fetch')));
  await expect(fetchTrace('ab')).rejects.toMatchObject({ code: 'unreachable' });
});
test('an abort stays an abort', async () => {
  vi.stubGlobal('fetch', vi.fn().mockRejectedValue(new DOMException('gone', 'AbortError')));
  await expect(fetchTrace('ab')).rejects.toSatisfy(isAbort);
});
test('anything else thrown becomes an ApiError', () => {
  expect(toApiError('odd')).toBeInstanceOf(ApiError);
  expect(toApiError(new Error('bad JSON')).message).toBe('bad JSON');
});
