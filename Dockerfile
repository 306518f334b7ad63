# SPDX-License-Identifier: Apache-2.0
# Three images: `hook` (the default target) runs beside a VM, in 64 MB, and holds an interpreter
# and what the hook imports, but no shell, no package manager and no TLS library. `libvirt`
# holds every command, libvirt and QEMU, for --source libvirt. `node` holds every command and
# libvirt's client library, for a DaemonSet.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS tools
# A pip.conf mounted into the build, where a network has a CA bundle or an index of its own.
ARG PIP_CONFIG_FILE
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        python3 python3-venv >/dev/null
COPY constraints.txt /src/
RUN python3 -m venv /tools \
    && /tools/bin/pip install -q --no-cache-dir -c /src/constraints.txt pip setuptools
COPY image /src/image
COPY LICENSE README.md pyproject.toml /src/
COPY sidecar /src/sidecar

FROM tools AS hook-tree
ARG PIP_CONFIG_FILE
RUN /src/image/install /opt/portside /src && /src/image/collect /opt/portside /tree

FROM tools AS libvirt-tree
ARG PIP_CONFIG_FILE
RUN DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        gcc libc6-dev libvirt-dev pkgconf python3-dev >/dev/null \
    && /src/image/install /opt/portside '/src[cli,libvirt,node,agent]'

FROM ${BASE} AS libvirt
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        libvirt-daemon-driver-qemu python3 qemu-system-x86 tini >/dev/null \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* \
    && echo 'qemu:x:107:107::/tmp:/usr/sbin/nologin' >>/etc/passwd \
    && echo 'qemu:x:107:' >>/etc/group
COPY --from=libvirt-tree /opt/portside /opt/portside
LABEL org.opencontainers.image.title="portside-libvirt" \
    org.opencontainers.image.description="Portside's commands with libvirt and QEMU" \
    org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/portside/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1
USER 107:107
# Each QEMU that libvirt asks for its abilities ends as a child of process 1. Unless that one
# reaps, libvirt takes it for alive and waits 40 seconds.
ENTRYPOINT ["tini", "--", "portside"]
CMD ["--help"]

FROM ${BASE} AS node
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        libvirt0 python3 >/dev/null \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*
COPY --from=libvirt-tree /opt/portside /opt/portside
LABEL org.opencontainers.image.title="portside-node" \
    org.opencontainers.image.description="Keeps a node's VF pools and serves KubeVirt's node hooks" \
    org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/portside/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1
# The files of sysfs, of /var/lib/portside and of KubeVirt's socket directory are root's.
USER 0:0
ENTRYPOINT ["portside", "node"]

# Last, so that a build without --target makes this one.
FROM scratch AS hook
COPY --from=hook-tree /tree /
LABEL org.opencontainers.image.title="portside" \
    org.opencontainers.image.description="Reserves PCIe root ports for KubeVirt VMs" \
    org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/portside/bin:/usr/bin PYTHONDONTWRITEBYTECODE=1
# KubeVirt's own uid for a VM that is not root's.
USER 107:107
ENTRYPOINT ["portside", "hook"]
