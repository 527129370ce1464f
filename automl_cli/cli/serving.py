"""Serves the page of a report to browsers of this machine until it is interrupted: `automl report --serve`."""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from automl_cli.cli.console import talk_console, write_line

if TYPE_CHECKING:
    from automl_cli.cli.reporting import ReportFlags


def serve_page(paths: Sequence[Path], flags: "ReportFlags", *, port: int) -> None:
    """Serve the page that `--html` would write of these directories. Its address goes to stdout."""
    from automl_cli.reporting.gathering import gather, page_about, refuse_folders, sort_out
    from automl_cli.reporting.serving import LivePage, PageServer, Served
    from automl_cli.reporting.watching import still_running, version_of
    from automl_cli.system.process import set_up_this_process

    named = sort_out(paths)
    refuse_folders(named, "--serve")
    set_up_this_process()  # what a policy learned is read by JAX

    def version() -> Hashable:
        return version_of(paths)

    def make() -> Served:
        now = sort_out(paths)
        goes_on = still_running(paths)  # asked first: what ends meanwhile is asked for once more
        return Served(page_about(now, gather(now, top=flags.top, target=flags.reach)), goes_on)

    page = LivePage(version, make)
    with PageServer(page, port) as server:
        page.now()  # what cannot be read is said before anything is served
        write_line(server.address)
        talk_console().print("served to browsers of this machine until Ctrl-C", style="dim", soft_wrap=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            talk_console().print("no longer served", style="dim", soft_wrap=True)
