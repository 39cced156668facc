"""Runs spread over processes: here through joblib, on a cluster through Dask."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from ..backends.numpy_backend import available_threads
from ..errors import InputError
from ..files import make_folder
from ..run import Settings
from .grid import PlannedRun
from .progress import Progress
from .results import Results, Row, row_of
from .worker import execute, leave_interrupts

#: Seconds within which a scheduler must answer.
SCHEDULER_TIMEOUT = 8
KILLED = "its worker was killed, which mostly means too little memory: use fewer --jobs"

Task = Callable[[Settings], Row]


def sweep(
    runs: list[PlannedRun],
    output: Path,
    *,
    jobs: int | None = None,
    threads: int = 1,
    backend: str = "auto",
    scheduler: str | None = None,
    checkpoints: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Results:
    """Do all runs; each result is in the file as soon as its run has ended.

    The longest runs come first, which leaves the least idle time at the end. A run that fails is
    recorded with its error, and tried again when the sweep is resumed.

    Parameters
    ----------
    runs : list of PlannedRun
        From `expand` or `read_grid`.
    output : Path
        Results; refused where it exists unless `resume` or `overwrite`. Rows of other runs stay.
    jobs : int, optional
        Runs at once on this machine; by default as many as its cores take.
    threads : int
        Of each run.
    backend : str
    scheduler : str, optional
        Address of a Dask scheduler, whose workers have one thread each; without it, processes on
        this machine.
    checkpoints : Path, optional
        Folder for the trained networks, which the workers must reach; kept nowhere without it.
    resume : bool
        Leave out the runs that `output` already holds.
    overwrite : bool
    say : callable
        Called with a line on where the sweep stands.

    Raises
    ------
    InputError
        Where the output, the scheduler or a number cannot be used.
    """
    for name, value in (("jobs", jobs), ("threads", threads)):
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}: give 1 or more")
    if output.exists() and not (resume or overwrite):
        raise InputError(f"'{output}' exists: give --resume, --overwrite or another --output")
    results = Results.read(output) if resume and output.exists() else Results()
    left = {run.settings: run for run in sorted(runs, key=lambda run: -run.work)}
    for settings in results.finished & left.keys():
        del left[settings]
    if len(left) < len(runs):
        say(f"'{output}' holds {len(runs) - len(left)} of these {len(runs)} runs already")
    if checkpoints:
        make_folder(checkpoints, "give other --checkpoints")
    task = partial(
        execute,
        backend=backend,
        threads=threads,
        checkpoints=checkpoints.resolve() if checkpoints else None,
        resume=not overwrite,
    )
    jobs = jobs or max(1, available_threads() // threads)
    with _cluster(scheduler) if scheduler else nullcontext() as client:
        results.write(output)
        if client is None:
            rows = _rows_here(task, list(left), jobs, threads)
        else:
            jobs = len(client.scheduler_info(n_workers=-1)["workers"])
            rows = _rows_on_cluster(client, task, list(left))
        with Progress(list(left.values()), jobs) as progress, closing(rows):
            for row in rows:
                results.add(row)
                results.write(output)
                progress.finished(left[results.settings_of(row)], failed=bool(row["error"]))
    return results


def _rows_here(
    task: Task, left: list[Settings], jobs: int, threads: int
) -> Generator[Row, None, None]:
    """Rows in the order in which runs end, by processes on this machine.

    When a process is killed, joblib ends the others too. What was under way is then among the first
    runs that are left; each of these is done with nothing beside it, so that the one that got its
    process killed is known, and recorded.
    """
    joblib = _joblib()
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    def rows(settings: list[Settings], jobs: int) -> Generator[Row, None, None]:
        with joblib.parallel_config(
            "loky", inner_max_num_threads=threads, initializer=leave_interrupts
        ):
            parallel = joblib.Parallel(jobs, batch_size=1, return_as="generator_unordered")
        return parallel(joblib.delayed(task)(each) for each in settings)

    left = list(left)
    while left:
        try:
            for row in rows(left, jobs):
                left.remove(Results.settings_of(row))
                yield row
        except TerminatedWorkerError:
            for suspect in left[:jobs]:
                left.remove(suspect)
                try:
                    yield from rows([suspect], 2)
                except TerminatedWorkerError:
                    yield row_of(suspect, None, KILLED)


def _rows_on_cluster(client: Any, task: Task, left: list[Settings]) -> Generator[Row, None, None]:
    """Rows in the order in which runs end, by Dask's workers; it starts lost runs again itself."""
    from distributed import as_completed

    futures = {client.submit(task, each, pure=False): each for each in left}
    try:
        for future in as_completed(futures, loop=client.loop):
            error = future.exception()
            if error is None:
                yield future.result()
            else:
                yield row_of(futures[future], None, f"{type(error).__name__}: {error}")
            future.release()
    finally:
        client.cancel(list(futures))


def _cluster(address: str) -> AbstractContextManager[Any]:
    """Client of the scheduler at that address."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            "Dask, which reaches a scheduler, is not installed: pip install 'sparsedend[sweep]'"
        ) from None
    try:
        client = Client(address, timeout=SCHEDULER_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"no scheduler answers at '{address}' ({reason}): start one with 'dask scheduler', or "
            "leave --scheduler out"
        ) from error
    workers = client.scheduler_info(n_workers=-1)["workers"]
    several = [name for name, worker in workers.items() if worker["nthreads"] > 1]
    if several or not workers:
        client.close()
        what = f"the worker {several[0]} has several threads" if several else "has no workers"
        raise InputError(
            f"the scheduler at '{address}': {what}: start workers with "
            f"'dask worker {address} --nthreads 1'"
        )
    return client


def _joblib() -> Any:
    try:
        import joblib
    except ImportError:
        raise InputError(
            "joblib, which spreads runs over processes, is not installed: "
            "pip install 'sparsedend[sweep]'"
        ) from None
    return joblib
