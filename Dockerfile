# One image for the worker and every other `pathcast` command.
#   docker build -t pathcast .                                    torch with CUDA, as PyPI has it for Linux
#   docker build -t pathcast --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu .     2 GB smaller
#   docker build -t pathcast --build-arg KERNEL_CPU= --build-arg KERNEL_FEATURES= .             on arm64
FROM python:3.11-slim AS build
ARG TORCH_INDEX=
COPY constraints.txt /src/
RUN python -m venv /opt/pathcast && /opt/pathcast/bin/pip install --no-cache-dir -c /src/constraints.txt uv
# Before the code, so that a change of code does not download torch again.
RUN cd /src && test -z "$TORCH_INDEX" || \
    /opt/pathcast/bin/uv pip install --no-cache --python /opt/pathcast/bin/python \
    --default-index "$TORCH_INDEX" "torch==$(sed -n 's/^torch==\([0-9.]*\).*/\1/p' constraints.txt)"
COPY pyproject.toml README.md LICENSE /src/
COPY models /src/models
COPY streams /src/streams
COPY trainer /src/trainer
COPY gateway /src/gateway
COPY deploy /src/deploy
RUN /opt/pathcast/bin/uv pip install --no-cache --python /opt/pathcast/bin/python \
    -c /src/constraints.txt -b /src/constraints.txt /src
# Kernels are compiled here, for processors with AVX2, so that no worker has to. Any version names them all.
ARG KERNEL_CPU=x86-64-v3
ARG KERNEL_FEATURES=+avx2
ENV NUMBA_CACHE_DIR=/opt/kernels NUMBA_CPU_NAME=$KERNEL_CPU NUMBA_CPU_FEATURES=$KERNEL_FEATURES
RUN PATH=/opt/pathcast/bin:$PATH && cd /tmp && \
    log="$(python -c 'from deploy.demo.shipped_log import shipped; print(shipped())')" && \
    pathcast train --events "$log" --registry /tmp/registry --time-budget 0.3 --no-baselines --no-announce && \
    pathcast models warm-up --registry /tmp/registry && rm -r /tmp/registry

FROM python:3.11-slim
ARG KERNEL_CPU=x86-64-v3
ARG KERNEL_FEATURES=+avx2
RUN useradd --create-home --uid 10001 pathcast && install -d -o pathcast /var/lib/pathcast /registry
COPY --from=build /opt/pathcast /opt/pathcast
# numba reads only from a folder that it may write to.
COPY --from=build --chown=pathcast /opt/kernels /opt/kernels
ENV PATH=/opt/pathcast/bin:$PATH \
    NUMBA_CACHE_DIR=/opt/kernels \
    NUMBA_CPU_NAME=$KERNEL_CPU \
    NUMBA_CPU_FEATURES=$KERNEL_FEATURES \
    PATHCAST_DATADIR=/var/lib/pathcast \
    PATHCAST_REGISTRY=/registry \
    PYTHONUNBUFFERED=1
USER pathcast
WORKDIR /home/pathcast
VOLUME ["/var/lib/pathcast", "/registry"]
EXPOSE 6066
# Unhealthy while it recovers: a rollout waits, Kafka has given its partitions to nobody else meanwhile.
HEALTHCHECK --interval=5s --timeout=3s --start-period=120s --retries=3 CMD ["python", "-c", \
    "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('PATHCAST_WEB_PORT', '6066') + '/readyz', timeout=2)"]
ENTRYPOINT ["pathcast"]
CMD ["worker"]
