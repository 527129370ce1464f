"""Settle the executor, how many workers it has, and the Ray cluster behind them."""

from typing import NamedTuple

from automl_cli.core.errors import UserError
from automl_cli.core.flags import Request
from automl_cli.core.trials import Cluster
from automl_cli.executors.ray_cluster import address_of, check_ray, granted_workers
from automl_cli.executors.serial import check_serial
from automl_cli.plugins.registry import EXECUTORS
from automl_cli.system.process import default_workers, visible_gpus, workers_have_accelerator

RAY = "ray"

CLUSTER_FLAGS = ("ray-address", "child-cpus", "child-gpus")
"""The flags that are about a Ray cluster."""


class Workplace(NamedTuple):
    """The settings that say where children run, by the names that a study records them under."""

    executor: str
    workers: int
    cluster: Cluster | None

    @property
    def accelerated(self) -> bool:
        """Return whether workers compute on GPUs or TPUs. The serial executor computes on the CPU."""
        if self.cluster is not None:
            return self.cluster.child_gpus > 0
        return self.executor != "serial" and workers_have_accelerator()


def place_of(
    executor: str,
    workers: int | None,
    timeout_seconds: float | None,
    *,
    memory_limit_bytes: int | None = None,
    cluster: Cluster | None = None,
) -> Workplace:
    """Check the executor and return it with its number of workers, the default number where none is given.

    Raises UserError for what it cannot do, and for a cluster that cannot be joined where it has to say its size.
    """
    EXECUTORS.check(executor)
    if executor == "serial":
        check_serial(workers or 1, timeout_seconds)
        return Workplace(executor, 1, None)
    if executor != RAY:
        return Workplace(executor, workers or default_workers(memory_limit_bytes), None)
    check_ray()
    cluster = cluster or Cluster()
    address_of(cluster)
    return Workplace(executor, workers or granted_workers(cluster), cluster)


def cluster_of(executor: str, request: Request, before: Cluster | None = None) -> Cluster | None:
    """Return the cluster that the flags name, other than they say as `before`; None for another executor than Ray.

    Raises UserError for flags about a cluster where there is none.
    """
    given = {flag: value for flag, value in request.given().items() if flag in CLUSTER_FLAGS}
    if executor != RAY:
        for flag in given:
            raise UserError(
                f"--{flag} is about a Ray cluster, and this is --executor {executor}; give --executor ray, or leave it out"
            )
        return None
    before = before or Cluster(child_gpus=1.0 if visible_gpus() else 0.0)
    return Cluster(
        address=given.get("ray-address", before.address),
        child_cpus=given.get("child-cpus", before.child_cpus),
        child_gpus=given.get("child-gpus", before.child_gpus),
    )
