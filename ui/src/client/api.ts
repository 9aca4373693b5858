// Fetches from the native API. Paths are relative to the origin that served the page; nothing else is asked.

import type { AttributeName, Operation, SearchAnswer, Trace } from './types';

const PREFIX = '/api/bs/v1';

// Where in a parameter the mistake is; line and column from 1 on, in characters.
export interface ErrorPlace {
  parameter: string;
  line?: number;
  column?: number;
}

// What the server said, or what kept us from hearing it. `message` is fit to be shown.
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
    readonly place: ErrorPlace | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError('unexpected', error instanceof Error ? error.message : String(error), 0);
}

async function readError(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as {
      error?: { code?: string; message?: string } & Partial<ErrorPlace>;
    };
    if (error?.message) {
      const place = error.parameter ? { ...error, parameter: error.parameter } : null;
      return new ApiError(error.code ?? 'unknown', error.message, response.status, place);
    }
  } catch {
    // No JSON: a proxy in between, perhaps. The status still says something.
  }
  return new ApiError(
    'http',
    `The server answered ${response.status} ${response.statusText}`.trim(),
    response.status,
  );
}

async function get<Answer>(path: string, parameters: URLSearchParams, signal?: AbortSignal): Promise<Answer> {
  const query = parameters.toString();
  let response: Response;
  try {
    response = await fetch(`${PREFIX}${path}${query ? `?${query}` : ''}`, {
      headers: { accept: 'application/json' },
      credentials: 'same-origin',
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError('unreachable', 'The server cannot be reached.', 0);
  }
  if (!response.ok) throw await readError(response);
  return (await response.json()) as Answer;
}

export async function fetchServices(signal?: AbortSignal): Promise<string[]> {
  const answer = await get<{ services: string[] }>('/services', new URLSearchParams(), signal);
  return answer.services;
}

export async function fetchOperations(service: string, signal?: AbortSignal): Promise<Operation[]> {
  const parameters = new URLSearchParams(service ? { service } : {});
  const answer = await get<{ operations: Operation[] }>('/operations', parameters, signal);
  return answer.operations;
}

export async function fetchAttributeNames(signal?: AbortSignal): Promise<AttributeName[]> {
  const parameters = new URLSearchParams({ limit: '500' });
  const answer = await get<{ attributes: AttributeName[] }>('/attributes', parameters, signal);
  return answer.attributes;
}

export async function fetchAttributeValues(
  name: string,
  scope: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const parameters = new URLSearchParams({ scope, limit: '50' });
  const path = `/attributes/${encodeURIComponent(name)}/values`;
  return (await get<{ values: string[] }>(path, parameters, signal)).values;
}

export function searchTraces(parameters: URLSearchParams, signal?: AbortSignal): Promise<SearchAnswer> {
  return get<SearchAnswer>('/traces', parameters, signal);
}

export function fetchTrace(traceId: string, signal?: AbortSignal): Promise<Trace> {
  return get<Trace>(`/traces/${encodeURIComponent(traceId)}`, new URLSearchParams(), signal);
}
