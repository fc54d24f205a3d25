# The image of all roles. `docker build -t pricewire .`, then `docker run pricewire [serve|api|feed|checker|sender|…]`;
# see docs/containers.md.

FROM debian:bookworm AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /source
COPY scripts/common.sh scripts/
RUN . scripts/common.sh && need_packages "${build_packages[@]}" && rm -rf /var/lib/apt/lists/*
# The page's tools before its sources, so that changing the sources does not reinstall the tools.
COPY web/package.json web/package-lock.json web/
COPY web/node/package.json web/node/package-lock.json web/node/
COPY web/docs/package.json web/docs/package-lock.json web/docs/
RUN . scripts/common.sh && need_node && npm_install web && npm_config_ignore_scripts=true npm_install web/docs \
    && rm -rf /var/lib/apt/lists/*
COPY . .
RUN scripts/build-web
RUN cmake --preset release && cmake --build build/release --target pricewire
RUN install -D --strip build/release/pricewire /image/usr/local/bin/pricewire \
    && install -D -m 644 LICENSE /image/usr/share/doc/pricewire/LICENSE \
    && install -m 644 NOTICE /image/usr/share/doc/pricewire/NOTICE
# The packages of the libraries it links to: the runtime image needs these and no more.
RUN ldd build/release/pricewire | sed -n 's/^\s*\(\S*\) => .*/*\/\1/p' | xargs dpkg-query -S | cut -d: -f1 | sort -u \
    > runtime-packages && cat runtime-packages

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="Pricewire" \
      org.opencontainers.image.description="Watches crypto prices and delivers a signed webhook when an alert fires" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.vendor="The Pricewire authors" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
COPY --from=build /source/runtime-packages /tmp/
# ca-certificates: for TLS to receivers and exchanges. The two folders belong to the user that the program runs as,
# and so does a new volume mounted there.
RUN apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install \
       ca-certificates $(cat /tmp/runtime-packages) \
    && rm -rf /tmp/runtime-packages /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* \
    && useradd --uid 10001 --user-group --home-dir /pricewire --no-create-home --shell /usr/sbin/nologin pricewire \
    && install -d -m 755 /pricewire \
    && install -d -o pricewire -g pricewire -m 700 /pricewire/data /keys
COPY --from=build /image/ /
RUN ["pricewire", "--version"]
USER pricewire
# pricewire.toml is read from here if one is mounted; the database and its key are in data/.
WORKDIR /pricewire
VOLUME /pricewire/data
ENV PRICEWIRE_HTTP_LISTEN=0.0.0.0:8000 PRICEWIRE_HEALTH_LISTEN=0.0.0.0:8001
EXPOSE 8000
# For `serve` and `api`; for other roles, append the role.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["pricewire", "health"]
ENTRYPOINT ["pricewire"]
CMD ["serve"]
