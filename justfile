# Shows the recipes.
default:
    @{{ just_executable() }} --list --unsorted

# The demo company on http://127.0.0.1:8080/docs, with its own PostgreSQL.
serve *arguments:
    cargo run --release -- serve --demo {{ arguments }}

# Every test, against a throw-away PostgreSQL that they start themselves.
test *arguments:
    cargo test --workspace {{ arguments }}

# Formatting and clippy, warnings are errors.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Formats the code.
fmt:
    cargo fmt --all

# Writes openapi/openapi.json anew from the code.
openapi:
    cargo run --quiet -- openapi > openapi/openapi.json.new
    mv openapi/openapi.json.new openapi/openapi.json

# Holds openapi.json against linters, generated clients and the running server; `just contract static` without the server.
contract *arguments:
    cargo build --workspace --locked
    FULCRUM_BIN="${FULCRUM_BIN:-target/debug/fulcrum}" contract/check.sh {{ arguments }}

# How fast it is, beside raw PostgreSQL, in one run (docs/performance.md); `just bench --smoke` measures no time.
bench *arguments:
    cargo run --quiet --package fulcrum-bench -- {{ arguments }}

# Everything that CI does.
ci:
    .ci/run
