"""The page that ends a run: figures, tables and real samples from the run folder, as one HTML file."""

from ecomct.reporting.page import write_report

__all__ = ["write_report"]
