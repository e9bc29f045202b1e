# A machine to run build.sh in: Debian 12 with Rust and the host tools. Not a place where outputs come from: those are
# built by the pinned seed env, and have the same digests here as anywhere else.
#   podman build --tag ashlar-builder --file Containerfile.builder .
#   podman run --rm --cap-add SYS_ADMIN,NET_ADMIN --cgroupns private --security-opt seccomp=unconfined \
#     --security-opt apparmor=unconfined --security-opt unmask=ALL --volume "$PWD:/ashlar" --volume ashlar-store:/store \
#     ashlar-builder --target iso
# Builds start containers of their own; the Jenkinsfile says what each of these options is for.
# By tag, not by digest, and Debian's packages are of the day: neither reaches an output. To get the very same machine each
# time, write the digest that `podman image inspect --format '{{.Digest}}'` shows, and raise it with the version.
FROM rust:1.95-slim-bookworm

RUN apt-get update && apt-get install --yes --no-install-recommends \
        ca-certificates gcc gpgv iproute2 libc6-dev make mount nftables openssh-client openssl ovmf podman python3-venv \
        qemu-system-x86 runc util-linux \
    && rm -rf /var/lib/apt/lists/*

# For podman's containers in a container: plain files instead of stacked overlays.
ENV ASHLAR_STORE=/store STORAGE_DRIVER=vfs
VOLUME /store
WORKDIR /ashlar
ENTRYPOINT ["./build.sh"]
CMD ["--help"]
