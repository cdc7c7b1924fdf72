# The workflow and all that it runs on; docs/cluster.md says how to build and use it.
# Any base will do that has Python 3.11 or newer with its venv module.
ARG BASE=python:3.13-slim
FROM ${BASE}

RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:${PATH}

WORKDIR /echoes
COPY requirements.lock requirements-cluster.lock ./
RUN pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes \
        -r requirements.lock -r requirements-cluster.lock \
    # Whoever runs it may write beside the workflow, and change nothing of it.
    && chmod 1777 .
COPY . .

# Any user may run it: Snakemake asks for a name, and remembers things at home.
ENV HOME=/tmp USER=echoes
USER 1000:1000
CMD ["snakemake", "--cores", "all"]
