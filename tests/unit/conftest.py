"""What unit tests share: a web server of their own."""

import pytest
from http_server import serve

from embedshift import download


@pytest.fixture
def site(monkeypatch):
    """Return a server on this machine, asked without a proxy and again without a pause."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "PAUSE_S", 0.0)
    with serve() as site:
        yield site
