#!/usr/bin/env bash
# Holds openapi/openapi.json against everything the conventions promise: linters, generated clients, and
# schemathesis against the running demo server. `contract/check.sh static` leaves out what needs a server.
#   FULCRUM_BIN   the binary (default: target/release/fulcrum, else target/debug/fulcrum)
#   OPENAPI       the document (default: openapi/openapi.json)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd .. && pwd)
openapi=$(realpath "${OPENAPI:-$root/openapi/openapi.json}")
frontend=$root/examples/frontend

export LC_ALL=C.UTF-8 PYTHONIOENCODING=UTF-8 PYTHONUTF8=1 NO_COLOR=1
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
export PATH=$PWD/.venv/bin:$PWD/node_modules/.bin:$PATH

api=127.0.0.1:18080
metrics=127.0.0.1:19464
server=
out=$PWD/.out # below node_modules, so that what is compiled here finds its packages
tmp=$(mktemp -d)
chmod 755 "$tmp" # as root, the private PostgreSQL runs as another user and must get to its data

stop() {
  if [[ -n $server ]]; then
    kill -TERM "$server" 2>/dev/null || true
    for _ in {1..100}; do
      kill -0 "$server" 2>/dev/null || break
      sleep 0.2
    done
    kill -KILL "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$tmp" "$out"
}
trap stop EXIT
trap 'exit 130' INT TERM

fail() {
  printf 'contract: %s\n' "$*" >&2
  exit 1
}

# Prints what runs and how long it took; the first failure ends the script.
step() {
  local name=$1 began=$SECONDS
  shift
  printf '\n== contract: %s\n' "$name"
  "$@"
  printf -- '-- %s: ok, %ss\n' "$name" $((SECONDS - began))
}

# Installs anew only when the lock file or the interpreter is another than at the last install.
install_node() {
  local want
  want=$(sha256sum package-lock.json && node --version)
  [[ $(cat node_modules/.stamp 2>/dev/null) == "$want" ]] && return
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null
  printf '%s\n' "$want" >node_modules/.stamp
}

install_python() {
  local want
  want=$(sha256sum requirements.txt && python3 --version)
  [[ $(cat .venv/.stamp 2>/dev/null) == "$want" ]] && return
  rm -rf .venv
  hash -r
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
  printf '%s\n' "$want" >.venv/.stamp
}

# The sample is compiled as it is and into .out, from where it is run later.
typescript_frontend() {
  openapi-typescript "$openapi" --default-non-nullable=false --output "$frontend/src/schema.d.ts"
  tsc --noEmit --project "$frontend"
  tsc --project "$frontend" --outDir "$out/frontend"
  printf '{ "type": "module" }\n' >"$out/frontend/package.json"
}

hey_api() {
  openapi-ts --input "$openapi" --output "$tmp/hey-api" --client @hey-api/client-fetch --no-log-file
  tsc --noEmit --strict --skipLibCheck --target ES2022 --lib ES2022,DOM,DOM.Iterable \
    --module ESNext --moduleResolution Bundler "$tmp/hey-api/index.ts"
}

python_client() {
  openapi-python-client generate --path "$openapi" --meta none --output-path "$tmp/fulcrum_client" \
    --fail-on-warning 2>&1 | tee "$tmp/python-client.log"
  ! grep -qi warning "$tmp/python-client.log" || fail "openapi-python-client warns"
  python -m compileall -q "$tmp/fulcrum_client"
  # Compiling leaves names unchecked; importing every module does not.
  (cd "$tmp" && python -c 'import importlib, pkgutil, fulcrum_client as package
for module in pkgutil.walk_packages(package.__path__, "fulcrum_client."): importlib.import_module(module.name)')
}

start_server() {
  local bin=${FULCRUM_BIN:-}
  if [[ -z $bin ]]; then
    bin=$root/target/release/fulcrum
    [[ -x $bin ]] || bin=$root/target/debug/fulcrum
  fi
  [[ -x $bin ]] || fail "no binary at $bin: cargo build, or set FULCRUM_BIN"
  ! (exec 3<>"/dev/tcp/${api/://}") 2>/dev/null || fail "something listens on $api already"
  env -u DATABASE_URL FULCRUM_RATE_LIMIT_PER_MINUTE=1000000 FULCRUM_ANONYMOUS_RATE_LIMIT_PER_MINUTE=1000000 \
    "$bin" serve --demo --data "$tmp/data" --listen "$api" --metrics-listen "$metrics" >"$tmp/server.log" 2>&1 </dev/null &
  server=$!
  for _ in {1..240}; do
    curl --silent --fail --max-time 2 --output /dev/null "http://$api/health/ready" && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.5
  done
  tail -n 50 "$tmp/server.log" >&2
  fail "the server was not ready within 120 s"
}

# sign_in USER: prints an access token.
sign_in() {
  curl --silent --show-error --fail-with-body --max-time 10 "http://$api/v1/auth/login" \
    --header 'Content-Type: application/json' \
    --data '{"tenant":"demo","email":"'"$1"'@demo.test","password":"fulcrum-demo"}' |
    python -c 'import json, sys; print(json.load(sys.stdin)["access_token"])'
}

# The ids that GET /v1/me tells of its caller: user, roles, department.
ids_of() {
  curl --silent --show-error --fail-with-body --max-time 10 "http://$api/v1/me" --header "Authorization: Bearer $1" |
    grep --extended-regexp --only-matching '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
}

# fuzz SECONDS TOKEN ARGUMENT…: every case is bounded (schemathesis.toml), and so is the whole.
fuzz() {
  local seconds=$1 code=0
  FULCRUM_TOKEN=$2 timeout --kill-after=10 "$seconds" \
    schemathesis --no-color --config-file schemathesis.toml run "$openapi" --url "http://$api" "${@:3}" </dev/null || code=$?
  [[ $code == 0 ]] && return
  printf '\nthe last lines of the server:\n' >&2
  tail -n 30 "$tmp/server.log" >&2
  [[ $code != 124 && $code != 137 ]] || fail "schemathesis took longer than $seconds s"
  return "$code"
}

# Fuzzing must not sign itself out. So what ends a session or changes the caller's own password is tried
# in a first, short pass as another user of the demo company, whom nobody needs afterwards. The rest runs as
# its administrator. Both tokens are taken before, because guessing at the login throttles this address;
# they live 15 minutes, longer than both passes. schemathesis_hooks.py keeps both users and their roles alive.
ends_sessions='^/v1/(auth|me|sessions)(/.*)?/(logout|password|change-password|sessions|\{[a-z_]+\})|^/v1/sessions'

schemathesis_passes() {
  local admin expendable
  admin=$(sign_in admin)
  expendable=$(sign_in agent)
  FULCRUM_HOOKS=$PWD/schemathesis_hooks.py
  FULCRUM_PROTECTED_IDS=$(ids_of "$admin" && ids_of "$expendable")
  export FULCRUM_HOOKS FULCRUM_PROTECTED_IDS
  cd "$tmp" # schemathesis leaves its folders where it stands
  cp "$root/contract/schemathesis.toml" .
  fuzz 60 "$expendable" --include-path-regex "$ends_sessions"
  fuzz 480 "$admin" --exclude-path-regex "$ends_sessions"
  kill -0 "$server" 2>/dev/null || fail "the server died"
  # A locked-out run is all 401s, which the contract allows: it would pass and prove nothing.
  ids_of "$admin" >/dev/null || fail "fuzzing has signed itself out"
  local refused all
  refused=$(grep --count '"status":401' "$tmp/server.log" || true)
  all=$(grep --count '"message":"request"' "$tmp/server.log" || true)
  ((refused * 4 < all)) || fail "$refused of $all requests were answered with 401"
}

[[ -f $openapi ]] || fail "no $openapi: cargo run -- openapi > openapi/openapi.json"
rm -rf "$out"
step "install node tools" install_node
step "install python tools" install_python
step "spectral" spectral lint "$openapi" --ruleset .spectral.yaml --fail-severity=error --display-only-failures
step "redocly" redocly lint "$openapi" --config redocly.yaml
step "openapi-spec-validator" openapi-spec-validator "$openapi"
step "openapi-typescript and the sample frontend" typescript_frontend
step "hey-api" hey_api
step "openapi-python-client" python_client
if [[ ${1:-} != static ]]; then
  step "start the demo server" start_server
  step "run the sample frontend" node "$out/frontend/main.js" "http://$api"
  step "schemathesis" schemathesis_passes
fi
printf '\ncontract: all steps passed in %ss\n' "$SECONDS"
