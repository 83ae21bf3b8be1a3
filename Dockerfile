# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
# librdkafka is compiled from source, with the system's zlib and OpenSSL.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential libssl-dev pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin ims \
    && cp target/release/ims /usr/local/bin/ims

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libssl3 openssl zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/lib/ims --create-home --shell /usr/sbin/nologin ims
COPY --from=build /usr/local/bin/ims /usr/local/bin/ims
USER ims
# What an embedded store writes, it writes here.
WORKDIR /var/lib/ims
VOLUME /var/lib/ims
ENTRYPOINT ["ims"]
