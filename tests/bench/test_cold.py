from bench import cold
from bench.options import Options


def test_the_page(tmp_path, monkeypatch):
    """What is not compiled the second time takes less."""
    calls = {"nothing": ("pass", 1), "a prediction": ("sd.predict(network, x[:1])", 2)}
    monkeypatch.setattr(cold, "CALLS", calls)
    cold.measure(Options(tmp_path, rounds=1, threads=1))
    page = (tmp_path / "cold.md").read_text()
    assert "| nothing | 0.00 | 0.00 | 1 |" in page
    (line,) = (line for line in page.splitlines() if line.startswith("| a prediction |"))
    first, second = (float(cell) for cell in line.split("|")[2:4])
    assert 0 <= second < first
