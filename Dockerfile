FROM rust:1-bookworm AS builder
WORKDIR /source
COPY . .
RUN cargo build --release --locked -p fulcrum-api

# Its PostgreSQL is 17, that of docker-compose.yml: `fulcrum backup` takes pg_dump of the server's version.
FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin fulcrum \
    && install --directory --owner=fulcrum --mode=0700 /var/lib/fulcrum
COPY --from=builder /source/target/release/fulcrum /usr/local/bin/fulcrum
USER fulcrum
ENV FULCRUM_DATA=/var/lib/fulcrum FULCRUM_LISTEN=0.0.0.0:8080 FULCRUM_METRICS_LISTEN=0.0.0.0:9464
EXPOSE 8080 9464
# bash speaks TCP, so the image needs no curl. Ready means: database reached, migrations applied.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/ready HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [[ $status == 200 ]]"]
ENTRYPOINT ["fulcrum"]
CMD ["serve"]
