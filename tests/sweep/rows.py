"""What tests of sweeps share."""

import os
import signal
import threading
import time

from sparsedend.sweep import Results

SMALL = {"dendrites": 2, "somata": 8, "synapses": 5, "epochs": 2}


def by_settings(results):
    return {Results.settings_of(row): row for row in results.rows}


def same(one, other):
    """Whether two rows agree in everything but time and memory."""
    volatile = ("train_seconds", "seconds_per_epoch", "seconds")
    return all(one[name] == other[name] for name in one if name not in volatile)


def killed_after_a_row(path, pids):
    """Thread that kills one of the processes when the first run has ended."""

    def wait():
        while not (path.is_file() and Results.read(path).rows):
            time.sleep(0.02)
        os.kill(pids()[0], signal.SIGKILL)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread
