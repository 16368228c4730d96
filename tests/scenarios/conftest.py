"""Dairies that live for months."""

from tests.billing.conftest import living

__all__ = ["living"]
