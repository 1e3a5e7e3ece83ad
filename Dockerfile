# Serves from a MongoDB of its own (docker-compose.yml). The embedded database is under the GPL and is left out.
FROM python:3.11-slim AS build
RUN python -m venv /opt/magistrate
ENV PATH=/opt/magistrate/bin:$PATH
WORKDIR /build
COPY requirements-server.lock .
RUN pip install --no-cache-dir --require-hashes --requirement requirements-server.lock
COPY pyproject.toml README.md LICENSE ./
COPY documents documents
COPY resolvers resolvers
COPY gql gql
COPY magistrate magistrate
COPY examples examples
RUN pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
RUN useradd --system --create-home --home-dir /var/lib/magistrate magistrate
COPY --from=build /opt/magistrate /opt/magistrate
USER magistrate
WORKDIR /var/lib/magistrate
ENV PATH=/opt/magistrate/bin:$PATH \
    MAGISTRATE_HOST=0.0.0.0 \
    MAGISTRATE_PORT=8000 \
    MAGISTRATE_DATA_DIR=/var/lib/magistrate
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
CMD ["magistrate", "serve"]
