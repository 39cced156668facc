"""Runs spread over processes, here through joblib, on a cluster through Dask; on a GPU, threads."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from .. import backends
from ..backends.threads import available_threads
from ..errors import InputError
from ..files import exists, make_folder, remove_leftovers
from ..locks import locked
from ..numbers import whole
from ..run import check_output
from ..settings import Settings
from . import kept
from .grid import PlannedRun
from .progress import Progress
from .results import Results, Row, row_of
from .worker import begin, execute

#: Seconds within which a scheduler must answer.
SCHEDULER_TIMEOUT = 8
#: Of a Dask scheduler.
DEFAULT_PORT = 8786
KILLED = "its worker was killed, which mostly means too little memory: use fewer `jobs`"

Task = Callable[[PlannedRun], Row]


def sweep(
    runs: list[PlannedRun],
    output: str | Path,
    *,
    jobs: int | None = None,
    threads: int = 1,
    backend: str = "auto",
    scheduler: str | None = None,
    checkpoints: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    no_lock: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Results:
    """Do all runs; each result is in the file as soon as its run has ended.

    The longest runs come first, which leaves the least idle time at the end. A run that fails is
    recorded with its error, and tried again when the sweep is resumed. What the grid asks to keep
    of the networks lies beside the results, in a folder that the workers must reach.

    Parameters
    ----------
    runs : list of PlannedRun
        From `expand` or `read_grid`.
    output : str or Path
        Results; refused where it exists unless `resume` or `overwrite`. Rows of other runs stay.
    jobs : int, optional
        Runs at once on this machine; by default as many as its cores take, or its GPU.
    threads : int
        Of each run.
    backend : str
    scheduler : str, optional
        Address of a Dask scheduler, whose workers have one thread each; without it, processes on
        this machine.
    checkpoints : str or Path, optional
        Folder for the trained networks, which the workers must reach; kept nowhere without it.
    resume : bool
        Leave out the runs that `output` already holds, with all that is to be kept of them.
    overwrite : bool
        Replace `output` where it exists, as soon as a run has ended.
    no_lock : bool
        Do not keep other processes from writing `output` and `checkpoints`, where their file
        systems have no locks.
    say : callable
        Called with a line on where the sweep stands.

    Returns
    -------
    Results
        All rows that `output` has then.

    Raises
    ------
    InputError
        Where the output, the scheduler or a number cannot be used.
    """
    jobs = None if jobs is None else whole("jobs", jobs)
    threads = whole("threads", threads)
    output = Path(output)
    checkpoints = None if checkpoints is None else Path(checkpoints)
    check_output(output, resume=resume, overwrite=overwrite)
    side_by_side = None
    if scheduler is None:
        side_by_side = backends.create(backend, threads).side_by_side
        if side_by_side is None:
            _joblib()
    folder = kept.folder_of(output).resolve()
    task = partial(
        execute,
        backend=backend,
        threads=threads,
        checkpoints=None if checkpoints is None else checkpoints.resolve(),
        resume=not overwrite,
        no_lock=no_lock,
        folder=folder,
    )
    jobs = jobs or side_by_side or max(1, available_threads() // threads)
    cluster = nullcontext() if scheduler is None else _cluster(scheduler)
    with cluster as client, locked(output, lock=not no_lock):
        # Another sweep may have ended since.
        check_output(output, resume=resume, overwrite=overwrite)
        remove_leftovers(output)
        results = Results.read(output) if resume and exists(output) else Results(folder=folder)
        left = _left(runs, results, output)
        if len(left) < len(runs):
            say(f"'{output}' holds {len(runs) - len(left)} of these {len(runs)} runs already")
        if checkpoints is not None:
            make_folder(checkpoints, "give other `checkpoints`")
        keeping = [run for run in left.values() if run.keep]
        if keeping:
            make_folder(folder, "give another `output`")
            kilobytes = sum(run.kept_bytes for run in keeping) / 1e3
            say(f"'{folder}' will hold {kilobytes:,.0f} kB of {len(keeping)} runs")
        # What is replaced stays until a run has ended.
        if not (overwrite and left and exists(output)):
            results.write(output)
        if side_by_side:
            rows = _rows_side_by_side(task, list(left.values()), jobs)
        elif client is None:
            rows = _rows_here(task, list(left.values()), jobs, threads)
        else:
            jobs = len(client.nthreads())
            rows = _rows_on_cluster(client, task, list(left.values()))
        with Progress(list(left.values()), jobs) as progress, closing(rows):
            for row in rows:
                results.add(row)
                results.write(output)
                progress.finished(left[results.settings_of(row)], failed=bool(row["error"]))
    return results


def _left(runs: list[PlannedRun], results: Results, output: Path) -> dict[Settings, PlannedRun]:
    """Runs that are not finished, or lack what is to be kept of them, longest first."""
    left = {run.settings: run for run in sorted(runs, key=lambda run: -run.work)}
    kept_parts = results.kept_parts
    for settings, fingerprint in results.finished.items():
        run = left.get(settings)
        if run and run.fingerprint != fingerprint:
            raise InputError(
                f"'{output}' holds runs on other images or labels than '{settings.dataset}' has "
                "now: give another `output`"
            )
        had = kept_parts.get(settings, set())
        if run and had.issuperset(run.keep):
            del left[settings]
        elif run:
            # What it is done again for takes nothing away.
            keep = tuple(part for part in kept.PARTS if part in had or part in run.keep)
            left[settings] = replace(run, keep=keep)
    return left


def _rows_here(
    task: Task, left_: list[PlannedRun], jobs: int, threads: int
) -> Generator[Row, None, None]:
    """Rows in the order in which runs end, by processes on this machine.

    When a process is killed, joblib ends the others too. What was under way is then among the first
    runs that are left; each of these is done with nothing beside it, so that the one that got its
    process killed is known, and recorded. joblib does a single job in this very process, which a
    killed run would take along: so it is told of two, and given one run at a time.
    """
    joblib = _joblib()
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    def rows(runs: list[PlannedRun]) -> Generator[Row, None, None]:
        with joblib.parallel_config(
            "loky", inner_max_num_threads=threads, initializer=begin, initargs=(os.getpid(),)
        ):
            parallel = joblib.Parallel(max(jobs, 2), batch_size=1, return_as="generator_unordered")
        return parallel(joblib.delayed(task)(run) for run in runs)

    left = {run.settings: run for run in left_}
    while left:
        try:
            for row in rows(list(left.values())[: 1 if jobs == 1 else None]):
                del left[Results.settings_of(row)]
                yield row
        except TerminatedWorkerError:
            for suspect in list(left.values())[:jobs]:
                del left[suspect.settings]
                try:
                    yield from rows([suspect])
                except TerminatedWorkerError:
                    yield row_of(suspect.settings, suspect.fingerprint, None, KILLED)


def _rows_side_by_side(task: Task, left: list[PlannedRun], jobs: int) -> Generator[Row, None, None]:
    """Rows in the order in which runs end, by threads of this process.

    Only so do trainings share a GPU: each queues its work on a stream of its own, and the device
    does what it has room for. Runs under way are waited for, also when no row is wanted any more.
    """
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(task, run) for run in left]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _rows_on_cluster(client: Any, task: Task, left: list[PlannedRun]) -> Generator[Row, None, None]:
    """Rows in the order in which runs end, by Dask's workers; it starts lost runs again itself."""
    from distributed import CancelledError, as_completed

    futures = {client.submit(task, run, pure=False): run for run in left}
    try:
        for future in as_completed(futures, loop=client.loop):
            error = future.exception()
            if error is None:
                yield future.result()
            else:
                run = futures[future]
                text = f"{type(error).__name__}: {error}"
                yield row_of(run.settings, run.fingerprint, None, text)
            future.release()
        client.cancel(list(futures))
    except (CancelledError, OSError) as error:
        raise InputError(
            "the scheduler is gone; finished runs are kept: start it again, and give `resume=True`"
        ) from error


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Client of the scheduler at that address, for as long as it is needed."""
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ImportError:
        raise InputError(
            "Dask, which reaches a scheduler, is not installed: pip install 'sparsedend[sweep]'"
        ) from None
    with ExitStack() as opened:
        try:
            # A client that finds nobody complains once more, and late, when it is collected.
            host, port = get_address_host_port(address, strict=False)
            socket.create_connection((host, port or DEFAULT_PORT), SCHEDULER_TIMEOUT).close()
            client = Client(address, timeout=SCHEDULER_TIMEOUT, set_as_default=False)
            opened.enter_context(client)
            workers = client.nthreads()
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"no scheduler answers at '{address}' ({reason}): start one with 'dask scheduler', "
                "or leave `scheduler` out"
            ) from error
        several = [name for name, threads in workers.items() if threads > 1]
        if several or not workers:
            what = "it has no workers"
            if several:
                what = f"the worker {several[0]} has several threads"
            raise InputError(
                f"the scheduler at '{address}' cannot be used, {what}: start workers with "
                f"'dask worker {address} --nthreads 1'"
            )
        yield client


def _joblib() -> Any:
    try:
        import joblib
    except ImportError:
        raise InputError(
            "joblib, which spreads runs over processes, is not installed: "
            "pip install 'sparsedend[sweep]'"
        ) from None
    return joblib
