"""Which calls the installed client has."""

import mlflow
import pytest

VERSION = tuple(int(p) for p in mlflow.__version__.split(".")[:2])


def needs(since: str, what: str):
    """Skips a test by name where the installed client has no such call."""
    wanted = tuple(int(p) for p in since.split("."))
    return pytest.mark.skipif(VERSION < wanted, reason=f"mlflow {mlflow.__version__} has no {what} (since {since})")
