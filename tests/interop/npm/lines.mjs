// lines.mjs - a script that does as it is told: a task and its arguments are
// a line of JSON on standard input, what comes of it is one on standard
// output.
import { createInterface } from 'node:readline';

// Node 18 has it, but not yet under this name.
globalThis.crypto ??= (await import('node:crypto')).webcrypto;

// The library's own word for what went wrong, which the test compares.
const describe = ({ name, code, error, status, message, claim, cause }) => ({
  name, code, error, status, message, claim,
  cause: cause instanceof Object ? JSON.parse(JSON.stringify(cause)) : cause,
});

// tasks: { name: async (arguments) => value }.  What one throws is an answer.
export async function serve(tasks) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { task, ...given } = JSON.parse(line);
    let said;
    try {
      said = { value: await tasks[task](given) };
    } catch (thrown) {
      said = { thrown: describe(thrown) };
    }
    console.log(JSON.stringify(said));
  }
}
