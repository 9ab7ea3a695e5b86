# The dashboard for a team store (compose.yaml, docs/growing.md). Python is that of the tests.
FROM python:3.11.14-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BATON_HOME=/var/lib/baton \
    XDG_CACHE_HOME=/var/lib/baton/cache

WORKDIR /opt/baton
COPY requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt \
    && useradd --system --uid 10001 --home-dir /var/lib/baton --create-home --shell /usr/sbin/nologin baton
COPY app.py ./
COPY .streamlit/config.toml .streamlit/config.toml
COPY analytics analytics
COPY data data
COPY pages pages
COPY routing routing
COPY simulations simulations
COPY docs docs

USER 10001
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["python", "-m", "pages", "--server.address", "0.0.0.0", "--server.port", "8501"]
