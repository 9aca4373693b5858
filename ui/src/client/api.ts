// Fetches from the native API. Paths are relative to the origin that served the page; nothing else is asked.

import { millisecondsToNanoseconds } from '../base/time';
import type {
  AttributeName,
  ErrorOrigin,
  HealthWarning,
  Operation,
  Policies,
  SdkLoss,
  SearchAnswer,
  Trace,
  Why,
} from './types';

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

async function ask<Answer>(
  method: 'GET' | 'POST',
  path: string,
  parameters: URLSearchParams,
  signal?: AbortSignal,
): Promise<Answer> {
  const query = parameters.toString();
  let response: Response;
  try {
    response = await fetch(`${PREFIX}${path}${query ? `?${query}` : ''}`, {
      method,
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

function get<Answer>(path: string, parameters: URLSearchParams, signal?: AbortSignal): Promise<Answer> {
  return ask<Answer>('GET', path, parameters, signal);
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

const tracePath = (traceId: string) => `/traces/${encodeURIComponent(traceId)}`;

// Null where nothing was decided about the trace: it is open, or too old, or there are no policies.
export async function fetchWhy(traceId: string, signal?: AbortSignal): Promise<Why | null> {
  try {
    return await get<Why>(`${tracePath(traceId)}/why`, new URLSearchParams(), signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

// Takes a drop back, or keeps an undecided trace. It is there moments later.
export async function keepTrace(traceId: string, signal?: AbortSignal): Promise<void> {
  await ask<unknown>('POST', `${tracePath(traceId)}/keep`, new URLSearchParams(), signal);
}

export function fetchPolicies(signal?: AbortSignal): Promise<Policies> {
  return get<Policies>('/policies', new URLSearchParams(), signal);
}

export async function fetchHealth(signal?: AbortSignal): Promise<HealthWarning[]> {
  return (await get<{ warnings: HealthWarning[] }>('/health', new URLSearchParams(), signal)).warnings;
}

// `start` in milliseconds; null: everything.
export async function fetchErrorOrigins(start: number | null, signal?: AbortSignal): Promise<ErrorOrigin[]> {
  const parameters = new URLSearchParams({ limit: '200' });
  if (start !== null) parameters.set('start', millisecondsToNanoseconds(start));
  return (await get<{ errors: ErrorOrigin[] }>('/errors', parameters, signal)).errors;
}

export async function fetchSdkLosses(signal?: AbortSignal): Promise<SdkLoss[]> {
  return (await get<{ losses: SdkLoss[] }>('/sdk/losses', new URLSearchParams(), signal)).losses;
}
