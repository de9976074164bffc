# One image for every role: `stream-app worker` by default, any other command of stream-app by its name.
# Two stages build, the last carries only what runs. The tag is Python 3.13 on Debian 12 and follows the fixes of both:
# building again brings them.

FROM python:3.13-slim-bookworm AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src

# The environment that is shipped gets the runtime lock only and no pip.
COPY requirements.txt ./
RUN python -m venv --without-pip /opt/stream-app \
    && pip --python /opt/stream-app/bin/python install --no-deps --require-hashes --only-binary :all: -r requirements.txt


FROM dependencies AS build

# The build tools stay in this stage. The project is installed beside the environment, not into it, so that it can be
# copied alone; its command names the environment's Python.
COPY requirements-build.txt ./
RUN pip install --no-deps --require-hashes --only-binary :all: -r requirements-build.txt

COPY pyproject.toml README.md LICENSE ./
COPY stream_app stream_app
COPY models models
COPY monitoring monitoring
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/stream-app/bin/python install --no-deps --no-index --prefix /project /wheels/*.whl


FROM python:3.13-slim-bookworm

# LightGBM's wheel links OpenMP's libgomp, which slim images lack. No version: Debian's mirrors keep only the newest, so a
# pinned one fails at its first security fix.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/stream-app --shell /usr/sbin/nologin stream-app \
    && install --directory --owner=stream-app --group=stream-app /var/lib/stream-app

# A layer of 1.2 GB that changes with the lock, and a small one that changes with the code.
COPY --from=dependencies /opt/stream-app /opt/stream-app
COPY --from=build /project /opt/stream-app

# DO_NOT_TRACK: Evidently reports its use to its makers otherwise.
ENV PATH=/opt/stream-app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DO_NOT_TRACK=1 \
    STREAM_APP_CLIENTS=/var/lib/stream-app/clients.db \
    STREAM_APP_STORE=/var/lib/stream-app/decisions.db \
    STREAM_APP_REPORTS=/var/lib/stream-app/reports \
    STREAM_APP_KEYS=/var/lib/stream-app/keys

# The one folder that is written to; everything else may be mounted read-only.
WORKDIR /var/lib/stream-app
USER 10001:10001
EXPOSE 6066 6067 8000

# /ready answers 503 until partitions are assigned and again when a backlog stops shrinking; urlopen fails on that. Slim
# images have no curl.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:6066/ready', timeout=4)"]

ENTRYPOINT ["stream-app"]
CMD ["worker"]
