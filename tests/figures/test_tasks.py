from sparsedend.figures import tasks
from tests.figures.runs import of, run

PLAIN = [run("vann", (1, 32), 1, 0.8), run("dann-r", (1, 64), 1, 0.9), run("dann-r", (2, 64))]


def sizes(chosen):
    return {model: (each.dendrites, each.somata) for model, each in chosen.items()}


def test_runs_by_their_noise():
    noisy = [
        run("dann-r", size, 1, noise=sigma) for size in ((1, 64), (2, 64)) for sigma in (1, 0.5)
    ]
    dense = run("vann", (1, 32), 1, noise=1.0)
    task = tasks.noise(of(PLAIN, noisy, dense))
    assert list(task.parts) == [0.0, 0.5, 1.0]
    assert sizes(task.chosen) == {"dann-r": (1, 64), "vann": (1, 32)}
    assert task.parts[0.0].rows == PLAIN[:2]
    assert task.parts[0.5].rows == [noisy[1]]
    assert task.parts[1.0].rows == [noisy[0], dense]
    assert task.missing == []


def test_a_level_that_the_chosen_size_lacks_is_left_out():
    noisy = [run("dann-r", (1, 64), 1, noise=0.5), run("dann-r", (2, 64), 1, noise=0.75)]
    assert list(tasks.noise(of(PLAIN, noisy)).parts) == [0.0, 0.5]


def test_a_size_that_was_not_tried_with_noise_is_not_chosen():
    task = tasks.noise(of(PLAIN, run("dann-r", (2, 64), 1, noise=0.5)))
    assert sizes(task.chosen) == {"dann-r": (2, 64)}
    failed = tasks.noise(of(PLAIN, run("dann-r", (1, 64), 1, noise=0.5, error="broke")))
    assert failed == ({}, {}, ["1 run, which failed"])


def test_without_the_task_there_are_no_parts():
    assert tasks.noise(of(PLAIN)) == ({}, {}, [])
    assert tasks.sequential(of(PLAIN)) == ({}, {}, [])


def test_runs_of_sequential_learning():
    rows = [run("dann-r", size, 1, 0.5, sequential=True) for size in ((1, 64), (2, 64))]
    task = tasks.sequential(of(PLAIN, rows))
    assert sizes(task.chosen) == {"dann-r": (1, 64)}
    assert task.parts[0.0].rows == rows[:1]
    assert task.missing == []
    assert tasks.sequential(of(rows)).missing == [
        "runs of vANN without noise, shuffled, which tell the size of dANN-R; D=2 S=64 stands in"
    ]
