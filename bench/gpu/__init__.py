"""What a GPU does: ours against PyTorch's masked dense matrices, on the same device, in turns.

``python -m bench.gpu`` measures all parts, or those named, and writes ``bench/results/gpu.md``
after each, so that what was measured is kept when a later one fails.
"""
