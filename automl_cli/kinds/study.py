"""The settings of a search: `study.json`."""

from automl_cli.plugins.kind import Kind
from automl_cli.store.study import StudySettings

KIND = Kind(name="study", body=StudySettings)
