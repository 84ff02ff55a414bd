// PostGraphile with the settings that its documentation recommends for production, on two processes as there are two
// cores. https://www.graphile.org/postgraphile/production/
const cluster = require("node:cluster");
const http = require("node:http");
const { postgraphile } = require("postgraphile");

const WORKERS = 2;

if (cluster.isPrimary) {
  for (let number = 0; number < WORKERS; number += 1) cluster.fork();
  process.on("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers)) worker.kill();
    process.exit(0);
  });
} else {
  const { Pool } = require("pg");
  const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
  const handler = postgraphile(pool, "public", {
    disableQueryLog: true,
    dynamicJson: true,
    graphiql: false,
    ignoreRBAC: true,
    setofFunctionsContainNulls: false,
    watchPg: false,
  });
  http.createServer(handler).listen(Number(process.env.PORT), "127.0.0.1");
}
