# The vault as a container: built with the workspace's own toolchain version, run as nobody.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --profile dist --package medvault

FROM debian:bookworm-slim
RUN useradd --system --home /var/lib/medvault --create-home medvault
COPY --from=build /src/target/dist/medvault /usr/local/bin/medvault
USER medvault
VOLUME /var/lib/medvault
EXPOSE 8080
ENTRYPOINT ["medvault"]
CMD ["serve", "--listen", "0.0.0.0:8080", "--data-dir", "/var/lib/medvault"]
