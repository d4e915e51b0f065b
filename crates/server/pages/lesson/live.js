// Questions to the program that shows the page.

export const recorded = false;
export const unreachable = "The lesson's program does not answer. Is it still running?";

export async function prepare() {}

export async function call(path, body, method) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const response = await fetch(path, { method: method || (body === undefined ? "GET" : "POST"), headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}

/** Only what was recorded can be wound to a moment. */
export const moments = () => [];
export const position = () => 0;
export const isWound = () => true;
export function seek() {}
