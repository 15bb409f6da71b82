# Two stages: the first has the sources and the build backend, the second only what was installed from them.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/infusion
# The locks alone first: they change seldom, and so does this layer.
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN /opt/infusion/bin/pip install --require-hashes --only-binary :all: -r requirements/runtime.txt \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml README.md ./
COPY workflows workflows
COPY config config
COPY infusion_service infusion_service
RUN /opt/build/bin/python -c "from hatchling.build import build_wheel; build_wheel('/wheel')" \
    && /opt/infusion/bin/pip install --no-deps --no-index /wheel/*.whl

FROM python:3.11-slim
# A fixed number, so that the owner of a mounted volume can be set before the first start.
RUN groupadd --system --gid 10001 infusion \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/infusion --shell /usr/sbin/nologin infusion \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/infusion
COPY --from=build /opt/infusion /opt/infusion
ENV PATH=/opt/infusion/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    INFUSION_HTTP_HOST=0.0.0.0 \
    INFUSION_HTTP_PORT=8080 \
    INFUSION_LOGS_JSON=true \
    INFUSION_STORAGE_DATABASE=/var/lib/infusion/infusion.db
# The address can be reached from outside the container, so the start is refused until the operator says who speaks
# TLS: INFUSION_HTTP_BEHIND_PROXY=true, or the two INFUSION_HTTP_TLS_* files.
USER 10001:10001
WORKDIR /var/lib/infusion
VOLUME /var/lib/infusion
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["infusion", "check", "--ready"]
ENTRYPOINT ["infusion"]
CMD ["serve"]
