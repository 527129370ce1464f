from automl_cli.api.ask_tell import AskTell as AskTell
from automl_cli.api.reports import report as report
from automl_cli.api.result import SearchResult as SearchResult
from automl_cli.api.searching import search as search
from automl_cli.api.training import TrainingResult as TrainingResult
from automl_cli.api.training import evaluate as evaluate
from automl_cli.api.training import train as train
from automl_cli.api.using import build as build
from automl_cli.api.using import export as export
from automl_cli.api.using import predict as predict
from automl_cli.core.errors import ArtifactError as ArtifactError
from automl_cli.core.errors import AutomlError as AutomlError
from automl_cli.core.errors import DataError as DataError
from automl_cli.core.errors import RunFailed as RunFailed
from automl_cli.core.errors import RunInUse as RunInUse
from automl_cli.core.errors import SpaceError as SpaceError
from automl_cli.core.errors import UserError as UserError
from automl_cli.evaluators.proposed_child import ProposedChild as ProposedChild
from automl_cli.jobs.loading import Loaded as Loaded
from automl_cli.jobs.loading import load as load

__version__: str
