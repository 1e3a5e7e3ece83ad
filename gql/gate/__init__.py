"""The gate over HTTP: may this version, or may these bytes, run there now? It reads, and decides nothing of its own."""
