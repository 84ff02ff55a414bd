// What a frontend does with the API, typed from openapi.json: a wrong path, type or field of an answer, or a missing
// field of a body, does not compile.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Customer = components["schemas"]["Customer"];
type Problem = components["schemas"]["Problem"];

/** An error answer of the API. Decide by `code`: it is stable, the texts follow the language. */
class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.status} ${problem.code}: ${problem.title} (request ${problem.request_id})`);
  }
}

function unwrap<T>(answer: { data?: T; error?: Problem }): T {
  if (answer.error !== undefined) throw new ApiError(answer.error);
  return answer.data as T;
}

declare const process: { argv: string[] };
const api = createClient<paths>({ baseUrl: process.argv[2] ?? "http://127.0.0.1:8080" });

async function signIn(tenant: string, email: string, password: string): Promise<void> {
  const tokens = unwrap(await api.POST("/v1/auth/login", { body: { tenant, email, password } }));
  const authorise: Middleware = {
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${tokens.access_token}`);
    },
  };
  api.use(authorise);
}

/** Every customer, page by page; the cursor is opaque and stands for the place after the last one. */
async function* customers(limit: number): AsyncGenerator<Customer> {
  let cursor: string | null = null;
  do {
    const query: { limit: number; cursor?: string } = cursor === null ? { limit } : { limit, cursor };
    const page = unwrap(await api.GET("/v1/customers", { params: { query } }));
    yield* page.data;
    cursor = page.next_cursor;
  } while (cursor !== null);
}

async function search(q: string): Promise<Customer[]> {
  return unwrap(await api.GET("/v1/customers", { params: { query: { q, limit: 5 } } })).data;
}

/** The ETag of an answer is what a later change must name in If-Match. */
async function create(name: string): Promise<{ customer: Customer; etag: string }> {
  const answer = await api.POST("/v1/customers", {
    // Sent again with the same key (the phone lost the answer), the request creates nothing twice.
    params: { header: { "Idempotency-Key": crypto.randomUUID() } },
    body: { kind: "company", name },
  });
  return { customer: unwrap(answer), etag: answer.response.headers.get("ETag") ?? "" };
}

/** Changes one field; answers false when somebody else changed the customer since `etag`. */
async function rename(id: string, etag: string, name: string): Promise<boolean> {
  try {
    unwrap(
      await api.PATCH("/v1/customers/{id}", {
        params: { path: { id }, header: { "If-Match": etag } },
        body: { name },
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.problem.code === "version_mismatch") return false;
    throw error;
  }
}

await signIn("demo", "admin@demo.test", "fulcrum-demo");

let count = 0;
for await (const _ of customers(100)) count += 1;
console.log(`${count} customers`);

const { customer, etag } = await create("北京示例科技有限公司");
console.log(`created ${customer.number} ${customer.name}`);
console.log(`found by name: ${(await search("示例")).map((found) => found.number).join(", ")}`);
console.log(`renamed: ${await rename(customer.id, etag, "北京样板科技有限公司")}`);
console.log(`renamed again with the old ETag: ${await rename(customer.id, etag, "第三个名字")}`);
