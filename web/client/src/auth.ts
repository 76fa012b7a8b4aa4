import { RequestError } from './errors.ts';
import type { TokenMessage, TokenRequest } from './messages.ts';
import type { Auth } from './types.ts';

/** A token that there is no other of: when the server refuses it, the mirror stops. */
export const fixedToken =
  (token: string): Auth =>
  ({ fresh }) => {
    if (fresh) throw new RequestError('unauthenticated', 'the server has refused the token: open the mirror with another one');
    return token;
  };

/** Answers a worker that asks for a token. */
export async function answerTokenRequest(auth: Auth | undefined, { id, fresh }: TokenRequest): Promise<TokenMessage> {
  try {
    const token: unknown = await auth?.({ fresh });
    if (typeof token !== 'string' || token === '') throw new Error('auth gave no token: it must return a text that is not empty');
    return { kind: 'token', id, token };
  } catch (cause) {
    const code = (cause as { code?: unknown } | null)?.code === 'unauthenticated' ? 'unauthenticated' : 'unavailable';
    const message = cause instanceof Error ? cause.message : String(cause);
    return { kind: 'token', id, token: '', error: { code, message } };
  }
}
