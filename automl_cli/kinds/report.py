"""The document that `automl report --json` prints."""

from automl_cli.plugins.kind import Kind
from automl_cli.store.reports import Report

KIND = Kind(name="report", body=Report)
